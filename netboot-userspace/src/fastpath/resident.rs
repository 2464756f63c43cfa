//! The program in service. It stays in the kernel when the daemon ends without saying so, and the next one
//! takes it over.

use std::{path::Path, time::Duration};

use aya::maps::MapInfo;
use netboot_ebpf::{
    limit::{Ceilings, Unknown},
    shared::{COUNTERS_LEN, Deadlines, EVENTS_BYTES, LAYOUT, MAX_UNKNOWN, Station, map},
};

use super::{
    FastPath, PROGRAM,
    attachments::Attachments,
    counts::{self, Counts},
    live::{self, Live},
    pins::{self, Pins},
    program,
    room::Room,
    rows,
};
use crate::{
    config::XdpMode,
    links::Link,
    quarantine,
    tables::{Tables, patch::Patch},
};

/// The program, its maps, and the interfaces that it is attached to.
pub struct Resident {
    pins: Pins,
    current: FastPath,
    /// A copy over the same tables, for requests that nobody sent.
    copy: Live,
    attachments: Attachments,
}

/// What was found at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Fresh,
    /// A program that answered at so many interfaces, from tables that these changes made ours.
    Adopted { interfaces: usize, patch: Patch },
    /// A program that answered at so many interfaces, from tables that were replaced as a whole.
    Replaced { interfaces: usize },
}

/// Whether the copy of a program answers as it must.
pub type Check<'c> = &'c dyn Fn(&mut Live) -> anyhow::Result<()>;

