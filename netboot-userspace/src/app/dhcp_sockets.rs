//! The sockets of DHCP: one for packets on each interface, and the port that is held.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::Context as _;
use netboot_ebpf::wire::SERVER_PORT;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, bind, socket};
use socket2::{SockFilter, SockRef};

use crate::links::Link;

/// Frames of a rack that is switched on at once wait here.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A raw socket that receives IPv4 frames with UDP port 67 as destination.
pub(super) fn packet_socket(link: &Link) -> anyhow::Result<OwnedFd> {
    open(link).with_context(|| {
        format!("cannot open a packet socket on {}: run as root, or with CAP_NET_RAW", link.name)
    })
}

fn open(link: &Link) -> anyhow::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)?;
    SockRef::from(&socket).attach_filter(&to_server_port())?;
    bind(socket.as_raw_fd(), &link.packet_address)?;
    if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::warn!(%error, "cannot enlarge the packet socket's buffer: bursts may lose requests");
    }
    Ok(socket)
}

/// Classic BPF (Linux's Documentation/networking/filter.rst): UDP, not a later fragment, to port 67.
fn to_server_port() -> [SockFilter; 9] {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_IP_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(JUMP_EQUAL, 0, 6, 17),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(JUMP_BITS, 4, 0, 0x1fff),
        SockFilter::new(LOAD_IP_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_EQUAL, 0, 1, SERVER_PORT as u32),
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
