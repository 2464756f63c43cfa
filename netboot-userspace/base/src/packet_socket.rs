//! The opener of packet sockets (packet(7)).

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::Context as _;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, bind, setsockopt, socket, sockopt,
};
use socket2::{SockFilter, SockRef};

use crate::{links::Link, packet_option};

/// A raw socket of all protocols: only such sockets are told the VLAN tag of a frame, for all others the kernel has thrown
/// the tag away (`__netif_receive_skb_core` in net/core/dev.c).
///
/// # Errors
/// The process lacks CAP_NET_RAW, or descriptors.
pub fn open(flags: SockFlag) -> io::Result<OwnedFd> {
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?)
}

/// A socket as [`open`] makes it that does not block. The socket receives what comes over an interface and passes the
/// filter, with VLAN tags and the number of lost frames beside it, and nothing that this node sends. The card takes
/// frames to these groups, too.
///
/// # Errors
/// As [`open`], and where the kernel does not know an option.
pub fn listen(link: &Link, filter: &[SockFilter], groups: &[[u8; 6]]) -> anyhow::Result<OwnedFd> {
    let socket = open(SockFlag::SOCK_NONBLOCK).context("cannot open a packet socket")?;
    SockRef::from(&socket).attach_filter(filter)?;
    packet_option::auxiliary_data(&socket).context("the kernel does not tell VLAN tags")?;
    packet_option::ignore_outgoing(&socket).context("the kernel shows what is sent, too")?;
    for group in groups {
        packet_option::multicast(&socket, link.index, *group)
            .context("the card takes no multicast")?;
    }
    setsockopt(&socket, sockopt::RxqOvfl, &1).context("the kernel does not tell of lost frames")?;
    attach(&socket, link)?;
    Ok(socket)
}

/// From now on the socket is the interface's.
///
/// # Errors
/// The interface is gone.
pub fn attach(socket: &OwnedFd, link: &Link) -> anyhow::Result<()> {
    Ok(bind(socket.as_raw_fd(), &link.packet_address()?)?)
}
