//! The client's end of the wire: whole frames out, whole frames in.

use std::{
    net::Ipv4Addr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use netboot_test_kit::tags;
use nix::{
    ifaddrs::getifaddrs,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike as _,
        bind, recv, send, socket,
    },
};
use socket2::{SockFilter, SockRef};

use crate::namespace::Namespace;

/// Sockets in a namespace.
pub(super) struct Wire {
    out: OwnedFd,
    /// By outer tag, the untagged frames' last: the kernel takes it off, and only filters see it.
    within: Vec<(Option<[u8; 4]>, OwnedFd)>,
}

impl Wire {
    /// At an interface, for frames without tag and with these outer ones.
    pub(super) fn open(namespace: &Namespace, interface: &str, outer: &[[u8; 4]]) -> Result<Self> {
        let open = || {
            let link = link(interface)?;
            let tap = |tag: Option<[u8; 4]>| -> Result<_> {
                let socket = packet_socket(SockProtocol::EthAll)?;
                SockRef::from(&socket).attach_filter(&received_with(tag))?;
                bind(socket.as_raw_fd(), &link)?;
                Ok((tag, socket))
            };
            let tags = outer.iter().copied().map(Some).chain([None]);
            let within = tags.map(tap).collect::<Result<Vec<_>>>()?;
            let out = packet_socket(SockProtocol::EthIp)?;
            bind(out.as_raw_fd(), &link)?;
            Ok(Self { out, within })
        };
        namespace.enter(open).with_context(|| format!("a raw socket at {interface}"))
    }

    pub(super) fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.out.as_raw_fd(), frame, MsgFlags::empty()).context("send a frame")?;
        Ok(())
    }

    /// The next frame, with its tags; a tagged one before others. An error, if none comes in time.
    pub(super) fn receive(&self, deadline: Duration) -> Result<Vec<u8>> {
        let mut ready: Vec<_> = self
            .within
            .iter()
            .map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut ready, PollTimeout::try_from(deadline)?)?;
        let mut sockets = self.within.iter().zip(&ready);
        let Some(((tag, socket), _)) = sockets.find(|(_, ready)| ready.any() == Some(true)) else {
            bail!("nothing came for {deadline:?}");
        };
        let mut frame = vec![0; 4096];
        let len = recv(socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT)?;
        let (addresses, rest) = frame[..len].split_at(12);
        Ok([addresses, tag.as_ref().map_or(&[][..], |tag| &tag[..]), rest].concat())
    }
}

fn packet_socket(protocol: SockProtocol) -> Result<OwnedFd> {
    Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?)
}

fn link(interface: &str) -> Result<LinkAddr> {
    let entries = getifaddrs()?.filter(|entry| entry.interface_name == interface);
    entries
        .filter_map(|entry| entry.address)
        .filter(|address| address.family() == Some(AddressFamily::Packet))
        .find_map(|address| address.as_link_addr().copied())
        .context("no such interface")
}

/// Classic BPF (Linux's Documentation/networking/filter.rst): frames from the wire whose outer tag was this.
fn received_with(tag: Option<[u8; 4]>) -> Vec<SockFilter> {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const OUTGOING: u32 = 4;
    // What is known beside the frame (SKF_AD_OFF).
    const PACKET_TYPE: u32 = 0xffff_f000 + 4;
    const TAG_CONTROL: u32 = 0xffff_f000 + 44;
    const TAG_PRESENT: u32 = 0xffff_f000 + 48;
    const TAG_TYPE: u32 = 0xffff_f000 + 60;
    let [kind, control] = tag.map_or([0; 2], |[a, b, c, d]| {
        [u16::from_be_bytes([a, b]).into(), u16::from_be_bytes([c, d]).into()]
    });
    let mut filter = vec![
        SockFilter::new(LOAD_BYTE, 0, 0, PACKET_TYPE),
        SockFilter::new(JUMP_EQUAL, 7, 0, OUTGOING),
        SockFilter::new(LOAD_BYTE, 0, 0, TAG_PRESENT),
        SockFilter::new(JUMP_EQUAL, 5, 0, 0),
        SockFilter::new(LOAD_HALF, 0, 0, TAG_CONTROL),
        SockFilter::new(JUMP_EQUAL, 0, 3, control),
        SockFilter::new(LOAD_HALF, 0, 0, TAG_TYPE),
        SockFilter::new(JUMP_EQUAL, 0, 1, kind),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ];
    if tag.is_none() {
        filter[3] = SockFilter::new(JUMP_EQUAL, 4, 5, 0);
    }
    filter
}

/// Whether a frame is an answer of a DHCP server, and its xid.
pub(super) fn answer(frame: &[u8]) -> Option<[u8; 4]> {
    let (_, _, rest) = tags::split(frame)?;
    let packet = rest.get(2..)?;
    let port = u16::from_be_bytes(*packet.get(20..)?.first_chunk()?);
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?);
    let is_answer = packet[9] == 17 && matches!(port, 67 | 4011) && !from.is_unspecified();
    packet.get(28 + 4..)?.first_chunk().copied().filter(|_| is_answer)
}
