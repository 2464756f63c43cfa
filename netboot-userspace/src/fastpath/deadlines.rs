//! What the program may do without the daemon.

use std::path::Path;

use anyhow::Context as _;
use aya::maps::{Array, Map, MapData};
use netboot_ebpf::shared::{Deadlines, map};

use super::{FastPath, rows::Row};

/// As [`FastPath::set_deadlines`], of a program that an earlier daemon left; nothing, if there is none.
///
/// # Errors
/// The map cannot be written, or is of another version.
pub fn put_off(pins: &Path, deadlines: &Deadlines) -> anyhow::Result<()> {
    let pin = pins.join(map::DEADLINES);
    if !pin.exists() {
        return Ok(());
    }
    let map = MapData::from_pin(&pin).with_context(|| format!("cannot open {}", pin.display()))?;
    let mut array: Array<_, Row<Deadlines>> = Map::Array(map).try_into()?;
    array.set(0, Row(*deadlines), 0).context("cannot write DEADLINES")
}

impl FastPath {
    /// Puts off the end of answers and of boot files.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn set_deadlines(&mut self, deadlines: &Deadlines) -> anyhow::Result<()> {
        let map = self.ebpf.map_mut(map::DEADLINES).context("the object has no DEADLINES")?;
        let mut array: Array<_, Row<Deadlines>> = map.try_into()?;
        array.set(0, Row(*deadlines), 0).context("cannot write DEADLINES")
    }
}
