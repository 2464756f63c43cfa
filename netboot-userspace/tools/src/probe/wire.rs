//! Frames of an interface, sent and received as they are.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::Instant,
};

use anyhow::Context as _;
use netboot_base::{links::Link, packet_option, packet_socket};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, SockFlag, recv, send},
};

/// Longer frames than any network has: a NIC may have put several together.
const LONGEST: usize = 65_600;

/// An interface that hears all stations, and speaks as any.
pub(super) struct Wire {
    socket: OwnedFd,
    /// The longest IP datagram, in bytes.
    pub(super) mtu: u16,
    buffer: Vec<u8>,
}

impl Wire {
    /// # Errors
    /// No privilege, or the interface does not hear others' frames.
    pub(super) fn open(link: &Link) -> anyhow::Result<Self> {
        let socket = packet_socket::open(SockFlag::SOCK_NONBLOCK).with_context(|| {
            format!(
                "cannot open a packet socket on {}: run as root, or with CAP_NET_RAW",
                link.name
            )
        })?;
        packet_option::ignore_outgoing(&socket).context("the kernel shows what is sent, too")?;
        packet_option::promiscuous(&socket, link.index)
            .with_context(|| format!("{} does not hear other stations' frames", link.name))?;
        packet_socket::attach(&socket, link)
            .with_context(|| format!("cannot listen on {}", link.name))?;
        Ok(Self { socket, mtu: link.mtu, buffer: vec![0; LONGEST] })
    }

    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }

    /// The next frame; `None`: there is none until then.
    pub(super) fn receive(&mut self, until: Instant) -> io::Result<Option<&[u8]>> {
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => return Ok(self.buffer.get(..length)),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // Rounded up: not to ask again and again in the last millisecond.
            let millis = u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX);
            let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::from(millis)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
