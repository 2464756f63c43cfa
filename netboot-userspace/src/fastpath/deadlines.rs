//! What the program may do without the daemon.

use std::path::Path;

use anyhow::Context as _;
use aya::maps::{Array, Map, MapData};
use netboot_ebpf::shared::{Deadlines, map};

use super::{FastPath, live, rows::Row};

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

    /// When answers and boot files end.
    pub(super) fn deadlines(&self) -> anyhow::Result<Deadlines> {
        let map = self.ebpf.map(map::DEADLINES).context("the object has no DEADLINES")?;
        let array: Array<_, Row<Deadlines>> = map.try_into()?;
        let Row(deadlines) = array.get(&0, 0).context("cannot read DEADLINES")?;
        Ok(deadlines)
    }
}

/// The end of what a program does that an earlier daemon left.
pub struct LeftDeadlines(Array<MapData, Row<Deadlines>>);

impl LeftDeadlines {
    /// # Errors
    /// They are not there, or of another version.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let is_ours = |table: &&live::Table| table.0 == map::DEADLINES;
        let table = live::TABLES.iter().find(is_ours).context("there is no table DEADLINES")?;
        live::check(directory, table)?;
        let pin = directory.join(map::DEADLINES);
        let map =
            MapData::from_pin(&pin).with_context(|| format!("cannot open {}", pin.display()))?;
        Ok(Self(Array::try_from(Map::Array(map))?))
    }

    /// Puts it off.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn set(&mut self, deadlines: &Deadlines) -> anyhow::Result<()> {
        self.0.set(0, Row(*deadlines), 0).context("cannot write DEADLINES")
    }
}
