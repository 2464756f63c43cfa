//! What the program may do without the daemon.

use anyhow::Context as _;
use aya::maps::Array;
use netboot_ebpf::shared::{Deadlines, map};

use super::{FastPath, rows::Row};

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
