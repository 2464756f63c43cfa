//! Counters of requests by what became of them, for status and metrics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use netboot_machines::metrics::Durations;

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// A transfer, which ends by one of the next ones, or as refused.
    Begun,
    Complete,
    /// The client wanted to know the size, as each UEFI firmware does.
    Probe,
    /// The client ended the transfer by an ERROR.
    Aborted,
    /// The client was silent for too long, or too slow.
    Lost,
    /// The client asked anew from the same port.
    AskedAnew,
    /// The daemon ended.
    Cut,
    /// The file was changed meanwhile, or the disk failed.
    Unread,
    NotFound,
    /// The file may not be read, or cannot be; a mode that is not served; a request to write.
    Refused,
    /// No answer: there were too many transfers, of all or of this source.
    TooMany,
    /// A transfer that its client never answered made room for a new one.
    GaveWay,
    /// The client's address was forged, or another program has its port.
    Guessed,
    /// Requests that the kernel had no room for.
    Unheard,
    /// No request, no acknowledgement and no error.
    Malformed,
    /// A packet that belongs to no transfer, or came from another port than the transfer's.
    Foreign,
    BlocksResent,
    /// A datagram that the kernel did not take.
    Unsent,
    Bytes,
}

/// Shared by all of TFTP; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counts: Arc<[AtomicU64; Counted::ALL.len()]>,
    durations: Durations,
}

impl Counted {
    const ALL: [(Self, &'static str); 19] = [
        (Self::Begun, "begun"),
        (Self::Complete, "complete"),
        (Self::Probe, "size-probes"),
        (Self::Aborted, "aborted"),
        (Self::Lost, "timed-out"),
        (Self::AskedAnew, "asked-anew"),
        (Self::Cut, "cut-off"),
        (Self::Unread, "unread"),
        (Self::NotFound, "not-found"),
        (Self::Refused, "refused"),
        (Self::TooMany, "too-many"),
        (Self::GaveWay, "gave-way"),
        (Self::Guessed, "guessed-ports"),
        (Self::Unheard, "unheard"),
        (Self::Malformed, "malformed"),
        (Self::Foreign, "foreign"),
        (Self::BlocksResent, "blocks-resent"),
        (Self::Unsent, "unsent"),
        (Self::Bytes, "bytes"),
    ];

    /// As it is told in status, metrics and log.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, name)| name)
    }
}

impl Counters {
    pub(super) fn count(&self, event: Counted) {
        self.add(event, 1);
    }

    pub(super) fn add(&self, event: Counted, number: u64) {
        if let Some(counter) = self.counts.get(event as usize) {
            counter.fetch_add(number, Relaxed);
        }
    }

    /// A transfer ended so, after this time.
    pub(super) fn ended(&self, event: Counted, took: Duration) {
        self.count(event);
        self.durations.took(event.name(), took);
    }

    /// How long transfers took.
    #[must_use]
    pub fn durations(&self) -> &Durations {
        &self.durations
    }

    /// Names and values.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let values = self.counts.iter().map(|counter| counter.load(Relaxed)).collect::<Vec<_>>();
        Counted::ALL.into_iter().map(|(_, name)| name).zip(values)
    }

    #[cfg(test)]
    pub(super) fn get(&self, event: Counted) -> u64 {
        self.counts[event as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_counter() {
        let counters = Counters::default();
        for (number, (event, _)) in (1..).zip(Counted::ALL) {
            counters.add(event, number);
            assert_eq!(Counted::ALL[event as usize].0, event);
        }
        let expect = (1..).zip(Counted::ALL).map(|(number, (_, name))| (name, number));
        assert!(counters.all().eq(expect));
    }
}
