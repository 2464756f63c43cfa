//! DECLINEs, and why one is not believed.

use std::{future::poll_fn, net::Ipv4Addr, time::Duration};

use netboot_ebpf::{
    frame::{parse, split},
    shared::Seen,
    verdict::Verdict,
};
use tokio_util::time::DelayQueue;

/// The kernel's ACK is heard of a moment after the machine has it: a DECLINE that comes before waits so long.
const PATIENCE: Duration = Duration::from_millis(250);
/// Those that wait at once.
const MAX: usize = 256;

/// DECLINEs that wait for their ACK to be heard of.
#[derive(Default)]
pub(super) struct Waiting(DelayQueue<Declined>);

/// A DECLINE, and the IP address that it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declined {
    pub(super) seen: Seen,
    pub(super) source: Ipv4Addr,
}

impl Declined {
    /// Of a frame that was read.
    pub(super) fn new(seen: Seen, frame: &[u8]) -> Self {
        let headers = split(frame).and_then(|(parts, _)| parse(&parts.headers, frame.len()));
        Self { seen, source: headers.map_or([0; 4], |headers| headers.source).into() }
    }
}

impl Waiting {
    /// Keeps one; `false`: too many wait.
    pub(super) fn keep(&mut self, declined: Declined) -> bool {
        if self.0.len() >= MAX {
            return false;
        }
        self.0.insert(declined, PATIENCE);
        true
    }

    /// The next one, once its time is over; never, while there is none.
    pub(super) async fn next(&mut self) -> Declined {
        match poll_fn(|context| self.0.poll_expired(context)).await {
            Some(due) => due.into_inner(),
            None => std::future::pending().await,
        }
    }
}

/// Why a DECLINE with this verdict is not believed; `None`: it is, or it is none.
pub(super) fn disbelief(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::DeclineFromElsewhere => Some(
            "it did not come as machines send it: broadcast from 0.0.0.0 without ciaddr, or through a relay of the \
             subnet",
        ),
        Verdict::DeclineWithoutAck => Some(
            "the machine was not given this address in the last 30 seconds, or over another relay; where it is the \
             machine's own (the daemon was started just now), it starts over, and is believed then",
        ),
        _ => None,
    }
}
