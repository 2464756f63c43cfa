//! The program in service. It stays in the kernel when the daemon ends without saying so, and the next one
//! takes it over.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aya::maps::{Map, MapInfo};
use netboot_base::{clock, links::Link};
use netboot_ebpf::{
    limit::{Ceilings, Unknown},
    shared::{COUNTERS_LEN, Deadlines, EVENTS_BYTES, LAYOUT, MAX_UNKNOWN, Station, map},
};
use netboot_site::model::XdpMode;

use super::{
    FastPath, PROGRAM,
    attachments::{Attachments, Inherited},
    capacity::Capacity,
    counts::{self, PinnedCounters},
    events::Events,
    held_back::held_back,
    object,
    pins::{self, Pins},
    program, rows,
    shadow::{self, Deadline, Shadow},
};
use crate::tables::{Tables, patch::Patch};

/// The program, its maps, and the interfaces that it is attached to.
pub struct Resident {
    pins: Pins,
    current: FastPath,
    /// A copy over the same tables, for requests that nobody sent.
    copy: Shadow,
    attachments: Attachments,
}

/// What was found at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Nothing.
    Fresh,
    /// A program that answered at so many interfaces, from tables that these changes made ours.
    Adopted { interfaces: usize, patch: Patch },
    /// A program that answered at so many interfaces, from tables that were replaced as a whole.
    Replaced { interfaces: usize },
}

/// Whether the copy of a program answers as it must.
pub type CopyCheck<'c> = &'c dyn Fn(&mut Shadow) -> anyhow::Result<()>;

impl Resident {
    /// Takes over what an earlier daemon pinned in the directory, or begins anew. What answers now goes on until
    /// the program is there that takes its place.
    ///
    /// # Errors
    /// A build without the program, no privilege, a kernel that does not take the program, a directory that is not on a bpffs or another
    /// daemon's, or the program does not stand the check. What answered before then goes on.
    pub fn start(
        directory: &Path,
        tables: &Tables,
        deadlines: &Deadlines,
        check: CopyCheck<'_>,
    ) -> anyhow::Result<(Self, Takeover)> {
        object()?;
        let pins = Pins::open(directory)?;
        let mut attachments = Attachments::adopt(&pins)?;
        let interfaces = attachments.len();
        if fits(&pins) {
            match adopt(&pins, tables, deadlines, check) {
                Ok(Some((mut current, copy, patch))) => {
                    attachments.update(program(&mut current.ebpf, PROGRAM)?, &pins);
                    let start = Takeover::Adopted { interfaces, patch };
                    return Ok((Self { pins, current, copy, attachments }, start));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("the pinned maps are not taken over: {error:#}"),
            }
        }
        restore_held(&pins, tables);
        let (mut current, copy) = generation(&pins, tables, deadlines, check)?;
        attachments.update(program(&mut current.ebpf, PROGRAM)?, &pins);
        tidy(&pins);
        let start =
            if interfaces == 0 { Takeover::Fresh } else { Takeover::Replaced { interfaces } };
        Ok((Self { pins, current, copy, attachments }, start))
    }

    /// Changes some rows in place; `tables` are those in service. `false`: there is no room, and nothing was
    /// changed.
    ///
    /// # Errors
    /// A map cannot be written, or the program does not stand the check; then nothing was changed either.
    pub fn patch(
        &mut self,
        tables: &Tables,
        patch: &Patch,
        check: CopyCheck<'_>,
    ) -> anyhow::Result<bool> {
        if !self.current.capacity.holds(tables.reservations.len(), patch) {
            return Ok(false);
        }
        let ebpf = &mut self.current.ebpf;
        let changed =
            rows::patch(ebpf, patch, &tables.quarantine).and_then(|()| check(&mut self.copy));
        if let Err(error) = changed {
            rows::patch(ebpf, &patch.undone(tables), &tables.quarantine)?;
            return Err(error);
        }
        Ok(true)
    }

    /// Puts other tables in the place of all, at once for each interface.
    ///
    /// # Errors
    /// The tables cannot be loaded, or the program does not stand the check; then the old ones go on.
    pub fn replace(
        &mut self,
        tables: &Tables,
        deadlines: &Deadlines,
        check: CopyCheck<'_>,
    ) -> anyhow::Result<()> {
        let (mut next, copy) = generation(&self.pins, tables, deadlines, check)?;
        self.attachments.update(program(&mut next.ebpf, PROGRAM)?, &self.pins);
        // From here on the new tables answer.
        self.current = next;
        self.copy = copy;
        tidy(&self.pins);
        Ok(())
    }

    /// Whether the program in service stands the check.
    ///
    /// # Errors
    /// The program does not.
    pub fn check(&mut self, tables: &Tables, check: CopyCheck<'_>) -> anyhow::Result<()> {
        // The copy has settings of its own.
        let settings = rows::settings(&mut self.current.ebpf)?;
        anyhow::ensure!(settings == tables.settings, "SETTINGS are not those of the configuration");
        check(&mut self.copy)
    }

    /// Attaches the program, if it is not yet, and says in which mode, and why not in a better one.
    ///
    /// # Errors
    /// The wanted mode is not possible.
    pub fn attach(
        &mut self,
        link: &Link,
        mode: XdpMode,
    ) -> anyhow::Result<(XdpMode, Option<String>)> {
        let program = program(&mut self.current.ebpf, PROGRAM)?;
        self.attachments.attach(program, link, mode, &self.pins)
    }

    /// The interfaces that the program is attached to, by index.
    #[must_use]
    pub fn interfaces(&self) -> Vec<u32> {
        self.attachments.interfaces()
    }

    /// Takes the program off an interface.
    ///
    /// # Errors
    /// The pin cannot be removed.
    pub fn detach(&mut self, ifindex: u32) -> anyhow::Result<()> {
        self.attachments.detach(ifindex, &self.pins)
    }

    /// Holds an address back until a time since boot.
    ///
    /// # Errors
    /// The machine has no reservation, or the map cannot be written.
    pub fn hold(&mut self, station: Station, until: Duration) -> anyhow::Result<()> {
        rows::hold(&mut self.current.ebpf, station, until)
    }

    /// What the program counts.
    ///
    /// # Errors
    /// The map cannot be opened.
    pub fn counts(&self) -> anyhow::Result<PinnedCounters> {
        PinnedCounters::open(&self.pins.map(map::COUNTERS))
    }

    /// Machines without reservation that asked, also before this daemon was started.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn unknown(&mut self) -> anyhow::Result<Vec<(Station, Unknown)>> {
        rows::unknown(&mut self.current.ebpf)
    }

