//! The limits that the XDP program keeps, on interfaces without the program: the same counts over the same settings.

use std::{cell::Cell, hash::Hash};

use lru::LruCache;
use netboot_ebpf::{
    conclude::{Conclusion, Counts, conclude},
    limit::{Ceilings, Unknown},
    shared::{
        BootFile, ClassFlags, Interface, MAX_UNKNOWN, Reservation, Seen, Settings, Station, Subnet,
        UserClass,
    },
    tables::{Asked, AtLink, Tables as _},
    verdict::Verdict,
};
use parking_lot::{Mutex, MutexGuard};

use crate::tables::Tables;

/// Machines with a reservation whose messages are counted: those that asked last.
const MAX_KNOWN: usize = 65_536;

/// What was counted of machines, and of all together.
pub struct MessageLimits {
    ceilings: Ceilings,
    known: LruCache<Station, u64>,
    unknown: LruCache<Station, Unknown>,
}

impl Default for MessageLimits {
    fn default() -> Self {
        // Bounded by `entry`: a bounded cache allocates all its places at once.
        Self {
            ceilings: Ceilings::default(),
            known: LruCache::unbounded(),
            unknown: LruCache::unbounded(),
        }
    }
}

/// The tables for one message.
pub(super) struct Limited<'t> {
    tables: &'t Tables,
    limits: &'t Mutex<MessageLimits>,
    /// Nanoseconds since boot.
    now: u64,
    /// The machine was looked up, and that counted.
    is_counted: Cell<bool>,
    /// The machine has no reservation, but boots what anybody does, and that counted.
    is_anybody: Cell<bool>,
}

impl<'t> Limited<'t> {
    pub(super) fn new(tables: &'t Tables, limits: &'t Mutex<MessageLimits>, now: u64) -> Self {
        Self { tables, limits, now, is_counted: Cell::new(false), is_anybody: Cell::new(false) }
    }

    /// Concludes a message of an interface as the XDP program would.
    pub(super) fn conclude(&self, verdict: Verdict, ifindex: u32, seen: &Seen) -> Conclusion {
        let mut counts = Counting { limited: self, limits: self.lock() };
        conclude(&mut counts, &self.tables.settings, self.now, verdict, ifindex, seen)
    }

    /// The machine's reservation; the first look-up counts as one message of the machine.
    fn look_up(
        &self,
        limits: &mut MessageLimits,
        station: &Station,
    ) -> Result<&Reservation, Verdict> {
        let reservation = self.tables.reservation(station)?;
        if self.is_counted.replace(true) {
            return Ok(reservation);
        }
        let full_at = entry(&mut limits.known, *station, MAX_KNOWN);
        if self.tables.settings.machine.admit(full_at, self.now) {
            Ok(reservation)
        } else {
            Err(Verdict::RateLimited)
        }
    }

    fn lock(&self) -> MutexGuard<'_, MessageLimits> {
        self.limits.lock()
    }
}

/// The counts of all messages, while one of them is concluded.
struct Counting<'l, 't> {
    limited: &'l Limited<'t>,
    limits: MutexGuard<'l, MessageLimits>,
}

impl Counts for Counting<'_, '_> {
    fn ceilings(&mut self) -> &mut Ceilings {
        &mut self.limits.ceilings
    }

    fn unknown(&mut self, station: &Station) -> (&mut Ceilings, Option<&mut Unknown>) {
        let MessageLimits { ceilings, unknown, .. } = &mut *self.limits;
        (ceilings, unknown.get_mut(station))
    }

    fn remember(&mut self, station: &Station, unknown: Unknown) {
        *entry(&mut self.limits.unknown, *station, MAX_UNKNOWN) = unknown;
    }

    fn count(&mut self, station: &Station) -> Result<(), Verdict> {
        self.limited.look_up(&mut self.limits, station).map(drop)
    }

    fn is_anybody(&self) -> bool {
        self.limited.is_anybody.get()
    }
}

/// The row of a key; the one that was used least lately makes room.
fn entry<K: Copy + Eq + Hash, V: Default>(
    rows: &mut LruCache<K, V>,
    key: K,
    capacity: usize,
) -> &mut V {
    if rows.len() >= capacity && !rows.contains(&key) {
        rows.pop_lru();
    }
    rows.get_or_insert_mut(key, V::default)
}

impl netboot_ebpf::tables::Tables for Limited<'_> {
    fn admit(&self) -> Result<(), Verdict> {
        let admitted = self.lock().ceilings.admit(&self.tables.settings, self.now);
        if admitted { self.tables.admit() } else { Err(Verdict::OverCeiling) }
    }

    fn reservation(&self, station: &Station) -> Result<&Reservation, Verdict> {
        self.look_up(&mut self.lock(), station)
    }

    fn anybody(&self, asked: Asked, station: &Station) -> Option<&Reservation> {
        let reservation = self.tables.anybody(asked, station)?;
        let settings = &self.tables.settings;
        let mut limits = self.lock();
        let MessageLimits { ceilings, known, .. } = &mut *limits;
        let mut full_at = known.get(station).copied().unwrap_or_default();
        // Over a limit it is as unknown as others; forged machines do not push others out.
        if !settings.machine.admit(&mut full_at, self.now)
            || !ceilings.admit_unknown(settings, self.now)
        {
            return None;
        }
        *entry(known, *station, MAX_KNOWN) = full_at;
        self.is_anybody.set(true);
        Some(reservation)
    }

    fn settings(&self) -> Option<&Settings> {
        self.tables.settings()
    }

    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        self.tables.interface(ifindex)
    }

    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags> {
        self.tables.user_class(class)
    }

    fn subnet(&self, index: u32) -> Option<&Subnet> {
        self.tables.subnet(index)
    }

    fn boot_file(&self, index: u32) -> Option<&BootFile> {
        self.tables.boot_file(index)
    }

    fn has_boot_files(&self) -> bool {
        self.tables.has_boot_files()
    }

    fn has_daemon(&self) -> bool {
        self.tables.has_daemon()
    }

    fn is_quarantined(&self, reservation: &Reservation) -> bool {
        self.tables.is_quarantined(reservation)
    }

    fn more(&self, row: u32, station: &Station) -> [&[u8]; 2] {
        self.tables.more(row, station)
    }

    fn at_link(&self, asked: Asked, reservation: &Reservation) -> Option<AtLink> {
        self.tables.at_link(asked, reservation)
    }

    fn is_asked_from(&self, address: [u8; 4]) -> bool {
        self.tables.is_asked_from(address)
    }

    fn is_served(&self, address: [u8; 4]) -> bool {
        self.tables.is_served(address)
    }

    fn has_subnet(&self, ifindex: u32) -> bool {
        self.tables.has_subnet(ifindex)
    }

    fn is_on_link(&self, ifindex: u32, address: [u8; 4]) -> bool {
        self.tables.is_on_link(ifindex, address)
    }
}

#[cfg(test)]
mod tests;
