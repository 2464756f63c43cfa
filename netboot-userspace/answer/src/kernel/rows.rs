//! Rows of the maps: tables are written into them, and read back.

use std::{collections::HashMap as Rows, io, net::Ipv4Addr, time::Duration};

use anyhow::Context as _;
use aya::{
    Ebpf, Pod,
    maps::{Array, HashMap, Map, MapData, MapError},
};
use netboot_base::clock;
use netboot_ebpf::{
    limit::Unknown,
    shared::{MAX_UNKNOWN, Reservation, Settings, Station, map},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{
    quarantine::{Held, Quarantine},
    tables::{Tables, patch::Patch},
};

/// A key or value as aya wants it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct MapRow<T>(pub(super) T);

// SAFETY: zerocopy proves that the type has no padding and is valid for any bytes.
unsafe impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Pod for MapRow<T> {}

/// What can be a row.
pub(super) trait Plain: FromBytes + IntoBytes + Immutable + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Plain for T {}

/// Writes every row.
pub(super) fn fill(ebpf: &mut Ebpf, tables: &Tables) -> anyhow::Result<()> {
    add(ebpf, map::SUBNETS, 0, &tables.subnets)?;
    add(ebpf, map::BOOT_FILES, 0, &tables.boot_files)?;
    put(ebpf, map::USER_CLASSES, tables.user_classes.iter().map(|(key, row)| (*key, *row)))?;
    put(ebpf, map::INTERFACES, tables.interfaces.iter().map(|(key, row)| (*key, *row)))?;
    let held = held(&tables.quarantine);
    let reservations = tables.reservations.iter();
    put(ebpf, map::RESERVATIONS, reservations.map(|(key, row)| (*key, running(row, &held))))?;
    add(ebpf, map::SETTINGS, 0, &[tables.settings])
}

/// The settings in service.
pub(super) fn settings(ebpf: &mut Ebpf) -> anyhow::Result<Settings> {
    first(ebpf, map::SETTINGS, 1)?.pop().context("SETTINGS is empty")
}

/// Changes some rows.
pub(super) fn patch(ebpf: &mut Ebpf, patch: &Patch, quarantine: &Quarantine) -> anyhow::Result<()> {
    add(ebpf, map::SUBNETS, patch.subnets.0, &patch.subnets.1)?;
    add(ebpf, map::BOOT_FILES, patch.boot_files.0, &patch.boot_files.1)?;
    let mut rows = reservations(ebpf)?;
    for station in &patch.removed {
        match rows.remove(&MapRow(*station)) {
            Ok(()) | Err(MapError::KeyNotFound) => {}
            Err(MapError::SyscallError(error))
                if error.io_error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("cannot write RESERVATIONS"),
        }
    }
    let held = held(quarantine);
    put(ebpf, map::RESERVATIONS, patch.set.iter().map(|row| (row.station, running(row, &held))))
}

/// An address stays held back, whosever it is now.
fn running(row: &Reservation, held: &Rows<Ipv4Addr, Duration>) -> Reservation {
    let until =
        held.get(&row.address.into()).and_then(|until| u64::try_from(until.as_nanos()).ok());
    Reservation { quarantined_until: until.unwrap_or(0), ..*row }
}

/// Until when.
fn held(quarantine: &Quarantine) -> Rows<Ipv4Addr, Duration> {
    let held = quarantine.held(clock::since_boot()).into_iter();
    held.map(|held| (held.address, held.until)).collect()
}

pub(super) type Reservations<'e> = HashMap<&'e mut MapData, MapRow<Station>, MapRow<Reservation>>;

pub(super) fn reservations(ebpf: &mut Ebpf) -> anyhow::Result<Reservations<'_>> {
    Ok(take(ebpf, map::RESERVATIONS)?.try_into()?)
}

/// What is in the maps of an earlier daemon, compared with wanted tables.
pub(super) struct FoundRows {
    /// What makes these the wanted ones; `None`: they must be replaced as a whole.
    pub(super) patch: Option<Patch>,
    /// What takes that back.
    pub(super) undo: Patch,
    /// Addresses that are held back.
    pub(super) quarantined: Vec<Held>,
    /// How many there are.
    pub(super) reservations: usize,
}

