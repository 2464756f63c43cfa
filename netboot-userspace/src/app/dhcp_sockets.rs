//! The sockets of DHCP: one for packets on each interface, and the port that is held.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::Context as _;
use netboot_ebpf::{
    frame::TAG,
    wire::{PROXY_PORT, SERVER_PORT},
};
use nix::sys::socket::{bind, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};

use super::auxdata;
use crate::links::Link;

/// Frames of a rack that is switched on at once wait here.
const RECEIVE_BUFFER: usize = 4 << 20;

/// IPv4, and the types of an inner VLAN tag: Linux takes the outer one off.
const ETHERTYPES: [u16; 3] = [0x0800, 0x8100, 0x88a8];

/// Raw sockets that receive IPv4 frames with UDP port 67 or 4011 as destination: those with one tag or
/// none, and those with two.
pub(super) fn packet_sockets(link: &Link) -> anyhow::Result<Vec<OwnedFd>> {
    let open = |ethertype| {
        open(link, ethertype).with_context(|| {
            format!(
                "cannot open a packet socket on {}: run as root, or with CAP_NET_RAW",
                link.name
            )
        })
    };
    ETHERTYPES.into_iter().map(open).collect()
}

fn open(link: &Link, ethertype: u16) -> anyhow::Result<OwnedFd> {
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
    socket.attach_filter(&to_dhcp_ports(if ethertype == ETHERTYPES[0] {
        0
    } else {
        TAG as u32
    }))?;
    auxdata::enable(&socket).context("VLAN tags are not told")?;
    setsockopt(&socket, sockopt::RxqOvfl, &1).context("lost frames are not told")?;
    bind(socket.as_raw_fd(), &link.packet_address)?;
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::warn!(%error, "cannot enlarge the packet socket's buffer: bursts may lose requests");
    }
    Ok(socket.into())
}

/// Classic BPF (Linux's Documentation/networking/filter.rst): UDP, not a later fragment, to port 67 or
/// 4011, where a tag of so many bytes stands before the Ethernet type.
fn to_dhcp_ports(tag: u32) -> [SockFilter; 10] {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_IP_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, tag + 23),
        SockFilter::new(JUMP_EQUAL, 0, 7, 17),
        SockFilter::new(LOAD_HALF, 0, 0, tag + 20),
        SockFilter::new(JUMP_BITS, 5, 0, 0x1fff),
        SockFilter::new(LOAD_IP_HEADER_LENGTH, 0, 0, tag + 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, tag + 16),
        SockFilter::new(JUMP_EQUAL, 1, 0, SERVER_PORT as u32),
        SockFilter::new(JUMP_EQUAL, 0, 1, PROXY_PORT as u32),
        SockFilter::new(RETURN, 0, 0, 0x0004_0000),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Holds UDP port 67, so that no second DHCP server starts on this node, and the kernel does not tell
/// clients that the port is unreachable. Nothing is read from it.
///
/// # Errors
/// Another DHCP server runs on this node.
pub(super) fn hold_port() -> anyhow::Result<UdpSocket> {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT);
    let socket = UdpSocket::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "UDP port 67 is taken: another DHCP server runs on this node (`ss -lunp 'sport = :67'` shows it); \
             stop it, or set dhcp.mode = \"off\" and let it send machines here"
        ),
        _ => anyhow::Error::new(error).context("cannot hold UDP port 67: run as root, or with CAP_NET_BIND_SERVICE"),
    })?;
    SockRef::from(&socket).attach_filter(&[DROP])?;
    Ok(socket)
}
