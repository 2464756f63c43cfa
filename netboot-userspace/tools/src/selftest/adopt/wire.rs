//! Requests that come over an interface, for the program that is attached there.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::Context as _;
use netboot_base::{links::Link, packet_socket};
use nix::{
    errno::Errno,
    sys::{
        socket::{LinkAddr, MsgFlags, SockFlag, recv, sendto, setsockopt, sockopt},
        time::{TimeVal, TimeValLike as _},
    },
};

/// The loopback interface's: what is sent there also arrives there.
pub(super) struct RequestWire {
    socket: OwnedFd,
    name: String,
    to: LinkAddr,
}

/// Source and destination port of an answer to a machine.
const TO_CLIENT: [u8; 4] = [0, 67, 0, 68];
/// The place of the ports in a frame without tags and IP options.
const PORTS: std::ops::Range<usize> = 34..38;

impl RequestWire {
    pub(super) fn open(link: &Link) -> anyhow::Result<Self> {
        // The socket takes what comes over any interface: here there is no other.
        let socket =
            packet_socket::open(SockFlag::empty()).context("cannot open a packet socket")?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(2))?;
        Ok(Self { socket, name: link.name.clone(), to: link.packet_address()? })
    }

    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn ask(&self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let socket = self.socket.as_raw_fd();
        sendto(socket, request, &self.to, MsgFlags::empty())
            .with_context(|| format!("cannot send over {} (is it up?)", self.name))?;
        let mut frame = vec![0; 4096];
        loop {
            let length = match recv(socket, &mut frame, MsgFlags::empty()) {
                Err(Errno::EAGAIN) => anyhow::bail!("a request on the wire was not answered"),
                received => received.context("cannot receive")?,
            };
            let received = frame.get(..length).unwrap_or_default();
            if received.get(PORTS) == Some(&TO_CLIENT) {
                return Ok(received.to_vec());
            }
        }
    }
}
