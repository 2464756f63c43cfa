//! The transfers that are under way: found by their ends when a datagram comes, and by their place from then on.

use std::{collections::HashMap, time::Instant};

use slab::Slab;

use super::{Disk, Ends};
use crate::tftp::{admission::Source, content::Content, report::Asked, sending::Sending};

#[derive(Default)]
pub(super) struct Transfers {
    places: HashMap<Ends, usize>,
    transfers: Slab<Transfer>,
    begun: u64,
}

/// A transfer; there is none when it has ended, even where its place is another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    place: usize,
    number: u64,
}

pub(super) struct Transfer {
    /// Given by [`Transfers::begin`].
    pub(super) number: u64,
    pub(super) ends: Ends,
    /// Of the request's bytes.
    pub(super) request: u64,
    pub(super) source: Source,
    /// In the engine's `sockets`.
    pub(super) socket: usize,
    pub(super) content: Content,
    pub(super) oack: Box<[u8]>,
    pub(super) sending: Sending,
    /// The first of its timers.
    pub(super) wakes: Instant,
    pub(super) disk: Disk,
    /// It is over by then.
    pub(super) until: Instant,
    pub(super) asked: Asked,
}

impl Transfers {
    /// There must be none between its ends.
    pub(super) fn begin(&mut self, transfer: Transfer) -> Id {
        self.begun += 1;
        let (ends, number) = (transfer.ends, self.begun);
        let place = self.transfers.insert(Transfer { number, ..transfer });
        let _ = self.places.insert(ends, place);
        Id { place, number }
    }

    pub(super) fn end(&mut self, id: Id) -> Option<Transfer> {
        let ends = self.get(id)?.ends;
        let _ = self.places.remove(&ends);
        self.transfers.try_remove(id.place)
    }

    /// The one between these ends.
    pub(super) fn between(&self, ends: &Ends) -> Option<(Id, &Transfer)> {
        let place = *self.places.get(ends)?;
        let transfer = self.transfers.get(place)?;
        Some((Id { place, number: transfer.number }, transfer))
    }

    pub(super) fn get(&self, id: Id) -> Option<&Transfer> {
        self.transfers.get(id.place).filter(|transfer| transfer.number == id.number)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Transfer> {
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
    pub(super) fn some(&self) -> impl Iterator<Item = (Id, &Transfer)> {
        self.places.values().filter_map(|place| {
            let transfer = self.transfers.get(*place)?;
            Some((Id { place: *place, number: transfer.number }, transfer))
        })
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Transfer> {
        self.transfers.iter_mut().map(|(_, transfer)| transfer)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = Transfer> {
        self.transfers.into_iter().map(|(_, transfer)| transfer)
    }
}

impl Transfer {
    /// At its begin the client knows the one port that it was answered from. Who forged the client's address has to
    /// try all ports, and would have the file sent to somebody who does not want it.
    pub(super) fn is_young(&self) -> bool {
        self.sending.acknowledged_blocks() <= 2 * u64::from(self.asked.window)
    }
}
