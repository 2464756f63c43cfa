//! The sockets of DHCP: one for packets on each interface, and the port that is held.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::OwnedFd,
};

use anyhow::Context as _;
use netboot_base::{links::Link, packet_socket};
use netboot_ebpf::{
    frame::TAG,
    wire::{CLIENT_PORT, PROXY_PORT, SERVER_PORT},
};
use socket2::{SockFilter, SockRef};

/// Frames of a rack that is switched on at once wait here.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A raw socket that receives IPv4 frames with UDP port 67 or 4011 as destination, and, for other servers'
/// answers, 68.
pub(super) fn packet_socket(link: &Link) -> anyhow::Result<OwnedFd> {
    open(link).with_context(|| {
        format!("cannot open a packet socket on {}: run as root, or with CAP_NET_RAW", link.name)
    })
}

fn open(link: &Link) -> anyhow::Result<OwnedFd> {
    let socket = packet_socket::listen(link, &to_dhcp_ports(), &[])?;
    if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::warn!(%error, "cannot enlarge the packet socket's buffer: bursts may lose requests");
    }
    Ok(socket)
}

/// Classic BPF (Linux's Documentation/networking/filter.rst): UDP over IPv4, not a later fragment, to port
/// 67, 68 or 4011. The outer VLAN tag is not in the frame any more; an inner one may be, and what has more is
/// taken, to be counted.
fn to_dhcp_ports() -> [SockFilter; 27] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_BYTE_INDEXED: u16 = 0x50;
    const SET_INDEX: u16 = 0x01;
    const INDEX_FROM_A: u16 = 0x07;
    const ADD_INDEX: u16 = 0x0c;
    const AND: u16 = 0x54;
    const SHIFT_LEFT: u16 = 0x64;
    const JUMP: u16 = 0x05;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let tags = |then: [u8; 3]| {
        let [a, b, c] = then;
        [
            SockFilter::new(JUMP_EQUAL, a, 0, 0x8100),
            SockFilter::new(JUMP_EQUAL, b, 0, 0x88a8),
            SockFilter::new(JUMP_EQUAL, c, 0, 0x9100),
        ]
    };
    let [outer_a, outer_b, outer_c] = tags([4, 3, 2]);
    let [inner_a, inner_b, inner_c] = tags([16, 15, 14]);
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        outer_a,
        outer_b,
        outer_c,
        SockFilter::new(SET_INDEX, 0, 0, 0),
        SockFilter::new(JUMP, 0, 0, 1),
        SockFilter::new(SET_INDEX, 0, 0, TAG as u32),
        // 7: the Ethernet type.
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 12),
        inner_a,
        inner_b,
        inner_c,
        SockFilter::new(JUMP_EQUAL, 0, 14, 0x0800),
        SockFilter::new(LOAD_BYTE_INDEXED, 0, 0, 23),
        SockFilter::new(JUMP_EQUAL, 0, 12, 17),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 20),
        SockFilter::new(JUMP_BITS, 10, 0, 0x1fff),
        // 16: the IP header's length.
        SockFilter::new(LOAD_BYTE_INDEXED, 0, 0, 14),
        SockFilter::new(AND, 0, 0, 0xf),
        SockFilter::new(SHIFT_LEFT, 0, 0, 2),
        SockFilter::new(ADD_INDEX, 0, 0, 0),
        SockFilter::new(INDEX_FROM_A, 0, 0, 0),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_EQUAL, 2, 0, SERVER_PORT as u32),
        SockFilter::new(JUMP_EQUAL, 1, 0, CLIENT_PORT as u32),
        SockFilter::new(JUMP_EQUAL, 0, 1, PROXY_PORT as u32),
        SockFilter::new(RETURN, 0, 0, 0x0004_0000),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Holds a UDP port, so that no second server starts on this node, and the kernel does not tell clients
/// that the port is unreachable. Nothing is read from it.
///
/// # Errors
/// Another server runs on this node.
pub(super) fn hold_port(port: u16) -> anyhow::Result<UdpSocket> {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    let socket = UdpSocket::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::Error::new(error).context(format!(
            "UDP port {port} is taken: another {} runs on this node (`ss -lunp 'sport = :{port}'` shows it); \
             stop it, or set dhcp.mode = \"off\" and let it send machines here",
            if port == PROXY_PORT { "ProxyDHCP or boot server" } else { "DHCP server" }
        )),
        _ => anyhow::Error::new(error).context(format!(
            "cannot hold UDP port {port}: run as root, or with CAP_NET_BIND_SERVICE"
        )),
    })?;
    SockRef::from(&socket).attach_filter(&[DROP])?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
