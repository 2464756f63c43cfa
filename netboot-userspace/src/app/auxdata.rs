//! The socket option that has packet sockets tell the VLAN tags that the kernel takes off.

use std::{io, os::fd::AsRawFd};

use nix::libc;

/// Has the kernel tell the tag that it took off beside each frame (PACKET_AUXDATA, packet(7)).
pub(super) fn enable(socket: &impl AsRawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an int that lives during the call, and its size is given. No crate
    // has a safe call for this option.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_AUXDATA,
            std::ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
