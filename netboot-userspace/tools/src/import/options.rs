//! DHCP options of other servers' configurations, and their settings here.

mod settings;
mod value_words;

use std::collections::BTreeMap;

pub(super) use self::{
    settings::{note_parts, of_host, of_requests, of_subnet},
    value_words::{encode, guess, hex},
};
use super::note::NotePlace;

/// In place of an option's code: the address of the server that boot files come from (siaddr).
pub(super) const NEXT_SERVER: u8 = 0;

/// Options by code: those of a network, a group or a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(BTreeMap<u8, PlacedValue>);

/// An option's value on the wire, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedValue {
    pub(super) value: Vec<u8>,
    pub(super) place: NotePlace,
}

impl Options {
    pub(super) fn set(&mut self, code: u8, value: Vec<u8>, place: &NotePlace) {
        self.0.insert(code, PlacedValue { value, place: place.clone() });
    }

    pub(super) fn get(&self, code: u8) -> Option<&PlacedValue> {
        self.0.get(&code)
    }

    pub(super) fn remove(&mut self, code: u8) -> Option<PlacedValue> {
        self.0.remove(&code)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &PlacedValue)> {
        self.0.iter().map(|(code, given)| (*code, given))
    }

    /// These options, and the options of `outer` that are not among these.
    pub(super) fn within(&self, outer: &Self) -> Self {
        let mut all = outer.clone();
        all.0.extend(self.0.clone());
        all
    }
}
