//! Who makes room where there are as many transfers as may be.

use std::{net::SocketAddr, time::Instant};

use async_tftp::server::Handler;

use super::{Engine, Id};
use crate::tftp::{
    admission::{Full, Source, UNANSWERED},
    content::Reader,
    counters::Event,
    report::Outcome,
};

/// Transfers that are looked at for one that makes room: who floods has most of them.
const LOOKED_AT: usize = 64;

impl<H: Handler<Reader = Reader>> Engine<H> {
    /// What was never answered gives way to what is new; machines with a reservation go before others.
    pub(super) fn make_room(&mut self, source: Source, now: Instant) -> bool {
        while self.unanswered.len() >= UNANSWERED.min(self.most.transfers) {
            let Some(id) = self.unanswered.pop_front() else { break };
            if self.transfer(id).is_some_and(|transfer| !transfer.sending.is_acknowledged()) {
                self.end(id.0, &Outcome::GaveWay, now);
            }
        }
        let Err(full) = self.admission.check(source) else { return true };
        let victim = self.unanswered_of(full).or_else(|| self.stranger(source, full));
        let Some(client) = victim else { return false };
        self.end(client, &Outcome::GaveWay, now);
        self.admission.check(source).is_ok()
    }

    /// The oldest one that its client has not answered, of those whose end makes room.
    fn unanswered_of(&mut self, full: Full) -> Option<SocketAddr> {
        while let Some(id) = self.unanswered.front().copied() {
            if self.transfer(id).is_some_and(|transfer| !transfer.sending.is_acknowledged()) {
                break;
            }
            let _ = self.unanswered.pop_front();
        }
        let transfers = &self.transfers;
        let makes_room = |Id(client, number): &&Id| {
            transfers.get(client).is_some_and(|transfer| {
                transfer.number == *number
                    && !transfer.sending.is_acknowledged()
                    && full.counts(transfer.source)
            })
        };
        let mut oldest = self.unanswered.iter().take(LOOKED_AT);
        oldest.find(makes_room).map(|Id(client, _)| *client)
    }

    fn stranger(&self, source: Source, full: Full) -> Option<SocketAddr> {
        if !source.is_known || full != Full::All {
            return None;
        }
        let mut some = self.transfers.iter().take(LOOKED_AT);
        some.find(|(_, transfer)| !transfer.source.is_known).map(|(client, _)| *client)
    }

    /// No answer: the client asks again, and an ERROR would send it to its disk.
    pub(super) fn refuse_for_room(&mut self, now: Instant) {
        self.reporter.counters.count(Event::TooMany);
        if self.refused.replace(now).is_none() {
            (self.tell)(Some(format!(
                "requests are left unanswered: {} transfers are under way, or one source has its part of \
                 them (tftp-too-many counts); look in the log for who asks so much",
                self.transfers.len()
            )));
        }
    }
}
