//! Options of packet sockets that no crate has a safe call for (packet(7)).

use std::{io, os::fd::AsRawFd};

use nix::libc;

/// The kernel tells the VLAN tag that it took off beside each frame.
pub(super) fn auxiliary_data(socket: &impl AsRawFd) -> io::Result<()> {
    switch_on(socket, libc::PACKET_AUXDATA)
}

/// What this node sends is not seen.
pub(super) fn ignore_outgoing(socket: &impl AsRawFd) -> io::Result<()> {
    switch_on(socket, libc::PACKET_IGNORE_OUTGOING)
}

fn switch_on(socket: &impl AsRawFd, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an int that lives during the call, and its size is given.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
