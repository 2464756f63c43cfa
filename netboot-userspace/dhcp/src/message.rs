//! A DHCP message in its frame, read tolerantly: what is shown of requests and answers. The responder's own reader
//! (netboot-ebpf), which takes no more than the kernel can, decides what is answered and which servers are others.

use std::net::Ipv4Addr;

use netboot_ebpf::{
    frame::{ADDRESSES, TAG, classify, tag_id},
    shared::Mac,
    verdict::Verdict,
    wire::{
        BOOTREPLY, BOOTREQUEST, CHADDR, CIADDR, COOKIE, FILE, GIADDR, MAGIC_COOKIE, OP, OPTIONS,
        PROXY_PORT, SERVER_PORT, SIADDR, SNAME, XID, YIADDR, code,
    },
};

const FILE_HAS_OPTIONS: u8 = 1;
const SNAME_HAS_OPTIONS: u8 = 2;

/// A frame's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'f> {
    pub to_mac: Mac,
    pub to: Ipv4Addr,
    pub port: u16,
    /// The ids of its tags, the outer one first.
    pub vlans: Vec<u16>,
    message: &'f [u8],
}

impl<'f> Packet<'f> {
    /// Of an Ethernet frame; `None`: it is not UDP over IPv4, or too short for it.
    #[must_use]
    pub fn read(frame: &'f [u8]) -> Option<Self> {
        let to_mac = Mac { octets: *frame.first_chunk()? };
        let mut at = ADDRESSES;
        let mut vlans = Vec::new();
        while classify(chunk(frame, at)?) == Err(Verdict::Tagged) {
            vlans.push(tag_id(chunk(frame, at)?));
            at += TAG;
        }
        if *chunk(frame, at)? != [0x08, 0x00] {
            return None;
        }
        let ip = frame.get(at + 2..)?;
        let header = usize::from(ip.first()? & 0x0f) * 4;
        if ip.first()? >> 4 != 4 || *ip.get(9)? != 17 {
            return None;
        }
        let udp = ip.get(header..)?;
        let port = u16::from_be_bytes(*chunk(udp, 2)?);
        let length = usize::from(u16::from_be_bytes(*chunk(udp, 4)?));
        let message = udp.get(8..)?;
        let message = message.get(..length.checked_sub(8)?).unwrap_or(message);
        Some(Self { to_mac, to: Ipv4Addr::from(*chunk::<4>(ip, 16)?), port, vlans, message })
    }

    /// Whether the message is a client's or relay's, to a DHCP server.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.port, SERVER_PORT | PROXY_PORT)
            && self.message.get(OP) == Some(&BOOTREQUEST)
            && self.message.len() > CHADDR + 6
    }

    #[must_use]
    pub fn is_answer(&self) -> bool {
        self.message.get(OP) == Some(&BOOTREPLY)
    }

    /// The transaction's id.
    #[must_use]
    pub fn xid(&self) -> [u8; 4] {
        chunk(self.message, XID).copied().unwrap_or_default()
    }

    #[must_use]
    pub fn mac(&self) -> Mac {
        Mac { octets: chunk(self.message, CHADDR).copied().unwrap_or_default() }
    }

    #[must_use]
    pub fn ciaddr(&self) -> Option<Ipv4Addr> {
        self.address(CIADDR)
    }

    #[must_use]
    pub fn yiaddr(&self) -> Option<Ipv4Addr> {
        self.address(YIADDR)
    }

    #[must_use]
    pub fn siaddr(&self) -> Option<Ipv4Addr> {
        self.address(SIADDR)
    }

    #[must_use]
    pub fn giaddr(&self) -> Option<Ipv4Addr> {
        self.address(GIADDR)
    }

    /// A field that is not zero.
    fn address(&self, at: usize) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from(*chunk::<4>(self.message, at)?);
        Some(address).filter(|address| !address.is_unspecified())
    }

    /// The file name or URL: of option 67, which some servers end with a NUL, else of the field.
    #[must_use]
    pub fn boot_file(&self) -> Option<Vec<u8>> {
        let field = || {
            if self.overload() & FILE_HAS_OPTIONS != 0 {
                return None;
            }
            let field = self.message.get(FILE..FILE + 128)?;
            Some(field.to_vec())
        };
        let mut name = self.option(code::BOOT_FILE).or_else(field)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        name.truncate(end);
        Some(name).filter(|name| !name.is_empty())
    }

    /// Option 53.
    #[must_use]
    pub fn message_type(&self) -> Option<u8> {
        self.option(code::MESSAGE_TYPE)?.first().copied()
    }

    /// The addresses of an option.
    #[must_use]
    pub fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let value = self.option(code).unwrap_or_default();
        value.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets)).collect()
    }

    /// Bytes of the message.
    #[must_use]
    pub fn length(&self) -> usize {
        self.message.len()
    }

    #[must_use]
    pub fn option(&self, wanted: u8) -> Option<Vec<u8>> {
        self.options().into_iter().find(|(code, _)| *code == wanted).map(|(_, value)| value)
    }

    /// In their order; what is split is joined (RFC 3396), what is cut off is left out.
    #[must_use]
    pub fn options(&self) -> Vec<(u8, Vec<u8>)> {
        let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
        if chunk(self.message, COOKIE) != Some(&MAGIC_COOKIE) {
            return options;
        }
        read_options(self.message.get(OPTIONS..).unwrap_or_default(), &mut options);
        let overload = options.iter().find(|(code, _)| *code == code::OVERLOAD);
        let overload = overload.and_then(|(_, value)| value.first().copied()).unwrap_or(0);
        // In this order (RFC 2131 section 4.1).
        for (field, bit) in [(FILE..COOKIE, FILE_HAS_OPTIONS), (SNAME..FILE, SNAME_HAS_OPTIONS)] {
            if overload & bit != 0 {
                read_options(self.message.get(field).unwrap_or_default(), &mut options);
            }
        }
        options
    }

    /// Option 52.
    fn overload(&self) -> u8 {
        self.option(code::OVERLOAD).and_then(|value| value.first().copied()).unwrap_or(0)
    }
}

fn read_options(mut rest: &[u8], options: &mut Vec<(u8, Vec<u8>)>) {
    while let [code, tail @ ..] = rest {
        match (*code, tail) {
            (code::PAD, _) => rest = tail,
            (code::END, _) | (_, []) => break,
            (code, [length, tail @ ..]) => {
                let Some((value, tail)) = tail.split_at_checked(usize::from(*length)) else {
                    break;
                };
                match options.iter_mut().find(|(known, _)| *known == code) {
                    Some((_, known)) => known.extend(value),
                    None => options.push((code, value.to_vec())),
                }
                rest = tail;
            }
        }
    }
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

#[cfg(test)]
mod tests;
