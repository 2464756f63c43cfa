//! Machines that wait for an IPv6 router, as their DHCP shows.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use netboot_base::bounded::bounded;
use netboot_ebpf::{
    client::Stage,
    shared::{Mac, Seen, Station},
    verdict::Verdict,
    wire::REQUEST,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::broadcast;

/// Of an iPXE that waits 16 s, from its first solicitation, shortly before its lease.
const WAIT: Duration = Duration::from_secs(20);
/// An answer may be lost: iPXE asks again after at most 8 s.
const AGAIN: Duration = Duration::from_secs(9);
/// And so often.
const MOST_ANSWERS: u32 = 4;
/// Machines that wait at once: a row each.
const MOST: usize = 65_536;

/// Leases that are told at once; who reads later looks at all.
const TOLD: usize = 256;

/// A machine at an interface.
type InterfaceStation = (u32, Station);

/// The machines whose last lease is of a boot stage; cheap to clone.
#[derive(Clone)]
pub struct Booting {
    rows: Arc<Mutex<LruCache<InterfaceStation, BootRow>>>,
    leases: broadcast::Sender<InterfaceStation>,
}

struct BootRow {
    lease: LeaseGiver,
    since: Instant,
    first_answer: Option<Instant>,
    answers: u32,
}

/// Who gave the machine its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseGiver {
    Ours,
    /// In the proxy modes; else the machine is none of ours.
    AnotherServers,
}

/// Why a machine is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWaiting {
    /// The machine has no lease of a boot stage, or had one long ago.
    NotBooting,
    /// The machine was answered, and often enough.
    Answered,
}

impl Default for Booting {
    fn default() -> Self {
        let rows = Arc::new(Mutex::new(bounded(MOST)));
        Self { rows, leases: broadcast::Sender::new(TOLD) }
    }
}

impl Booting {
    /// Notes what became of a machine's DHCP message.
    ///
    /// A lease counts from its ACK on: an iPXE whose DHCP fails is not to take IPv6 alone for success. The next
    /// DISCOVER is another stage's, or an installed system's.
    pub fn note(&self, ifindex: u32, verdict: Verdict, seen: &Seen, at: Instant) {
        // A relay hears no solicitations of its machines for us.
        if seen.station.mac == Mac::default() || seen.giaddr != [0; 4] {
            return;
        }
        let lease = match verdict {
            Verdict::Ack | Verdict::AckNoBootFile | Verdict::AckShortened => Some(LeaseGiver::Ours),
            Verdict::OtherServer if seen.message_type == REQUEST => {
                Some(LeaseGiver::AnotherServers)
            }
            _ => None,
        };
        let key = (ifindex, seen.station);
        let mut rows = self.lock();
        let Some(lease) = lease.filter(|_| waits(seen.stage)) else {
            rows.pop(&key);
            return;
        };
        rows.put(key, BootRow { lease, since: at, first_answer: None, answers: 0 });
        drop(rows);
        // Nobody may listen.
        let _ = self.leases.send(key);
    }

    /// The machines whose lease is noted from now on.
    pub fn leases(&self) -> broadcast::Receiver<InterfaceStation> {
        self.leases.subscribe()
    }

    /// The lease of a machine that may still be waiting, and since when it has it.
    ///
    /// # Errors
    /// The machine does not wait.
    pub fn lease(
        &self,
        ifindex: u32,
        station: Station,
        now: Instant,
    ) -> Result<(LeaseGiver, Instant), NotWaiting> {
        let rows = self.lock();
        let row = rows.peek(&(ifindex, station)).ok_or(NotWaiting::NotBooting)?;
        if now.saturating_duration_since(row.since) > WAIT {
            return Err(NotWaiting::NotBooting);
        }
        let is_late = |first| now.saturating_duration_since(first) > AGAIN;
        if row.answers >= MOST_ANSWERS || row.first_answer.is_some_and(is_late) {
            return Err(NotWaiting::Answered);
        }
        Ok((row.lease, row.since))
    }

