//! Machines that were given their address a moment ago: only such a one can find that in use (DHCPDECLINE).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use netboot_base::bounded::bounded;
use netboot_ebpf::{
    shared::{Seen, Station},
    verdict::Verdict,
    wire::REQUEST,
};
use parking_lot::Mutex;

/// How long a machine's DECLINE is believed after its ACK. Clients look whether their address is in use for
/// up to 10 s (RFC 5227 section 1.1); one that is not believed starts over, and gets another ACK.
pub const WINDOW: Duration = Duration::from_secs(30);

/// The most machines: of more within [`WINDOW`], those that asked last.
const MAX: usize = 65_536;

/// The last ACK of each machine, as the daemon sent it or heard of it from the kernel; cheap to clone.
///
/// An event that was lost, and an ACK before a restart of the daemon, are not here: that DECLINE is not believed,
/// the machine starts over, and its next one is.
#[derive(Clone)]
pub struct Acknowledged(Arc<Mutex<LruCache<Station, GivenAddress>>>);

#[derive(Clone, Copy)]
struct GivenAddress {
    at: Instant,
    address: [u8; 4],
    /// The relay that it went to; zero: to the machine itself.
    relay: [u8; 4],
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(bounded(MAX))))
    }
}

impl Acknowledged {
    /// Notes what became of a message, if that is an ACK.
    pub fn note(&self, verdict: Verdict, seen: &Seen, at: Instant) {
        if !gives_address(verdict) || seen.message_type != REQUEST {
            return;
        }
        let mut given = self.0.lock();
        given.put(seen.station, GivenAddress { at, address: seen.address, relay: seen.giaddr });
        while given.peek_lru().is_some_and(|(_, oldest)| oldest.is_over(at)) {
            given.pop_lru();
        }
    }

    /// Whether the machine that declines this was given it, the same way, a moment ago. One ACK is good for one
    /// DECLINE.
    #[must_use]
    pub fn take(&self, declined: &Seen, now: Instant) -> bool {
        let mut given = self.0.lock();
        let is_given = given.peek(&declined.station).is_some_and(|given| {
            !given.is_over(now)
                && given.address == declined.address
                && given.relay == declined.giaddr
        });
        is_given && given.pop(&declined.station).is_some()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl GivenAddress {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) > WINDOW
    }
}

/// Whether a REQUEST with this verdict was answered with an ACK, or maybe: without the relay's option a NAK is
/// counted the same, but is of another address than a DECLINE may name.
fn gives_address(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Ack
            | Verdict::AckNoBootFile
            | Verdict::AckShortened
            | Verdict::AckWithoutDaemon
            | Verdict::NoRelayInfo
    )
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::{
        shared::Mac,
        wire::{DECLINE, DISCOVER, INFORM},
    };

    use super::*;

    const ADDRESS: [u8; 4] = [192, 168, 2, 144];
    const RELAY: [u8; 4] = [192, 168, 2, 3];

    fn station(number: usize) -> Station {
        let [.., a, b, c] = number.to_be_bytes();
        Station::untagged(Mac { octets: [2, 0, 0, a, b, c] })
    }

    fn seen(message_type: u8) -> Seen {
        Seen { station: station(1), message_type, address: ADDRESS, ..Seen::NOTHING }
    }

    #[test]
    fn a_decline_needs_an_ack_of_its_own() {
        let check = |verdict, message_type, declined: Seen, after: u64, expect: bool| {
            let (acknowledged, start) = (Acknowledged::default(), Instant::now());
            acknowledged.note(verdict, &seen(message_type), start);
            let now = start + Duration::from_secs(after);
            let what = format!("{verdict:?} {message_type}, {declined:?} {after} s later");
            assert_eq!(acknowledged.take(&declined, now), expect, "{what}");
            assert!(!acknowledged.take(&declined, now), "{what}, again");
        };
        let decline = seen(DECLINE);
        for verdict in Verdict::ALL {
            let is_ack = matches!(
                verdict.as_str(),
                "ack"
                    | "ack-no-boot-file"
                    | "ack-shortened"
                    | "ack-without-daemon"
                    | "no-relay-info"
            );
            check(verdict, REQUEST, decline, 1, is_ack);
        }
        check(Verdict::NoRelayInfo, DISCOVER, decline, 1, false);
        check(Verdict::InformAck, INFORM, decline, 1, false);
        check(Verdict::Ack, REQUEST, decline, 0, true);
        check(Verdict::Ack, REQUEST, decline, 30, true);
        check(Verdict::Ack, REQUEST, decline, 31, false);
        check(Verdict::Ack, REQUEST, Seen { station: station(2), ..decline }, 1, false);
        check(Verdict::Ack, REQUEST, Seen { address: [192, 168, 2, 145], ..decline }, 1, false);
        check(Verdict::Ack, REQUEST, Seen { giaddr: RELAY, ..decline }, 1, false);
    }

    #[test]
    fn a_relayed_one_comes_over_the_same_relay() {
        let (acknowledged, now) = (Acknowledged::default(), Instant::now());
        let relayed = Seen { giaddr: RELAY, ..seen(REQUEST) };
        acknowledged.note(Verdict::Ack, &relayed, now);
        assert!(!acknowledged.take(&seen(DECLINE), now));
        assert!(acknowledged.take(&Seen { giaddr: RELAY, ..seen(DECLINE) }, now));
    }

    /// An ACK that was not heard of costs one round.
    #[test]
    fn the_next_round_is_believed() {
        let (acknowledged, start) = (Acknowledged::default(), Instant::now());
        assert!(!acknowledged.take(&seen(DECLINE), start));
        let later = start + Duration::from_secs(12);
        acknowledged.note(Verdict::Ack, &seen(REQUEST), later);
        assert!(acknowledged.take(&seen(DECLINE), later));
    }

    #[test]
    fn those_of_the_last_moments_are_remembered() {
        let (acknowledged, start) = (Acknowledged::default(), Instant::now());
        for number in 0..MAX + 100 {
            let seen = Seen { station: station(number), ..seen(REQUEST) };
            acknowledged.note(Verdict::Ack, &seen, start);
        }
        assert_eq!(acknowledged.len(), MAX);
        let decline = |number| Seen { station: station(number), ..seen(DECLINE) };
        assert!(!acknowledged.take(&decline(99), start));
        assert!(acknowledged.take(&decline(100), start));
        acknowledged.note(Verdict::Ack, &seen(REQUEST), start + Duration::from_secs(31));
        assert_eq!(acknowledged.len(), 1);
    }
}
