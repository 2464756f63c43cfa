//! Changes of the tables in place, without a message that sees half of one: rows of `SUBNETS` and
//! `BOOT_FILES` that nothing refers to yet, then reservations one by one, each of them whole.

use std::{collections::HashMap, fmt};

use netboot_ebpf::{
    client::Stage,
    shared::{BootFile, Reservation, Settings, Station, Subnet},
};

use super::Tables;

/// More is quicker done, and easier to believe, as a whole.
pub const MOST: usize = 10_000;

/// Rows that patches may add before all is rendered anew, without those that nothing refers to any more.
const MOST_ROWS: usize = 4096;

/// Rows to add, and reservations to put, change and take away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Behind those that are there: where the first is to stand, and all.
    pub subnets: (usize, Vec<Subnet>),
    /// As `subnets`.
    pub boot_files: (usize, Vec<BootFile>),
    pub set: Vec<Reservation>,
    pub removed: Vec<Station>,
    /// Of `set`, those that are new.
    pub added: usize,
}

impl Patch {
    /// What takes it back, from the tables as they were. Rows that were added stay: nothing refers to them.
    #[must_use]
    pub fn undone(&self, tables: &Tables) -> Self {
        let was = |station: &Station| tables.reservations.get(station);
        let new = self.set.iter().map(|row| row.station).filter(|station| was(station).is_none());
        let old = self.set.iter().map(|row| row.station).chain(self.removed.iter().copied());
        Self {
            set: old.filter_map(|station| was(&station).copied()).collect(),
            removed: new.collect(),
            ..Self::default()
        }
    }

    /// Whether the tables would have too many rows more than when all was rendered: subnets' and boot files'.
    #[must_use]
    pub fn outgrows(&self, rendered: [usize; 2]) -> bool {
        let after =
            [self.subnets.0 + self.subnets.1.len(), self.boot_files.0 + self.boot_files.1.len()];
        after.iter().zip(rendered).any(|(after, rendered)| *after > rendered + MOST_ROWS)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// `2 added, 1 changed, 0 removed`
impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = self.set.len() - self.added;
        write!(f, "{} added, {changed} changed, {} removed", self.added, self.removed.len())
    }
}

impl Tables {
    /// What makes these tables the wanted ones; `None`: they must be replaced as a whole.
    #[must_use]
    pub fn patch_to(&self, wanted: &Self) -> Option<Patch> {
        let same = self.settings == wanted.settings
            && self.interfaces == wanted.interfaces
            && self.user_classes == wanted.user_classes
            && self.anybody == wanted.anybody
            && self.at_links == wanted.at_links
            && self.known == wanted.known
            && self.more == wanted.more;
        if !same {
            return None;
        }
        let mut patch = Patch {
            subnets: added(&self.subnets, &wanted.subnets)?,
            boot_files: added(&self.boot_files, &wanted.boot_files)?,
            ..Patch::default()
        };
        for (station, row) in &wanted.reservations {
            match self.reservations.get(station) {
                Some(now) if now == row => {}
                now => patch.put(*row, now),
            }
            if patch.set.len() > MOST {
                return None;
            }
        }
        let gone = self.reservations.keys().filter(|key| !wanted.reservations.contains_key(key));
        patch.removed = gone.copied().collect();
        self.can_be_done(patch)
    }

    /// What changes some machines; `changed` are the tables of a configuration that has them only. `None`: the
    /// tables must be replaced as a whole.
    #[must_use]
    pub fn graft(&self, changed: &Self, removed: &[Station]) -> Option<Patch> {
        // In the proxy modes there are tables that depend on all machines; what has no room has no row to be in.
        let same = self.settings == changed.settings
            && self.interfaces == changed.interfaces
            && self.user_classes == changed.user_classes
            && self.more.is_empty()
            && changed.more.is_empty()
            && !self.settings.has(Settings::PROXY);
        if !same {
            return None;
        }
        let patch = Patch {
            subnets: (self.subnets.len(), Vec::new()),
            boot_files: (self.boot_files.len(), Vec::new()),
            ..Patch::default()
        };
        let mut graft = Graft { tables: self, changed, patch, sets: HashMap::new() };
        for row in changed.reservations.values() {
            let wanted = Reservation {
                subnet: graft.subnet(row.subnet)?,
                boot_set: graft.boot_set(row.boot_set)?,
                ..*row
            };
            let now = self.reservations.get(&row.station);
            if now != Some(&wanted) {
                graft.patch.put(wanted, now);
            }
        }
        let mut patch = graft.patch;
        let is_there = |station: &&Station| self.reservations.contains_key(station);
        patch.removed = removed.iter().filter(is_there).copied().collect();
        self.can_be_done(patch)
    }

