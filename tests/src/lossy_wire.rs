//! A wire between two interfaces that loses, doubles and delays datagrams: where whole machines boot, which no relay at
//! an address of its own can stand between. DHCP, TCP and all that is not IPv4 pass.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    libc::PACKET_OUTGOING,
    poll::{PollFd, PollFlags, poll},
    sys::socket::{LinkAddr, MsgFlags, SockProtocol, recvfrom, send},
};

use crate::{
    fates::{Between, Fates, Way},
    namespace::Namespace,
    packets::open,
};

/// What is late goes with the next one, or after so many milliseconds.
const LATE: u8 = 20;

/// Works until it is dropped.
pub struct LossyWire(Between);

impl LossyWire {
    /// Joins two interfaces of a namespace.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn start(
        namespace: &Namespace,
        interfaces: [&str; 2],
        fates: Fates,
        seed: u64,
    ) -> Result<Self> {
        let join = |interface| {
            let socket = namespace.enter(|| open(interface, SockProtocol::EthAll));
            let socket = socket.with_context(|| format!("a wire to {interface}"))?;
            fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            anyhow::Ok(socket)
        };
        let [left, right] = interfaces;
        let ends = [join(left)?, join(right)?];
        let between = Between::start(fates, seed, move |way| pass_on(&ends, way));
        Ok(Self(between))
    }

    /// Datagrams that did not arrive.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}

/// To which end, and what.
type Frame = (usize, Vec<u8>);

fn pass_on(ends: &[OwnedFd; 2], way: &mut Way<Frame>) {
    let deliver = |(to, frame): &Frame| {
        // A machine that is off takes nothing.
        let _ = send(ends[*to].as_raw_fd(), frame, MsgFlags::empty());
    };
    let mut waits = ends.each_ref().map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
    if !poll(&mut waits, LATE).is_ok_and(|ready| ready > 0) {
        way.release(deliver);
    }
    let mut buffer = vec![0; 65_536];
    for (from, to) in [(0, 1), (1, 0)] {
        let socket = ends[from].as_raw_fd();
        while let Ok((length, address)) = recvfrom::<LinkAddr>(socket, &mut buffer) {
            // What this wire has sent itself is seen, too.
            if address.is_some_and(|address| address.pkttype() == PACKET_OUTGOING) {
                continue;
            }
            let frame = (to, buffer[..length].to_vec());
            if is_tried(&frame.1) {
                way.send(frame, deliver);
            } else {
                deliver(&frame);
                way.release(deliver);
            }
        }
    }
}

/// UDP of IPv4 that is not DHCP.
fn is_tried(frame: &[u8]) -> bool {
    const DHCP: [[u8; 2]; 2] = [[0, 67], [0, 68]];
    let is_udp = frame.get(12..15) == Some(&[0x08, 0x00, 0x45]) && frame.get(23) == Some(&17);
    let ports = [frame.get(34..36), frame.get(36..38)];
    is_udp && ports.iter().flatten().all(|port| !DHCP.iter().any(|dhcp| dhcp == port))
}
