//! The transfers that are under way: found by their ends when a datagram comes, and by their place from then on.

use std::{collections::HashMap, time::Instant};

use slab::Slab;

use super::{Disk, TransferEnds};
use crate::tftp::{
    admission::TransferSource, content::Content, report::AskedTransfer, sending::Sending,
};

#[derive(Default)]
pub(super) struct Transfers {
    places: HashMap<TransferEnds, usize>,
    transfers: Slab<ActiveTransfer>,
    begun: u64,
}

/// A transfer; there is none when it has ended, even where its place is another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    place: usize,
    number: u64,
}

pub(super) struct ActiveTransfer {
    /// Given by [`Transfers::begin`].
    pub(super) number: u64,
    pub(super) ends: TransferEnds,
    /// Of the request's bytes.
    pub(super) request: u64,
    pub(super) source: TransferSource,
    /// In the engine's `sockets`.
    pub(super) socket: usize,
    pub(super) content: Content,
    pub(super) oack: Box<[u8]>,
    pub(super) sending: Sending,
    /// The first of its timers.
    pub(super) wakes: Instant,
    pub(super) disk: Disk,
    /// The transfer is over by then.
    pub(super) until: Instant,
    pub(super) asked: AskedTransfer,
}

impl Transfers {
    /// There must be none between its ends.
    pub(super) fn begin(&mut self, transfer: ActiveTransfer) -> Id {
        self.begun += 1;
        let (ends, number) = (transfer.ends, self.begun);
        let place = self.transfers.insert(ActiveTransfer { number, ..transfer });
        let _ = self.places.insert(ends, place);
        Id { place, number }
    }

    pub(super) fn end(&mut self, id: Id) -> Option<ActiveTransfer> {
        let ends = self.get(id)?.ends;
        let _ = self.places.remove(&ends);
        self.transfers.try_remove(id.place)
    }

    /// The one between these ends.
    pub(super) fn between(&self, ends: &TransferEnds) -> Option<(Id, &ActiveTransfer)> {
        let place = *self.places.get(ends)?;
        let transfer = self.transfers.get(place)?;
        Some((Id { place, number: transfer.number }, transfer))
    }

    pub(super) fn get(&self, id: Id) -> Option<&ActiveTransfer> {
        self.transfers.get(id.place).filter(|transfer| transfer.number == id.number)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut ActiveTransfer> {
        self.transfers.get_mut(id.place).filter(|transfer| transfer.number == id.number)
    }

    pub(super) fn len(&self) -> usize {
        self.transfers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.transfers.is_empty()
    }

    /// How many there were.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// In no order that a client could choose.
    pub(super) fn some(&self) -> impl Iterator<Item = (Id, &ActiveTransfer)> {
        self.places.values().filter_map(|place| {
            let transfer = self.transfers.get(*place)?;
            Some((Id { place: *place, number: transfer.number }, transfer))
        })
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut ActiveTransfer> {
        self.transfers.iter_mut().map(|(_, transfer)| transfer)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = ActiveTransfer> {
        self.transfers.into_iter().map(|(_, transfer)| transfer)
    }
}

impl ActiveTransfer {
    /// At its begin the client knows the one port that it was answered from. Who forged the client's address has to
    /// try all ports, and would have the file sent to somebody who does not want it.
    pub(super) fn is_young(&self) -> bool {
        self.sending.acknowledged_blocks() <= 2 * u64::from(self.asked.window)
    }
}
