//! The addresses that pinned tables hold back.

use std::path::Path;

use anyhow::Context as _;
use aya::maps::{HashMap, Map, MapData};
use netboot_ebpf::shared::{LAYOUT, Reservation, Station, map};

use super::{
    pins::RESERVATIONS,
    rows::{MapRow, held_of},
    shadow,
};
use crate::quarantine::Held;

/// The addresses that the tables in a directory hold back; none, where there are no tables of this layout.
///
/// # Errors
/// The rows cannot be read.
pub fn held_back(directory: &Path) -> anyhow::Result<Vec<Held>> {
    let is_ours = shadow::settings(directory).is_ok_and(|settings| settings.layout == LAYOUT);
    if !is_ours || shadow::check(directory, &RESERVATIONS).is_err() {
        return Ok(Vec::new());
    }
    let map = MapData::from_pin(directory.join(map::RESERVATIONS))?;
    let rows: HashMap<_, MapRow<Station>, MapRow<Reservation>> = Map::HashMap(map).try_into()?;
    let held = rows.iter().filter_map(|row| match row {
        Ok((MapRow(station), MapRow(row))) => held_of(station, &row).map(Ok),
        Err(error) => Some(Err(error)),
    });
    held.collect::<Result<_, _>>().context("cannot read RESERVATIONS")
}
