//! Packets at ports of other transfers than theirs: they are late, or somebody forges a client's address and guesses.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use lru::LruCache;
use netboot_base::bounded::bounded;

use super::TransferEnds;

/// How long packets of a transfer that its client ended may be on their way.
const LATE: Duration = Duration::from_secs(10);
/// How long a host whose address was forged gets no windows: who forges it could have them sent there.
const SUSPECT: Duration = Duration::from_secs(60);
const MAX_LEFT: usize = 8192;
const MAX_SUSPECTS: usize = 1024;

/// What is remembered of transfers that ended.
pub(super) struct TransferPorts {
    /// A bit for each of the sockets that the last ones between these ends had.
    left: LruCache<TransferEnds, (u64, Instant)>,
    suspects: LruCache<IpAddr, Instant>,
}

impl TransferPorts {
    pub(super) fn new() -> Self {
        Self { left: bounded(MAX_LEFT), suspects: bounded(MAX_SUSPECTS) }
    }

    /// The client has ended a transfer, and may go on at once with another one.
    pub(super) fn left(&mut self, ends: TransferEnds, socket: usize, now: Instant) {
        let before = self.sockets(ends, now);
        self.left.put(ends, (before | bit(socket), now));
    }

    /// The packet may be of a transfer that ended.
    pub(super) fn may_be_late(&self, ends: TransferEnds, socket: usize, now: Instant) -> bool {
        self.sockets(ends, now) & bit(socket) != 0
    }

    pub(super) fn guessed(&mut self, client: IpAddr, now: Instant) {
        self.suspects.put(client, now);
    }

    /// Somebody forges this address.
    pub(super) fn is_forged(&self, client: IpAddr, now: Instant) -> bool {
        self.suspects.peek(&client).is_some_and(|at| now.duration_since(*at) < SUSPECT)
    }

    fn sockets(&self, ends: TransferEnds, now: Instant) -> u64 {
        let last = self.left.peek(&ends).filter(|(_, at)| now.duration_since(*at) < LATE);
        last.map_or(0, |(sockets, _)| *sockets)
    }
}

fn bit(socket: usize) -> u64 {
    1 << (socket % 64)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_ended_is_remembered_for_a_while() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ends = |port| TransferEnds { client: (address, port).into(), local: address };
        let (mut ports, start) = (TransferPorts::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        ports.left(ends(1), 3, at(0));
        ports.left(ends(1), 32, at(5));
        let late = |ports: &TransferPorts, port, socket, seconds| {
            ports.may_be_late(ends(port), socket, at(seconds))
        };
        for (port, socket, seconds, expect) in [
            (1, 3, 14, true),
            (1, 32, 14, true),
            (1, 4, 14, false),
            (2, 3, 14, false),
            (1, 32, 15, false),
        ] {
            assert_eq!(late(&ports, port, socket, seconds), expect, "{port} {socket} {seconds}");
        }
        ports.left(ends(1), 5, at(15));
        assert!(!late(&ports, 1, 3, 15) && late(&ports, 1, 5, 15));

        assert!(!ports.is_forged(address, at(0)));
        ports.guessed(address, at(0));
        assert!(ports.is_forged(address, at(59)) && !ports.is_forged(address, at(60)));
    }
}