    /// The machine is answered now.
    pub fn answered(&self, ifindex: u32, station: Station, now: Instant) {
        if let Some(row) = self.lock().get_mut(&(ifindex, station)) {
            row.answers += 1;
            row.first_answer.get_or_insert(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<InterfaceStation, BootRow>> {
        self.rows.lock()
    }
}

/// Whether a stage may be iPXE, under its own user class, the site's, or another one: then it says `PXEClient` alone, as
/// UEFI's PXE client does, which does not wait and is not harmed. No iPXE says `HTTPClient`.
fn waits(stage: u8) -> bool {
    matches!(Stage::from_number(stage), Some(Stage::Pxe | Stage::Ipxe | Stage::Script))
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::{shared::Vlan, wire::DISCOVER};

    use super::*;

    const STATION: Station = Station::untagged(Mac { octets: [0x52, 0x54, 0, 0, 0, 1] });

    fn seen(stage: Stage) -> Seen {
        let (message_type, stage) = (REQUEST, stage as u8);
        Seen { station: STATION, message_type, stage, ..Seen::NOTHING }
    }

    /// What is known of the machine some seconds after the last of these messages.
    #[track_caller]
    fn check(
        messages: &[(Verdict, Seen)],
        seconds: u64,
        answered_at: &[u64],
        expect: Result<LeaseGiver, NotWaiting>,
    ) {
        let (booting, start) = (Booting::default(), Instant::now());
        for (verdict, seen) in messages {
            booting.note(3, *verdict, seen, start);
        }
        let at = |seconds| start + Duration::from_secs(seconds);
        for seconds in answered_at {
            booting.answered(3, STATION, at(*seconds));
        }
        let lease = booting.lease(3, STATION, at(seconds)).map(|(lease, _)| lease);
        assert_eq!(lease, expect, "{messages:?} after {seconds}");
        let other = |ifindex, station| booting.lease(ifindex, station, at(0)).map(drop);
        assert_eq!(other(4, STATION), Err(NotWaiting::NotBooting));
        let in_vlan = Station { vlan: Vlan { ids: [7, 0] }, ..STATION };
        assert_eq!(other(3, in_vlan), Err(NotWaiting::NotBooting));
    }

    #[test]
    fn who_waits() {
        const NOT: Result<LeaseGiver, NotWaiting> = Err(NotWaiting::NotBooting);
        const ENOUGH: Result<LeaseGiver, NotWaiting> = Err(NotWaiting::Answered);
        const OURS: Result<LeaseGiver, NotWaiting> = Ok(LeaseGiver::Ours);
        let ack = |stage| (Verdict::Ack, seen(stage));
        check(&[], 0, &[], NOT);
        for (stage, expect) in [
            (Stage::Plain, NOT),
            (Stage::Pxe, OURS),
            (Stage::Http, NOT),
            (Stage::Ipxe, OURS),
            (Stage::Script, OURS),
            (Stage::Loader, NOT),
        ] {
            check(&[ack(stage)], 1, &[], expect);
        }
        for (verdict, expect) in [
            (Verdict::Offer, NOT),
            (Verdict::AckNoBootFile, OURS),
            (Verdict::AckShortened, OURS),
            (Verdict::InformAck, NOT),
            (Verdict::Nak, NOT),
            (Verdict::UnknownMachine, NOT),
            (Verdict::OtherServer, Ok(LeaseGiver::AnotherServers)),
        ] {
            check(&[(verdict, seen(Stage::Ipxe))], 1, &[], expect);
        }
        // For how long, and how often.
        check(&[ack(Stage::Ipxe)], 20, &[], OURS);
        check(&[ack(Stage::Ipxe)], 21, &[], NOT);
        check(&[ack(Stage::Ipxe)], 11, &[2], OURS);
        check(&[ack(Stage::Ipxe)], 12, &[2], ENOUGH);
        check(&[ack(Stage::Ipxe)], 3, &[1, 1, 2], OURS);
        check(&[ack(Stage::Ipxe)], 3, &[1, 1, 2, 2], ENOUGH);
        // What came later counts: another stage, or an installed system.
        let discover = (Verdict::Offer, Seen { message_type: DISCOVER, ..seen(Stage::Ipxe) });
        check(&[ack(Stage::Ipxe), discover], 1, &[], NOT);
        check(&[ack(Stage::Ipxe), discover, ack(Stage::Script)], 1, &[], OURS);
        check(&[ack(Stage::Script), ack(Stage::Plain)], 1, &[], NOT);
        // Behind a relay; unreadable.
        let relayed = Seen { giaddr: [10, 0, 0, 1], ..seen(Stage::Ipxe) };
        check(&[(Verdict::Ack, relayed)], 1, &[], NOT);
        check(&[ack(Stage::Ipxe), (Verdict::Truncated, Seen::NOTHING)], 1, &[], OURS);
    }

    #[test]
    fn a_rack_is_kept_and_no_more() {
        let (booting, now) = (Booting::default(), Instant::now());
        let station = |number: usize| {
            let [.., a, b, c] = number.to_be_bytes();
            Station::untagged(Mac { octets: [2, 0, 0, a, b, c] })
        };
        for number in 0..MOST + 3 {
            let seen = Seen { station: station(number), ..seen(Stage::Pxe) };
            booting.note(3, Verdict::Ack, &seen, now);
        }
        assert_eq!(booting.lock().len(), MOST);
        assert!(booting.lease(3, station(2), now).is_err());
        assert!(booting.lease(3, station(3), now).is_ok());
    }
}