    /// What the program tells of messages.
    ///
    /// # Errors
    /// The map was taken before, and cannot be opened again.
    pub fn events(&mut self) -> anyhow::Result<Events> {
        Events::take(&mut self.current.ebpf, &self.pins.map(map::EVENTS))
    }

    /// The number of the events' ring, if the ring was not taken since the program was replaced.
    #[must_use]
    pub fn event_ring(&self) -> Option<u32> {
        let Map::RingBuf(ring) = self.current.ebpf.map(map::EVENTS)? else { return None };
        Some(ring.info().ok()?.id())
    }

    /// A pin that somebody else removed: without it all ends with this daemon.
    #[must_use]
    pub fn lost_pin(&self) -> Option<PathBuf> {
        self.pins.lost(self.interfaces())
    }

    /// Puts off the end of answers and of boot files, wherever the map is pinned.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn put_off(&mut self, deadlines: &Deadlines) -> anyhow::Result<()> {
        self.current.set_deadlines(deadlines)
    }

    /// The program that is loaded, for what it tells. All generations tell it through the same maps.
    pub fn program(&mut self) -> &mut FastPath {
        &mut self.current
    }

    /// Detaches the program everywhere, and removes all pins: the kernel answers no more.
    ///
    /// # Errors
    /// A pin cannot be removed.
    pub fn remove(self) -> anyhow::Result<()> {
        let detached = self.attachments.detach_all(&self.pins);
        self.pins.remove()?;
        detached
    }
}

/// Removes what a daemon that is dead left in the directory; says at how many interfaces a program answered.
///
/// # Errors
/// A daemon runs, a pin cannot be removed, or a program goes on in another network namespace.
pub fn remove(directory: &Path) -> anyhow::Result<usize> {
    if !directory.exists() {
        return Ok(0);
    }
    let pins = Pins::open(directory)?;
    let Inherited { own, foreign, unread } = Attachments::find(&pins)?;
    let interfaces = own.len();
    let detached = own.detach_all(&pins);
    if let Some(error) = foreign.or(unread) {
        return Err(error);
    }
    pins.remove()?;
    detached.map(|()| interfaces)
}

/// Whether a program that no daemon looks after answers in this network namespace from what is pinned in the directory.
#[must_use]
pub fn is_left(directory: &Path) -> bool {
    // A daemon that runs holds the directory.
    directory.exists()
        && Pins::open(directory)
            .and_then(|pins| Attachments::find(&pins))
            .is_ok_and(|left| !left.is_nothing())
}

