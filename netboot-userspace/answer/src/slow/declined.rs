//! DECLINEs, and the reasons why one is not believed.

use std::{
    future::poll_fn,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use netboot_base::throttle::Throttle;
use netboot_ebpf::{
    frame::{parse, split},
    shared::Seen,
    verdict::Verdict,
};
use tokio_util::time::DelayQueue;

/// The kernel's ACK is heard of a moment after the machine has it: a DECLINE that comes before waits so long.
const PATIENCE: Duration = Duration::from_millis(250);
/// DECLINEs that wait at once.
const MAX: usize = 256;

/// DECLINEs that wait for their ACK to be heard of.
#[derive(Default)]
pub(super) struct WaitingDeclines(DelayQueue<Declined>);

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

impl WaitingDeclines {
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

/// DECLINEs that are not believed and that the log tells of, a minute and reason: they are easily forged.
const TOLD: u32 = 10;

/// Tells of DECLINEs that are not believed.
pub(super) struct Doubts {
    from_elsewhere: Throttle,
    without_ack: Throttle,
}

impl Default for Doubts {
    fn default() -> Self {
        Self { from_elsewhere: Throttle::new(TOLD), without_ack: Throttle::new(TOLD) }
    }
}

impl Doubts {
    /// Tells of a DECLINE that came over an interface, and why it is not believed.
    pub(super) fn tell(&mut self, verdict: Verdict, interface: &str, declined: Declined) {
        let (budget, why) = match verdict {
            Verdict::DeclineFromElsewhere => (
                &mut self.from_elsewhere,
                "it did not come as machines send it: broadcast from 0.0.0.0 without ciaddr, or through a relay of \
                 the subnet",
            ),
            _ => (
                &mut self.without_ack,
                "the machine was not given this address in the last 30 seconds, or over another relay; where it is \
                 the machine's own (the daemon was started just now), it starts over, and is believed then",
            ),
        };
        let Some(left_out) = budget.admit(Instant::now()) else { return };
        let Declined { seen, source } = declined;
        tracing::warn!(
            interface,
            machine = %seen.station.mac,
            address = %Ipv4Addr::from(seen.address),
            from = %source,
            left_out = (left_out > 0).then_some(left_out),
            "a DECLINE is not believed: {why}"
        );
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::{Mac, Station};

    use super::*;

    #[tokio::test]
    async fn so_many_wait() {
        let declined = |number: u16| {
            let [a, b] = number.to_be_bytes();
            let station = Station::untagged(Mac { octets: [2, 0, 0, 0, a, b] });
            Declined { seen: Seen { station, ..Seen::NOTHING }, source: Ipv4Addr::UNSPECIFIED }
        };
        let mut waiting = WaitingDeclines::default();
        for number in 0..1000 {
            assert_eq!(waiting.keep(declined(number)), usize::from(number) < MAX, "{number}");
        }
        let start = tokio::time::Instant::now();
        for _ in 0..MAX {
            waiting.next().await;
            assert!(start.elapsed() >= PATIENCE);
        }
        assert!(waiting.keep(declined(7)));
        assert_eq!(waiting.next().await.seen.station, declined(7).seen.station);
    }

    #[test]
    fn the_source_is_the_frames() {
        let mut frame = [
            &[0xff; 6][..],
            &[2, 0, 0, 0, 0, 1],
            &[0x08, 0],
            &[0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 5, 192, 168, 2, 1],
            &[0, 68, 0, 67, 0, 9, 0, 0, 1],
        ]
        .concat();
        netboot_ebpf::frame::seal(&mut frame);
        let check = |frame: &[u8], expect: [u8; 4]| {
            assert_eq!(Declined::new(Seen::NOTHING, frame).source, Ipv4Addr::from(expect));
        };
        check(&frame, [203, 0, 113, 5]);
        check(&[&frame[..12], &[0x81, 0, 0, 100], &frame[12..]].concat(), [203, 0, 113, 5]);
        check(&frame[..20], [0; 4]);
    }
}
