//! The deadlines of what the program may do without the daemon.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::Context as _;
use aya::maps::{Array, Map, MapData};
use netboot_ebpf::shared::{Deadlines, map};

use super::{FastPath, rows::MapRow};

/// The map that is told that the daemon lives. It stays open, since there may be no descriptor left to open it.
#[derive(Default)]
pub struct Heartbeat(Option<OpenDeadlines>);

struct OpenDeadlines {
    /// Of the pin: another program may bring another map.
    identity: (u64, u64),
    deadlines: Array<MapData, MapRow<Deadlines>>,
}

impl Heartbeat {
    /// As [`FastPath::set_deadlines`], of a program that an earlier daemon left too; nothing, if there is none.
    ///
    /// # Errors
    /// The map cannot be written, or is of another version.
    pub fn put_off(&mut self, pins: &Path, deadlines: &Deadlines) -> anyhow::Result<()> {
        let pin = pins.join(map::DEADLINES);
        let opening = || format!("cannot open {}", pin.display());
        let identity = match fs::metadata(&pin) {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.0 = None;
                return Ok(());
            }
            Err(error) => return Err(error).with_context(opening),
        };
        let open = match self.0.take().filter(|open| open.identity == identity) {
            Some(open) => open,
            None => {
                let map = MapData::from_pin(&pin).with_context(opening)?;
                let deadlines = Map::Array(map).try_into().map_err(anyhow::Error::from);
                OpenDeadlines { identity, deadlines: deadlines.with_context(opening)? }
            }
        };
        let open = self.0.insert(open);
        open.deadlines.set(0, MapRow(*deadlines), 0).context("cannot write DEADLINES")
    }
}

impl FastPath {
    /// Puts off the end of answers and of boot files.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn set_deadlines(&mut self, deadlines: &Deadlines) -> anyhow::Result<()> {
        let map = self.ebpf.map_mut(map::DEADLINES).context("the object has no DEADLINES")?;
        let mut array: Array<_, MapRow<Deadlines>> = map.try_into()?;
        array.set(0, MapRow(*deadlines), 0).context("cannot write DEADLINES")
    }
}