    /// Whether no address goes from one machine to another: for a moment both would have it.
    fn can_be_done(&self, patch: Patch) -> Option<Patch> {
        if patch.set.len() + patch.removed.len() > MOST {
            return None;
        }
        let leaving = patch.set.iter().map(|row| row.station).chain(patch.removed.iter().copied());
        let left: HashMap<_, _> = leaving
            .filter_map(|station| Some((self.reservations.get(&station)?.address, station)))
            .collect();
        let moves =
            |row: &Reservation| left.get(&row.address).is_some_and(|own| *own != row.station);
        (!patch.set.iter().any(moves)).then_some(patch)
    }

    /// Changes these tables.
    pub fn apply(&mut self, patch: &Patch) {
        self.subnets.extend(&patch.subnets.1);
        self.boot_files.extend(&patch.boot_files.1);
        for station in &patch.removed {
            self.reservations.remove(station);
        }
        self.reservations.extend(patch.set.iter().map(|row| (row.station, *row)));
    }
}

/// The wanted rows behind those that are there; `None`: those are others. Rows too many do no harm.
fn added<T: Clone + PartialEq>(rows: &[T], wanted: &[T]) -> Option<(usize, Vec<T>)> {
    if rows.starts_with(wanted) {
        return Some((rows.len(), Vec::new()));
    }
    Some((rows.len(), wanted.strip_prefix(rows)?.to_vec()))
}

impl Patch {
    fn put(&mut self, row: Reservation, now: Option<&Reservation>) {
        self.added += usize::from(now.is_none());
        self.set.push(row);
    }
}

/// Finds the rows that machines of other tables refer to, or adds them.
struct Graft<'t> {
    tables: &'t Tables,
    changed: &'t Tables,
    patch: Patch,
    sets: HashMap<u32, u32>,
}

impl Graft<'_> {
    fn subnet(&mut self, row: u32) -> Option<u32> {
        let mut wanted = *self.changed.subnets.get(row as usize)?;
        if let Some(classless) = wanted.classless.checked_sub(1) {
            let classless = *self.changed.subnets.get(classless as usize)?;
            wanted.classless = self.one_subnet(classless)? + 1;
        }
        self.one_subnet(wanted)
    }

    fn one_subnet(&mut self, wanted: Subnet) -> Option<u32> {
        let rows = self.tables.subnets.iter().chain(&self.patch.subnets.1);
        if let Some(at) = rows.into_iter().position(|row| *row == wanted) {
            return u32::try_from(at).ok();
        }
        self.patch.subnets.1.push(wanted);
        u32::try_from(self.tables.subnets.len() + self.patch.subnets.1.len() - 1).ok()
    }

    fn boot_set(&mut self, first: u32) -> Option<u32> {
        if first == 0 {
            return Some(0);
        }
        if let Some(&known) = self.sets.get(&first) {
            return Some(known);
        }
        let width = Stage::rows(self.tables.settings.slots) as usize;
        let wanted = self.changed.boot_files.get(first as usize..)?.get(..width)?;
        // Row 0 is nobody's.
        let rows: Vec<_> = self.tables.boot_files.iter().chain(&self.patch.boot_files.1).collect();
        let mut sets = rows.get(1..).unwrap_or_default().chunks_exact(width);
        let end = rows.len();
        let at = match sets.position(|set| set.iter().copied().eq(wanted)) {
            Some(number) => 1 + number * width,
            None => {
                self.patch.boot_files.1.extend(wanted);
                end
            }
        };
        let at = u32::try_from(at).ok()?;
        self.sets.insert(first, at);
        Some(at)
    }
}

#[cfg(test)]
mod tests;
