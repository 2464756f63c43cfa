//! Options of packet sockets that no crate has a safe call for (packet(7)).

use std::{io, os::fd::AsRawFd};

use nix::libc;

/// The kernel tells the VLAN tag that it took off beside each frame.
pub fn auxiliary_data(socket: &impl AsRawFd) -> io::Result<()> {
    set::<libc::c_int>(socket, libc::PACKET_AUXDATA, &1)
}

/// What this node sends is not seen.
pub fn ignore_outgoing(socket: &impl AsRawFd) -> io::Result<()> {
    set::<libc::c_int>(socket, libc::PACKET_IGNORE_OUTGOING, &1)
}

/// Frames to all other stations are received too, for as long as the socket is open.
pub fn promiscuous(socket: &impl AsRawFd, ifindex: u32) -> io::Result<()> {
    add_membership(socket, ifindex, libc::PACKET_MR_PROMISC, &[])
}

/// Frames to a group are received too, for as long as the socket is open: a card takes those only that it is
/// told of.
pub fn multicast(socket: &impl AsRawFd, ifindex: u32, group: [u8; 6]) -> io::Result<()> {
    add_membership(socket, ifindex, libc::PACKET_MR_MULTICAST, &group)
}

fn add_membership(
    socket: &impl AsRawFd,
    ifindex: u32,
    kind: libc::c_int,
    address: &[u8],
) -> io::Result<()> {
    let mut membership = libc::packet_mreq {
        mr_ifindex: ifindex.cast_signed(),
        mr_type: kind as libc::c_ushort,
        mr_alen: address.len() as libc::c_ushort,
        mr_address: [0; 8],
    };
    for (to, from) in membership.mr_address.iter_mut().zip(address) {
        *to = *from;
    }
    set(socket, libc::PACKET_ADD_MEMBERSHIP, &membership)
}

/// Of a plain value, as C has it: an int or a `packet_mreq`.
fn set<T: Copy>(socket: &impl AsRawFd, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the value lives during the call, which only reads it, and its size is given.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size_of_val(value) as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
