//! The number of rows that the maps have room for.

use std::path::Path;

use anyhow::Context as _;
use aya::{EbpfLoader, maps::MapInfo};
use netboot_ebpf::{client::Stage, shared::map};

use crate::tables::{Tables, patch::Patch};

/// Rows of the maps that are as large as the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    reservations: u32,
    subnets: u32,
    boot_files: u32,
}

impl Capacity {
    /// For these tables, and no more.
    pub(super) fn exact(tables: &Tables) -> anyhow::Result<Self> {
        Ok(Self {
            reservations: u32::try_from(tables.reservations.len())?.max(1),
            subnets: u32::try_from(tables.subnets.len())?.max(1),
            boot_files: u32::try_from(tables.boot_files.len())?.max(1),
        })
    }

    /// With room to grow in place: an unused reservation costs 16 bytes of the hash table, an unused row of the
    /// arrays its size.
    pub(super) fn to_grow(tables: &Tables) -> anyhow::Result<Self> {
        let Self { reservations, subnets, boot_files } = Self::exact(tables)?;
        Ok(Self {
            reservations: reservations.saturating_add(reservations / 4).saturating_add(64),
            subnets: subnets.saturating_add(16),
            boot_files: boot_files.saturating_add(16 * Stage::rows(tables.settings.slots)),
        })
    }

    /// Of pinned maps.
    pub(super) fn of_pins(directory: &Path) -> anyhow::Result<Self> {
        let of = |name| {
            let path = directory.join(name);
            let info = MapInfo::from_pin(&path)
                .with_context(|| format!("cannot open {}", path.display()))?;
            anyhow::Ok(info.max_entries())
        };
        Ok(Self {
            reservations: of(map::RESERVATIONS)?,
            subnets: of(map::SUBNETS)?,
            boot_files: of(map::BOOT_FILES)?,
        })
    }

    /// Whether the maps have room for what is added to so many reservations.
    pub(super) fn holds(&self, reservations: usize, patch: &Patch) -> bool {
        let fits = |capacity: u32, rows: usize| {
            usize::try_from(capacity).is_ok_and(|capacity| rows <= capacity)
        };
        fits(self.reservations, reservations + patch.added)
            && fits(self.subnets, patch.subnets.0 + patch.subnets.1.len())
            && fits(self.boot_files, patch.boot_files.0 + patch.boot_files.1.len())
    }

    /// Maps are made with this room, or are known to have it.
    pub(super) fn tell(self, loader: &mut EbpfLoader<'_>) {
        loader
            .map_max_entries(map::RESERVATIONS, self.reservations)
            .map_max_entries(map::SUBNETS, self.subnets)
            .map_max_entries(map::BOOT_FILES, self.boot_files);
    }
}
