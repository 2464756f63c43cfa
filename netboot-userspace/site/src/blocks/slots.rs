//! The architecture slots of a boot set.

use std::collections::BTreeSet;

use netboot_ebpf::shared::MAX_ARCHITECTURES;

use crate::model::{Architecture, Settings};

/// The architectures that a file is configured for, and one for all others: only a host's own boot file
/// is for them.
pub struct Slots {
    slots: Vec<Slot>,
    /// Architecture code to slot, counted from 1; 0: unknown, and a list of codes is searched on.
    pub by_code: [u8; MAX_ARCHITECTURES],
}

/// Whose files a slot's machines load: a number goes before the name it is one of.
pub(crate) struct Slot {
    own: Vec<Architecture>,
    fallback: Option<Architecture>,
}

impl Slots {
    pub(crate) fn new(config: &Settings) -> Self {
        let tables = config.subnets.iter().map(|subnet| &subnet.files);
        let used: BTreeSet<_> =
            tables.chain([&config.boot.files]).flat_map(|files| files.keys().copied()).collect();
        let slots: Vec<_> = used.iter().copied().map(Slot::new).collect();
        let slot = |key: Architecture| {
            let at = slots.iter().position(|slot| slot.own.first() == Some(&key))?;
            u8::try_from(at + 1).ok()
        };
        let mut by_code = [0; MAX_ARCHITECTURES];
        for (code, place) in (0..).zip(&mut by_code) {
            let named = Architecture::of(code);
            let keys =
                [Some(Architecture::Code(code)), named, named.and_then(|own| own.fallback())];
            *place = keys.into_iter().flatten().find_map(slot).unwrap_or(0);
        }
        Self { slots, by_code }
    }

    /// The slot of an architecture code.
    pub(crate) fn of(&self, code: u16) -> u32 {
        let slot = self.by_code.get(usize::from(code)).copied().filter(|slot| *slot != 0);
        slot.map_or(self.count(), u32::from)
    }

    pub fn count(&self) -> u32 {
        self.slots.len() as u32 + 1
    }

    /// All slots, counted from 1; `None`: the last, of all other codes and of none.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, Option<&Slot>)> {
        (1..).zip(self.slots.iter().map(Some).chain([None]))
    }
}

impl Slot {
    fn new(key: Architecture) -> Self {
        let named = match key {
            Architecture::Code(code) => Architecture::of(code),
            _ => None,
        };
        let own: Vec<_> = [key].into_iter().chain(named).collect();
        let fallback = own.iter().find_map(|own| own.fallback());
        Self { own, fallback }
    }

    /// The architectures to look for: all of the first group in all tables, then those of the second.
    pub(crate) fn groups(&self) -> [&[Architecture]; 2] {
        [&self.own, self.fallback.as_slice()]
    }
}
