//! Frames from a packet socket, as they were on the wire: Linux takes the outer VLAN tag off before, and
//! tells the tag beside the frame.

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
};

use netboot_ebpf::frame::{ADDRESSES, TAG};
use nix::{
    libc,
    sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg},
};
use tokio::io::{Interest, unix::AsyncFd};

/// An interface that goes down is an error without anything to read.
pub(crate) const READABLE_OR_FAILED: Interest = Interest::READABLE.add(Interest::ERROR);

/// The longest frame that is read: an Ethernet jumbo frame.
const MAX_FRAME: usize = 9216;

/// 802.1Q.
const TAG_TYPE: u16 = 0x8100;

/// A bound packet socket that a task can wait for. Needs a tokio runtime.
pub(crate) fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; an OwnedFd cannot be closed behind its back"
    )]
    AsyncFd::with_interest(socket, READABLE_OR_FAILED)
}

/// Room for a frame and what is told beside it.
pub(crate) struct FrameReceiver {
    /// The frame, behind room for a tag.
    buffer: Vec<u8>,
    control: Vec<u8>,
}

/// What is known of a frame.
pub(crate) struct ReceivedFrame {
    pub(crate) from: LinkAddr,
    len: usize,
    tag: Option<[u8; TAG]>,
    /// Frames that the socket had no room for, since it was opened.
    pub(crate) overflows: Option<u32>,
}

impl Default for FrameReceiver {
    fn default() -> Self {
        Self { buffer: vec![0; TAG + MAX_FRAME], control: nix::cmsg_space!([u8; 64], u32) }
    }
}

impl ReceivedFrame {
    /// Whether another station is to have it: a bridge's port and an interface in promiscuous mode see such
    /// frames.
    pub(crate) fn is_to_another(&self) -> bool {
        self.from.pkttype() == libc::PACKET_OTHERHOST
    }
}

impl FrameReceiver {
    /// The next frame.
    pub(crate) fn receive(&mut self, socket: impl AsFd) -> nix::Result<Option<ReceivedFrame>> {
        let (_, room) = self.buffer.split_at_mut(TAG);
        let mut parts = [IoSliceMut::new(room)];
        let socket = socket.as_fd().as_raw_fd();
        let message = recvmsg::<LinkAddr>(
            socket,
            &mut parts,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let (len, Some(from)) = (message.bytes, message.address) else { return Ok(None) };
        let mut tag = None;
        let mut overflows = None;
        for told in message.cmsgs()? {
            match told {
                ControlMessageOwned::RxqOvfl(count) => overflows = Some(count),
                ControlMessageOwned::Unknown(told)
                    if told.cmsg_header.cmsg_level == libc::SOL_PACKET =>
                {
                    tag = vlan_tag(&told.data_bytes);
                }
                _ => {}
            }
        }
        Ok(Some(ReceivedFrame { from, len, tag, overflows }))
    }

    /// The frame that was received last, with its tag.
    pub(crate) fn frame(&mut self, received: &ReceivedFrame) -> &[u8] {
        with_tag(&mut self.buffer, received.len, received.tag)
    }
}

/// The tag in a `struct tpacket_auxdata` (Linux's include/uapi/linux/if_packet.h): `tp_status` at 0,
/// `tp_vlan_tci` at 16, `tp_vlan_tpid` at 18.
fn vlan_tag(told: &[u8]) -> Option<[u8; TAG]> {
    const STATUS_VLAN_VALID: u32 = 1 << 4;
    const STATUS_VLAN_TPID_VALID: u32 = 1 << 6;
    let status = u32::from_ne_bytes(*told.first_chunk()?);
    let word = |at: usize| Some(u16::from_ne_bytes(*told.get(at..)?.first_chunk()?));
    if status & STATUS_VLAN_VALID == 0 {
        return None;
    }
    let tag_type = if status & STATUS_VLAN_TPID_VALID == 0 { TAG_TYPE } else { word(18)? };
    let ([a, b], [c, d]) = (tag_type.to_be_bytes(), word(16)?.to_be_bytes());
    Some([a, b, c, d])
}

/// The frame of `len` bytes that stands behind room for a tag, with the tag in its place.
fn with_tag(buffer: &mut [u8], len: usize, tag: Option<[u8; TAG]>) -> &[u8] {
    let end = (TAG + len).min(buffer.len());
    let Some(tag) = tag.filter(|_| len >= ADDRESSES) else {
        return buffer.get(TAG..end).unwrap_or_default();
    };
    buffer.copy_within(TAG..TAG + ADDRESSES, 0);
    if let Some(place) = buffer.get_mut(ADDRESSES..).and_then(<[u8]>::first_chunk_mut) {
        *place = tag;
    }
    buffer.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_put_in_its_place() {
        let check = |frame: &[u8], tag: Option<[u8; 4]>, expect: &[u8]| {
            let mut buffer = [&[0xee; TAG], frame, &[0xee; 9]].concat();
            assert_eq!(with_tag(&mut buffer, frame.len(), tag), expect);
        };
        let tag = Some([0x81, 0, 0x20, 100]);
        check(b"aaaaaabbbbbbcc", None, b"aaaaaabbbbbbcc");
        check(b"aaaaaabbbbbbcc", tag, b"aaaaaabbbbbb\x81\x00\x20\x64cc");
        check(b"aaaaaabbbbbb", tag, b"aaaaaabbbbbb\x81\x00\x20\x64");
        check(b"aaaaaabbbbb", tag, b"aaaaaabbbbb");
        check(b"", tag, b"");
    }

    #[test]
    fn what_is_told_of_a_tag() {
        let check = |status: u32, expect| {
            let mut told = [0; 20];
            told[..4].copy_from_slice(&status.to_ne_bytes());
            told[16..18].copy_from_slice(&0x2064u16.to_ne_bytes());
            told[18..].copy_from_slice(&0x88a8u16.to_ne_bytes());
            assert_eq!(vlan_tag(&told), expect, "{status}");
            assert_eq!(vlan_tag(&told[..17]), None);
        };
        check(0, None);
        check(1 << 6, None);
        check(1 << 4, Some([0x81, 0, 0x20, 100]));
        check(1 << 4 | 1 << 6, Some([0x88, 0xa8, 0x20, 100]));
        assert_eq!(vlan_tag(&[]), None);
    }
}