/// Reads the maps of an object.
pub(super) fn compare(ebpf: &mut Ebpf, wanted: &Tables) -> anyhow::Result<FoundRows> {
    let mut quarantined = Vec::new();
    let mut rows = Vec::new();
    for row in reservations(ebpf)?.iter() {
        let (MapRow(station), MapRow(row)) = row.context("cannot read RESERVATIONS")?;
        quarantined.extend(held_of(station, &row));
        rows.push((station, row.configured()));
    }
    let now = Tables {
        settings: settings(ebpf)?,
        interfaces: all(ebpf, map::INTERFACES)?,
        user_classes: all(ebpf, map::USER_CLASSES)?,
        // Behind what is wanted there may be more, which nothing refers to then.
        subnets: first(ebpf, map::SUBNETS, wanted.subnets.len())?,
        boot_files: first(ebpf, map::BOOT_FILES, wanted.boot_files.len())?,
        reservations: rows.into_iter().collect(),
        ..wanted.clone_without_reservations()
    };
    let reservations = now.reservations.len();
    let patch = now.patch_to(wanted);
    let undo = patch.as_ref().map(|patch| patch.undone(&now)).unwrap_or_default();
    Ok(FoundRows { patch, undo, quarantined, reservations })
}

pub(super) fn held_of(station: Station, row: &Reservation) -> Option<Held> {
    let until = Duration::from_nanos(row.quarantined_until);
    (!until.is_zero()).then_some(Held { address: row.address.into(), station, until })
}

/// Holds a machine's address back.
pub(super) fn hold(ebpf: &mut Ebpf, station: Station, until: Duration) -> anyhow::Result<()> {
    let mut rows = reservations(ebpf)?;
    let MapRow(mut row) = rows.get(&MapRow(station), 0).context("cannot read RESERVATIONS")?;
    row.quarantined_until = u64::try_from(until.as_nanos())?;
    rows.insert(MapRow(station), MapRow(row), 0).context("cannot write RESERVATIONS")
}

/// The machines without reservation that asked.
pub(super) fn unknown(ebpf: &mut Ebpf) -> anyhow::Result<Vec<(Station, Unknown)>> {
    let hash: HashMap<_, MapRow<Station>, MapRow<Unknown>> =
        take(ebpf, map::UNKNOWN)?.try_into()?;
    // Where rows come and go meanwhile, the kernel may begin again.
    let rows = hash.iter().take(2 * MAX_UNKNOWN);
    let rows = rows.map(|row| row.map(|(MapRow(station), MapRow(unknown))| (station, unknown)));
    let rows: Rows<_, _> = rows.collect::<Result<_, _>>().context("cannot read UNKNOWN")?;
    Ok(rows.into_iter().collect())
}

fn take<'e>(ebpf: &'e mut Ebpf, name: &str) -> anyhow::Result<&'e mut Map> {
    ebpf.map_mut(name).with_context(|| format!("the object has no map {name}"))
}

/// Writes rows of an array, from an index on.
pub(super) fn add<T: Plain>(
    ebpf: &mut Ebpf,
    name: &str,
    from: usize,
    rows: &[T],
) -> anyhow::Result<()> {
    let mut array: Array<_, MapRow<T>> = take(ebpf, name)?.try_into()?;
    for (index, row) in (u32::try_from(from)?..).zip(rows) {
        array.set(index, MapRow(*row), 0).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

fn put<K: Plain, V: Plain>(
    ebpf: &mut Ebpf,
    name: &str,
    rows: impl Iterator<Item = (K, V)>,
) -> anyhow::Result<()> {
    let mut hash: HashMap<_, MapRow<K>, MapRow<V>> = take(ebpf, name)?.try_into()?;
    for (key, value) in rows {
        hash.insert(MapRow(key), MapRow(value), 0)
            .with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// The first rows of an array; fewer, if it has no more.
fn first<T: Plain>(ebpf: &mut Ebpf, name: &str, count: usize) -> anyhow::Result<Vec<T>> {
    let array: Array<_, MapRow<T>> = take(ebpf, name)?.try_into()?;
    let count = array.len().min(u32::try_from(count)?);
    let row = |index| array.get(&index, 0).map(|MapRow(row)| row);
    (0..count).map(row).collect::<Result<_, _>>().with_context(|| format!("cannot read {name}"))
}

fn all<K, V>(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<Rows<K, V>>
where
    K: Plain + Eq + std::hash::Hash,
    V: Plain,
{
    let hash: HashMap<_, MapRow<K>, MapRow<V>> = take(ebpf, name)?.try_into()?;
    let rows = hash.iter().map(|row| row.map(|(MapRow(key), MapRow(value))| (key, value)));
    rows.collect::<Result<_, _>>().with_context(|| format!("cannot read {name}"))
}
