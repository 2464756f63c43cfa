//! The DHCP requests in a capture file: classic pcap or pcapng, as tcpdump and Wireshark write them.

use std::path::Path;

use anyhow::{Context as _, bail};
use netboot_dhcp::message::Packet;
use netboot_ebpf::shared::Mac;
use netboot_site::config::open_regular;
use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader,
    traits::{PcapNGPacketBlock as _, PcapReaderIterator},
};

/// Room for the longest block: a frame of 64 KiB and what stands around it.
const BUFFER: usize = 256 * 1024;
/// More requests than an operator reads.
const MOST: usize = 1000;

/// A request of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The frame's number in the file, as Wireshark counts, from 1.
    pub number: usize,
    pub frame: Vec<u8>,
    /// Bytes on the wire that the capture left out.
    pub cut: usize,
}

/// What a file has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    pub requests: Vec<Captured>,
    /// Requests beyond what is shown.
    pub left_out: usize,
    /// All frames, of any kind.
    pub frames: usize,
    /// Frames of an interface that the file does not describe.
    pub skipped: usize,
    /// What is wrong with the file.
    pub notes: Vec<String>,
}

impl Capture {
    /// The DHCP requests in a file, those of one machine if it is named.
    ///
    /// # Errors
    /// The file cannot be read, is no capture, or one of something else than Ethernet.
    pub fn read(path: &Path, mac: Option<Mac>) -> anyhow::Result<Self> {
        let name = path.display();
        let file = open_regular(path).with_context(|| format!("cannot open {name}"))?;
        let mut reader = match create_reader(BUFFER, file) {
            Ok(reader) => reader,
            Err(PcapError::ReadError) => bail!("cannot read {name}"),
            Err(_) => {
                bail!("{name} is no capture file: write one with `tcpdump -w {name} port 67 or 68`")
            }
        };
        let mut capture = Self::default();
        capture.read_blocks(&mut *reader, mac).with_context(|| name.to_string())?;
        if capture.skipped > 0 {
            let skipped = capture.skipped;
            capture.notes.push(format!(
                "{skipped} frames are skipped: the file does not describe what they were captured on"
            ));
        }
        Ok(capture)
    }

    fn read_blocks(
        &mut self,
        reader: &mut dyn PcapReaderIterator,
        mac: Option<Mac>,
    ) -> anyhow::Result<()> {
        let mut interfaces = Vec::new();
        loop {
            let is_whole = reader.reader_exhausted();
            let used = match reader.next() {
                Ok((used, block)) => {
                    self.block(block, &mut interfaces, mac)?;
                    used
                }
                Err(PcapError::Eof) => return Ok(()),
                Err(PcapError::Incomplete(_)) if !is_whole => {
                    reader.refill().map_err(|_| anyhow::anyhow!("cannot be read"))?;
                    continue;
                }
                Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => {
                    self.notes.push(format!("the file ends within frame {}", self.frames + 1));
                    return Ok(());
                }
                Err(PcapError::BufferTooSmall) => {
                    bail!("frame {} is longer than any frame", self.frames + 1)
                }
                Err(_) => {
                    self.notes.push(format!("after frame {} it cannot be read", self.frames));
                    return Ok(());
                }
            };
            reader.consume(used);
        }
    }

    fn block(
        &mut self,
        block: PcapBlockOwned<'_>,
        interfaces: &mut Vec<Linktype>,
        mac: Option<Mac>,
    ) -> anyhow::Result<()> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => interfaces.push(header.network),
            PcapBlockOwned::Legacy(frame) => {
                self.frame(frame.data, frame.origlen, interfaces.first(), mac)?;
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(own)) => interfaces.push(own.linktype),
            PcapBlockOwned::NG(Block::EnhancedPacket(frame)) => {
                let interface = interfaces.get(frame.if_id as usize);
                self.frame(frame.packet_data(), frame.origlen, interface, mac)?;
            }
            PcapBlockOwned::NG(Block::SimplePacket(frame)) => {
                self.frame(frame.packet_data(), frame.origlen, interfaces.first(), mac)?;
            }
            PcapBlockOwned::NG(_) => {}
        }
        Ok(())
    }

    fn frame(
        &mut self,
        frame: &[u8],
        length: u32,
        interface: Option<&Linktype>,
        mac: Option<Mac>,
    ) -> anyhow::Result<()> {
        self.frames += 1;
        let Some(interface) = interface else {
            self.skipped += 1;
            return Ok(());
        };
        is_ethernet(*interface)?;
        let Some(packet) = Packet::read(frame).filter(Packet::is_request) else { return Ok(()) };
        if mac.is_some_and(|mac| packet.mac() != mac) {
            return Ok(());
        }
        if self.requests.len() == MOST {
            self.left_out += 1;
            return Ok(());
        }
        let cut = (length as usize).saturating_sub(frame.len());
        self.requests.push(Captured { number: self.frames, frame: frame.to_vec(), cut });
        Ok(())
    }
}

fn is_ethernet(linktype: Linktype) -> anyhow::Result<()> {
    match linktype {
        Linktype::ETHERNET => Ok(()),
        Linktype(113 | 276) => bail!(
            "it was captured on `any` (Linux cooked), which keeps no Ethernet headers: \
             capture again on the interface (`tcpdump -i DEV -w FILE`)"
        ),
        Linktype(other) => bail!("its link type is {other}, not Ethernet"),
    }
}

#[cfg(test)]
pub(super) mod tests;
