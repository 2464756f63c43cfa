use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, SockProtocol, recv},
};

use crate::{namespace::Namespace, packets::open, wait::wait_for};

const LONGEST: usize = 65_536;
const DEADLINE: Duration = Duration::from_secs(20);

/// The frames of a protocol that come in over an interface, from when it is made.
pub struct Capture {
    socket: OwnedFd,
    frames: Vec<Vec<u8>>,
}

impl Capture {
    /// Of IPv4.
    pub fn start(namespace: &Namespace, interface: &str) -> Result<Self> {
        Self::of(namespace, interface, SockProtocol::EthIp)
    }

    /// Of IPv6.
    pub fn start_ipv6(namespace: &Namespace, interface: &str) -> Result<Self> {
        Self::of(namespace, interface, SockProtocol::EthIpv6)
    }

    fn of(namespace: &Namespace, interface: &str, protocol: SockProtocol) -> Result<Self> {
        // The socket stays in the namespace that it was made in.
        let socket = namespace.enter(|| open(interface, protocol));
        let socket = socket.with_context(|| format!("capture on {interface}"))?;
        Ok(Self { socket, frames: Vec::new() })
    }

    /// The frames so far.
    pub fn frames(&mut self) -> Result<&[Vec<u8>]> {
        let mut frame = vec![0; LONGEST];
        loop {
            match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => self.frames.extend(frame.get(..len).map(<[u8]>::to_vec)),
                Err(Errno::EAGAIN) => return Ok(&self.frames),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The DHCP answers among the frames, once there are so many.
    pub fn answers(&mut self, least: usize) -> Result<Vec<Vec<u8>>> {
        wait_for(&format!("{least} DHCP answers on the wire"), DEADLINE, || {
            let answers: Vec<_> =
                self.frames()?.iter().filter(|frame| is_answer(frame)).cloned().collect();
            Ok((answers.len() >= least).then_some(answers))
        })
    }
}

/// UDP from port 67 with a BOOTREPLY, behind an IP header without options.
fn is_answer(frame: &[u8]) -> bool {
    const BOOTREPLY: u8 = 2;
    frame.get(12..15) == Some(&[0x08, 0x00, 0x45])
        && frame.get(23) == Some(&17)
        && frame.get(34..36) == Some(&[0, 67])
        && frame.get(42) == Some(&BOOTREPLY)
}
