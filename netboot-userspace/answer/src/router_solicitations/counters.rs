//! Counters of Router Solicitations and Advertisements.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SolicitationOutcome {
    Answered,
    /// The machine has no reservation.
    Unknown,
    /// The machine has no lease of a boot stage, or had one long ago.
    NotBooting,
    /// The machine was answered, and often enough; or it has gone on.
    GoneOn,
    /// The message's addresses are not what firmware and iPXE make of the machine's MAC.
    OtherSender,
    /// A router was heard there: it answers.
    Router,
    /// Whether there is a router is being asked.
    Asking,
    /// This node is a router itself.
    Forwarding,
    /// More than are answered at once.
    Limited,
    /// The answer could not be sent.
    Unsent,
    /// RFC 4861 has receivers discard it.
    Invalid,
    /// A router's advertisement.
    Advertisement,
    /// The socket had no room for it.
    Overflowed,
}

impl SolicitationOutcome {
    pub(super) const ALL: [Self; 13] = [
        Self::Answered,
        Self::Unknown,
        Self::NotBooting,
        Self::GoneOn,
        Self::OtherSender,
        Self::Router,
        Self::Asking,
        Self::Forwarding,
        Self::Limited,
        Self::Unsent,
        Self::Invalid,
        Self::Advertisement,
        Self::Overflowed,
    ];

    /// The name in status and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "router-solicitations-answered",
            Self::Unknown => "router-solicitations-of-unknown-machines",
            Self::NotBooting => "router-solicitations-not-booting",
            Self::GoneOn => "router-solicitations-gone-on",
            Self::OtherSender => "router-solicitations-of-other-senders",
            Self::Router => "router-solicitations-left-to-a-router",
            Self::Asking => "router-solicitations-while-asking",
            Self::Forwarding => "router-solicitations-forwarding",
            Self::Limited => "router-solicitations-limited",
            Self::Unsent => "router-solicitations-unsent",
            Self::Invalid => "router-messages-invalid",
            Self::Advertisement => "router-advertisements",
            Self::Overflowed => "router-messages-overflowed",
        }
    }
}

/// By outcome.
#[derive(Default)]
pub struct Counters([AtomicU64; SolicitationOutcome::ALL.len()]);

impl Counters {
    pub(super) fn count(&self, outcome: SolicitationOutcome) {
        self.add(outcome, 1);
    }

    pub(super) fn add(&self, outcome: SolicitationOutcome, more: u64) {
        if let Some(counter) = self.0.get(outcome as usize) {
            counter.fetch_add(more, Relaxed);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let values = self.0.iter().map(|counter| counter.load(Relaxed));
        SolicitationOutcome::ALL.into_iter().map(SolicitationOutcome::as_str).zip(values)
    }
}