/// Addresses that an earlier daemon's tables hold back stay so, whichever of them are in service.
fn restore_held(pins: &Pins, tables: &Tables) {
    for directory in [pins.directory(), &pins.next()] {
        match held_back(directory) {
            Ok(held) => tables.quarantine.restore(held, clock::since_boot()),
            Err(error) => tracing::warn!("declined addresses may be given again: {error:#}"),
        }
    }
}

/// Moves the pins of the tables in service to their place; where that fails, the next start replaces all.
fn tidy(pins: &Pins) {
    if let Err(error) = pins.finish() {
        tracing::error!("the new tables are in service, but not at their place: {error:#}");
    }
}

/// Makes the next generation of the tables, and a program that answers from it.
fn generation(
    pins: &Pins,
    tables: &Tables,
    deadlines: &Deadlines,
    check: CopyCheck<'_>,
) -> anyhow::Result<(FastPath, Shadow)> {
    let made = make(pins, tables, deadlines, check);
    if made.is_err()
        && let Err(error) = pins.forget_next()
    {
        tracing::warn!("{error:#}");
    }
    made
}

fn make(
    pins: &Pins,
    tables: &Tables,
    deadlines: &Deadlines,
    check: CopyCheck<'_>,
) -> anyhow::Result<(FastPath, Shadow)> {
    pins.begin()?;
    let next = pins.next();
    let shared = shares(pins);
    let pin = |name: &'static str| {
        let is_shared = shared && pins::SHARED.contains(&name);
        Some(if is_shared { pins.map(name) } else { next.join(name) })
    };
    let mut made = FastPath::open(Capacity::to_grow(tables)?, pin)?;
    let counters = pins.map(map::COUNTERS);
    if !shared && counters.exists() {
        counts::carry_over(&counters, &next.join(map::COUNTERS))?;
    }
    rows::fill(&mut made.ebpf, tables)?;
    made.set_deadlines(deadlines)?;
    made.load_program()?;
    let mut copy = Shadow::over(&next, Deadline::Never)?;
    check(&mut copy)?;
    Ok((made, copy))
}

/// Takes over the pinned maps; `None`: their rows are others than wanted.
fn adopt(
    pins: &Pins,
    tables: &Tables,
    deadlines: &Deadlines,
    check: CopyCheck<'_>,
) -> anyhow::Result<Option<(FastPath, Shadow, Patch)>> {
    let capacity = Capacity::of_pins(pins.directory())?;
    let mut found = FastPath::open(capacity, |name| Some(pins.map(name)))?;
    let rows::FoundRows { patch, undo, quarantined, reservations } =
        rows::compare(&mut found.ebpf, tables)?;
    tables.quarantine.restore(quarantined, clock::since_boot());
    let Some(patch) = patch.filter(|patch| capacity.holds(reservations, patch)) else {
        return Ok(None);
    };
    found.load_program()?;
    let mut copy = Shadow::over(pins.directory(), Deadline::Never)?;
    let quarantine = &tables.quarantine;
    let changed = rows::patch(&mut found.ebpf, &patch, quarantine).and_then(|()| check(&mut copy));
    if let Err(error) = changed {
        rows::patch(&mut found.ebpf, &undo, quarantine)?;
        return Err(error);
    }
    found.set_deadlines(deadlines)?;
    Ok(Some((found, copy, patch)))
}

/// Whether what is pinned can be read by this program.
fn fits(pins: &Pins) -> bool {
    !pins.is_between() && shares(pins)
}

/// Whether the maps that outlive generations are there, and as this program has them.
fn shares(pins: &Pins) -> bool {
    let is_ours = |table| shadow::check(pins.directory(), table).is_ok();
    let layout = || shadow::settings(pins.directory()).map(|settings| settings.layout);
    if !pins::TABLES.iter().all(is_ours) || !layout().is_ok_and(|layout| layout == LAYOUT) {
        return false;
    }
    let is = |name: &str, key: usize, value: usize, rows: usize| {
        MapInfo::from_pin(pins.map(name)).is_ok_and(|info| {
            let found = [info.key_size(), info.value_size(), info.max_entries()];
            found.map(|size| size as usize) == [key, value, rows]
        })
    };
    is(map::COUNTERS, 4, 8, COUNTERS_LEN)
        && is(map::LIMITS, 4, size_of::<Ceilings>(), 1)
        && is(map::EVENTS, 0, 0, EVENTS_BYTES)
        && is(map::UNKNOWN, size_of::<Station>(), size_of::<Unknown>(), MAX_UNKNOWN)
}