impl Resident {
    /// Takes over what an earlier daemon pinned in the directory, or begins anew. What answers now goes on until
    /// the program is there that takes its place.
    ///
    /// # Errors
    /// No privilege, a kernel that does not take the program, a directory that is not on a bpffs or another
    /// daemon's, or the program does not stand the check. What answered before then goes on.
    pub fn start(
        directory: &Path,
        tables: &Tables,
        check: Check<'_>,
    ) -> anyhow::Result<(Self, Start)> {
        let pins = Pins::open(directory)?;
        let mut attachments = Attachments::adopt(&pins)?;
        let interfaces = attachments.len();
        if fits(&pins) {
            match adopt(&pins, tables, check) {
                Ok(Some((mut current, copy, patch))) => {
                    attachments.update(program(&mut current.ebpf, PROGRAM)?, &pins)?;
                    let start = Start::Adopted { interfaces, patch };
                    return Ok((Self { pins, current, copy, attachments }, start));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("the pinned maps are not taken over: {error:#}"),
            }
        }
        let (current, copy) = generation(&pins, tables, check)?;
        let mut this = Self { pins, current, copy, attachments };
        this.put_in_service()?;
        let fresh = interfaces == 0;
        Ok((this, if fresh { Start::Fresh } else { Start::Replaced { interfaces } }))
    }

    /// Changes some rows in place. `reservations` is how many there are now; `undo` is what takes it back.
    /// `false`: there is no room, and nothing was changed.
    ///
    /// # Errors
    /// A map cannot be written, or the program does not stand the check; then nothing was changed either.
    pub fn patch(
        &mut self,
        tables: &Tables,
        patch: &Patch,
        check: Check<'_>,
    ) -> anyhow::Result<bool> {
        if !self.current.room.holds(tables.reservations.len(), patch) {
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
    /// They cannot be loaded, or the program does not stand the check; then the old ones go on.
    pub fn replace(&mut self, tables: &Tables, check: Check<'_>) -> anyhow::Result<()> {
        let (current, copy) = generation(&self.pins, tables, check)?;
        self.current = current;
        self.copy = copy;
        self.put_in_service()
    }

    fn put_in_service(&mut self) -> anyhow::Result<()> {
        let program = program(&mut self.current.ebpf, PROGRAM)?;
        self.attachments.update(program, &self.pins)?;
        self.pins.finish()
    }

    /// Whether the program in service stands the check.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&mut self, check: Check<'_>) -> anyhow::Result<()> {
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

    /// The interfaces that it is attached to, by index.
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

    /// Puts off the end of what it does without a daemon.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn set_deadlines(&mut self, deadlines: &Deadlines) -> anyhow::Result<()> {
        self.current.set_deadlines(deadlines)
    }

    /// What it counts.
    ///
    /// # Errors
    /// The map cannot be opened.
    pub fn counts(&self) -> anyhow::Result<Counts> {
        Counts::open(&self.pins.map(map::COUNTERS))
    }

    /// The program that is loaded, for what it tells. All generations tell it through the same maps.
    pub fn program(&mut self) -> &mut FastPath {
        &mut self.current
    }

    /// Detaches the program everywhere, and removes all pins: the kernel answers no more.
    ///
    /// # Errors
    /// A pin cannot be removed.
    pub fn remove(mut self) -> anyhow::Result<()> {
        for ifindex in self.interfaces() {
            self.detach(ifindex)?;
        }
        self.pins.remove()
    }
}

/// Whether a program answers that a daemon, which is dead, left in the directory.
#[must_use]
pub fn is_left(directory: &Path) -> bool {
    pins::lock(directory).is_ok() && pins::links(directory).is_ok_and(|links| !links.is_empty())
}

/// Removes what a daemon that is dead left in the directory; says at how many interfaces a program answered.
///
/// # Errors
/// A daemon runs, or a pin cannot be removed.
pub fn remove(directory: &Path) -> anyhow::Result<usize> {
    if !directory.exists() {
        return Ok(0);
    }
    let pins = Pins::open(directory)?;
    let interfaces = pins.links()?.len();
    pins.remove()?;
    Ok(interfaces)
}

/// Makes the next generation of the tables, and a program that answers from it.
fn generation(pins: &Pins, tables: &Tables, check: Check<'_>) -> anyhow::Result<(FastPath, Live)> {
    let made = make(pins, tables, check);
    if made.is_err()
        && let Err(error) = pins.forget_next()
    {
        tracing::warn!("{error:#}");
    }
    made
}

fn make(pins: &Pins, tables: &Tables, check: Check<'_>) -> anyhow::Result<(FastPath, Live)> {
    pins.begin()?;
    let next = pins.next();
    let shared = shares(pins);
    let pin = |name: &'static str| {
        let is_shared = shared && pins::SHARED.contains(&name);
        Some(if is_shared { pins.map(name) } else { next.join(name) })
    };
    let mut made = FastPath::open(Room::to_grow(tables)?, pin)?;
    let counters = pins.map(map::COUNTERS);
    if !shared && counters.exists() {
        counts::carry_over(&counters, &next.join(map::COUNTERS))?;
    }
    rows::fill(&mut made.ebpf, tables)?;
    made.load_program()?;
    let mut copy = Live::over(&next)?;
    check(&mut copy)?;
    Ok((made, copy))
}

/// Takes over the pinned maps; `None`: their rows are others than wanted.
fn adopt(
    pins: &Pins,
    tables: &Tables,
    check: Check<'_>,
) -> anyhow::Result<Option<(FastPath, Live, Patch)>> {
    let room = Room::of_pins(pins.directory())?;
    let mut found = FastPath::open(room, |name| Some(pins.map(name)))?;
    if rows::settings(&mut found.ebpf)?.layout != LAYOUT {
        return Ok(None);
    }
    let rows::Found { tables: now, quarantined } = rows::read(&mut found.ebpf, tables)?;
    tables.quarantine.restore(quarantined, quarantine::now());
    let patch = now.patch_to(tables).filter(|patch| room.holds(now.reservations.len(), patch));
    let Some(patch) = patch else { return Ok(None) };
    let before = found.deadlines()?;
    match try_on(&mut found, pins, tables, &patch, check) {
        Ok(copy) => Ok(Some((found, copy, patch))),
        // The program that is there goes on as it was.
        Err(error) => {
            rows::patch(&mut found.ebpf, &patch.undone(&now), &tables.quarantine)?;
            found.set_deadlines(&before)?;
            Err(error)
        }
    }
}

fn try_on(
    found: &mut FastPath,
    pins: &Pins,
    tables: &Tables,
    patch: &Patch,
    check: Check<'_>,
) -> anyhow::Result<Live> {
    rows::patch(&mut found.ebpf, patch, &tables.quarantine)?;
    // There is a daemon again.
    found.set_deadlines(&Deadlines { boot_files: 0, answers: 0 })?;
    found.load_program()?;
    let mut copy = Live::over(pins.directory())?;
    check(&mut copy)?;
    Ok(copy)
}

/// Whether what is pinned can be read by this program.
fn fits(pins: &Pins) -> bool {
    let is_ours = |table| live::check(pins.directory(), table).is_ok();
    !pins.is_between() && live::TABLES.iter().all(is_ours) && shares(pins)
}

/// Whether the maps that outlive generations are there, and as this program has them.
fn shares(pins: &Pins) -> bool {
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
