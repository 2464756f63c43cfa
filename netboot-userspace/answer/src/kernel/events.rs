//! Events of messages, as the program tells them, and the program's own log lines.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{Map, MapData, RingBuf},
};
use netboot_base::clock;
use netboot_ebpf::{
    shared::{Event, map},
    verdict::Verdict,
};
use netboot_machines::{event::DecidedBy, sightings::Sightings};
use tokio_util::sync::CancellationToken;
use zerocopy::FromBytes as _;

/// How often events are read: the program never wakes us.
const POLL: Duration = Duration::from_millis(50);
/// Events that are read before other tasks have their turn, and turns before the next poll: more than
/// the ring holds.
const TURN: u32 = 256;
const MAX_TURNS: u32 = 64;

/// The event ring.
pub struct Events {
    ring: RingBuf<MapData>,
    id: u32,
}

impl Events {
    /// Takes the ring out of an object; where that was done before, it is opened by its pin.
    pub(super) fn take(ebpf: &mut Ebpf, pin: &Path) -> anyhow::Result<Self> {
        let map = match ebpf.take_map(map::EVENTS) {
            Some(map) => map,
            None => Map::RingBuf(
                MapData::from_pin(pin).with_context(|| format!("cannot open {}", pin.display()))?,
            ),
        };
        let Map::RingBuf(data) = &map else { anyhow::bail!("EVENTS is no ring") };
        let id = data.info()?.id();
        Ok(Self { ring: RingBuf::try_from(map)?, id })
    }

    /// The kernel's number of the ring.
    #[must_use]
    pub fn ring(&self) -> u32 {
        self.id
    }
}

/// Reads events until it is cancelled, and counts those that were not understood.
pub async fn watch(
    mut events: Events,
    unreadable: Arc<AtomicU64>,
    sightings: Sightings,
    cancel: CancellationToken,
) {
    let mut ticks = tokio::time::interval(POLL);
    while !cancel.is_cancelled() {
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = ticks.tick() => {}
        }
        let mut turn = 0;
        while let Some(bytes) = events.ring.next() {
            turn += 1;
            match event(&bytes) {
                Some((event, verdict)) if verdict.is_final() => {
                    let by = DecidedBy::Kernel;
                    sightings.note(
                        by,
                        event.ifindex,
                        verdict,
                        &event.seen,
                        clock::instant(event.at),
                    );
                }
                // The daemon judges again, and tells of that.
                Some(_) => {}
                None => _ = unreadable.fetch_add(1, Relaxed),
            }
            // A flood may fill the ring as fast as it is read.
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
                if turn >= MAX_TURNS * TURN {
                    break;
                }
            }
        }
    }
}

fn event(bytes: &[u8]) -> Option<(Event, Verdict)> {
    let event = Event::read_from_bytes(bytes).ok()?;
    Some((event, Verdict::from_number(event.verdict)?))
}

/// Moves the program's log lines to the daemon's log until it is cancelled.
pub async fn watch_log(
    mut log: aya_log::EbpfLogger<&'static dyn log::Log>,
    cancel: CancellationToken,
) {
    let mut ticks = tokio::time::interval(POLL);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => log.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Seen;
    use zerocopy::IntoBytes as _;

    use super::*;

    fn sent(verdict: u32) -> Event {
        Event { at: 0, ifindex: 3, verdict, seen: Seen::NOTHING }
    }

    #[test]
    fn events_are_read_or_not() {
        let check = |bytes: &[u8], expect: Option<Verdict>| {
            assert_eq!(event(bytes).map(|(_, verdict)| verdict), expect, "{bytes:?}");
        };
        let offer = sent(Verdict::Offer as u32);
        check(offer.as_bytes(), Some(Verdict::Offer));
        check(&offer.as_bytes()[1..], None);
        check(&[], None);
        check(sent(Verdict::COUNT).as_bytes(), None);
    }
}
