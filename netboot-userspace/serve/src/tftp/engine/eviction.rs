//! Transfers that give way to new ones, where there are as many as may be.

use std::time::Instant;

use async_tftp::server::Handler;
use netboot_machines::event::TransferOutcome;

use super::{
    Engine,
    transfers::{ActiveTransfer, Id, Transfers},
};
use crate::tftp::{
    admission::{Full, TransferSource},
    content::{Content, ContentReader},
    counters::Counted,
};

/// Transfers that are looked at for one that makes room: who floods has most of them.
const LOOKED_AT: usize = 64;

impl<H: Handler<Reader = ContentReader>> Engine<H> {
    /// What was never answered gives way to what is new; machines with a reservation go before others.
    ///
    /// # Errors
    /// Nobody makes room.
    pub(super) fn make_room(&mut self, source: TransferSource, now: Instant) -> Result<(), Full> {
        // What has ended or was answered is only in the way.
        if self.unanswered.len() > 1024 + 2 * self.unanswered_now {
            let transfers = &self.transfers;
            self.unanswered.retain(|id| unanswered(transfers, id).is_some());
        }
        if self.unanswered_now >= self.admission.unanswered() {
            let victim =
                self.unanswered_of(Full::Strangers).or_else(|| self.unanswered_of(Full::All));
            if let Some(id) = victim {
                self.give_way(id, now);
            }
        }
        let Err(full) = self.admission.check(source) else { return Ok(()) };
        let victim = self.unanswered_of(full).or_else(|| self.greedy(source, full));
        if let Some(id) = victim {
            self.give_way(id, now);
        }
        self.admission.check(source)
    }

    fn give_way(&mut self, id: Id, now: Instant) {
        self.gave_way = Some(now);
        self.end(id, &TransferOutcome::GaveWay, now);
    }

    /// The oldest one that its client has not answered, of those whose end makes room.
    fn unanswered_of(&mut self, full: Full) -> Option<Id> {
        let transfers = &self.transfers;
        while self.unanswered.front().is_some_and(|id| unanswered(transfers, id).is_none()) {
            let _ = self.unanswered.pop_front();
        }
        let makes_room = |id: &&Id| {
            unanswered(transfers, id).is_some_and(|transfer| full.counts(transfer.source))
        };
        let mut oldest = self.unanswered.iter().take(LOOKED_AT);
        oldest.find(makes_room).copied()
    }

    /// One of a source that has many, for one that has few; of strangers for a machine with a reservation.
    fn greedy(&self, source: TransferSource, full: Full) -> Option<Id> {
        self.greediest(source, LOOKED_AT, |transfer| full.counts(transfer.source))
    }

    fn greediest(
        &self,
        source: TransferSource,
        looked_at: usize,
        makes_room: impl Fn(&ActiveTransfer) -> bool,
    ) -> Option<Id> {
        let own = self.admission.of_address(source.address);
        let some = self.transfers.some().take(looked_at);
        let others = some.filter(|(_, transfer)| {
            let other = transfer.source;
            makes_room(transfer)
                && other.address != source.address
                && (source.is_known || !other.is_known)
        });
        let greediest = others.max_by_key(|(_, transfer)| {
            (!transfer.source.is_known, self.admission.of_address(transfer.source.address))
        });
        let (id, transfer) = greediest?;
        let is_stranger = source.is_known && !transfer.source.is_known;
        let has_many = self.admission.of_address(transfer.source.address) > 16 + 2 * own;
        (is_stranger || has_many).then_some(id)
    }

    /// No more files can be open, or it is being written. Of those that have some, one that may be taken from gives way:
    /// the client asks again.
    pub(super) fn refuse_for_files(&mut self, source: TransferSource, now: Instant) {
        let has_file = |transfer: &ActiveTransfer| matches!(transfer.content, Content::Disk(_));
        let victim = self.greediest(source, self.transfers.len(), has_file);
        let who = victim.and_then(|id| self.transfers.get(id)).map(|transfer| transfer.source);
        if let Some(id) = victim {
            self.give_way(id, now);
        }
        self.is_refusing(now, |_| {
            let who = who.map_or_else(String::new, |who| format!("; {} has some", who.address));
            format!(
                "requests are left unanswered: many large files are sent at once, or some are being written \
                 (tftp-too-many counts){who}"
            )
        });
    }

    /// No answer: the client asks again, and an ERROR would send it to its disk.
    pub(super) fn refuse_for_room(&mut self, source: TransferSource, full: Full, now: Instant) {
        self.reporter.counters.count(Counted::TooMany);
        self.is_refusing(now, |engine| {
            let under_way = engine.transfers.len();
            let who = match full {
                Full::Address(address) => format!("{address} has as many as one host may have"),
                Full::Network(network) => {
                    format!("hosts near {network} without reservation have as many as they may")
                }
                Full::Strangers => "hosts without reservation have as many as they may".to_owned(),
                Full::All => "there are as many as may be".to_owned(),
            };
            format!(
                "requests are left unanswered, the first one of {}: {under_way} transfers are under way, \
                 and {who} (tftp-too-many counts)",
                source.address
            )
        });
    }
}

/// The transfer, if it goes on and its client has not answered.
fn unanswered<'t>(transfers: &'t Transfers, id: &Id) -> Option<&'t ActiveTransfer> {
    transfers.get(*id).filter(|transfer| !transfer.sending.is_acknowledged())
}
