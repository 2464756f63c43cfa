//! A wire between two interfaces that loses, doubles and delays datagrams: where whole machines boot, which no relay at
//! an address of its own can stand between. DHCP, TCP and all that is not IPv4 pass.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    libc::PACKET_OUTGOING,
    poll::{PollFd, PollFlags, poll},
    sys::socket::{LinkAddr, MsgFlags, SockProtocol, recvfrom, send},
};

use crate::{
    fates::{Dice, Fate, Fates},
    namespace::Namespace,
    packets::open,
};

/// What is late goes with the next one, or after so many milliseconds.
const LATE: u8 = 20;

/// Works until it is dropped.
pub struct LossyWire {
    end: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

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
        let (end, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (is_over, dice) = (Arc::clone(&end), Dice::new(fates, seed));
        let mut wire = Wire { ends, dice, lost: Arc::clone(&lost), late: None };
        let thread = thread::spawn(move || {
            while !is_over.load(Relaxed) {
                wire.pass_on();
            }
        });
        Ok(Self { end, lost, thread: Some(thread) })
    }

    /// Datagrams that did not arrive.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Drop for LossyWire {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Wire {
    ends: [OwnedFd; 2],
    dice: Dice,
    lost: Arc<AtomicU64>,
    /// To which end.
    late: Option<(usize, Vec<u8>)>,
}

impl Wire {
    fn pass_on(&mut self) {
        let mut waits = self.ends.each_ref().map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
        if !poll(&mut waits, LATE).is_ok_and(|ready| ready > 0) {
            self.release();
        }
        let mut frame = vec![0; 65_536];
        for (from, to) in [(0, 1), (1, 0)] {
            let socket = self.ends[from].as_raw_fd();
            while let Ok((length, address)) = recvfrom::<LinkAddr>(socket, &mut frame) {
                // What this wire has sent itself is seen, too.
                let is_own = address.is_some_and(|address| address.pkttype() == PACKET_OUTGOING);
                if !is_own {
                    self.send(to, &frame[..length]);
                }
            }
        }
    }

    fn send(&mut self, to: usize, frame: &[u8]) {
        let fate = if is_tried(frame) { self.dice.throw() } else { Fate::Arrives };
        let copies = match fate {
            Fate::Lost => {
                self.lost.fetch_add(1, Relaxed);
                return;
            }
            Fate::Late if self.late.is_none() => {
                self.late = Some((to, frame.to_vec()));
                return;
            }
            Fate::Doubled => 2,
            Fate::Late | Fate::Arrives => 1,
        };
        for _ in 0..copies {
            self.deliver(to, frame);
        }
        self.release();
    }

    fn release(&mut self) {
        if let Some((to, frame)) = self.late.take() {
            self.deliver(to, &frame);
        }
    }

    fn deliver(&self, to: usize, frame: &[u8]) {
        // A machine that is off takes nothing.
        let _ = send(self.ends[to].as_raw_fd(), frame, MsgFlags::empty());
    }
}

/// UDP of IPv4 that is not DHCP.
fn is_tried(frame: &[u8]) -> bool {
    const DHCP: [[u8; 2]; 2] = [[0, 67], [0, 68]];
    let is_udp = frame.get(12..15) == Some(&[0x08, 0x00, 0x45]) && frame.get(23) == Some(&17);
    let ports = [frame.get(34..36), frame.get(36..38)];
    is_udp && ports.iter().flatten().all(|port| !DHCP.iter().any(|dhcp| dhcp == port))
}
