//! The program's pinned counters: also of what happened before this daemon was started.

use std::{borrow::Borrow, path::Path};

use anyhow::Context as _;
use aya::maps::{Map, MapData, MapError, PerCpuArray, PerCpuValues};
use netboot_ebpf::{
    shared::{EVENTS_LEFT_OUT, EVENTS_LOST},
    verdict::Verdict,
};

use super::KernelCounters;

/// Counters behind the verdicts'.
const BEHIND: u32 = EVENTS_LEFT_OUT + 1 - Verdict::COUNT;

/// The pinned `COUNTERS`.
pub struct PinnedCounters {
    counters: PerCpuArray<MapData, u64>,
}

impl PinnedCounters {
    /// # Errors
    /// The pin is not there, or not ours to read.
    pub(super) fn open(pin: &Path) -> anyhow::Result<Self> {
        Ok(Self { counters: open(pin)? })
    }

    /// All of it, summed over the CPUs.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn read(&self) -> anyhow::Result<KernelCounters> {
        sums(&self.counters).context("cannot read COUNTERS")
    }
}

pub(super) fn sums<T: Borrow<MapData>>(
    counters: &PerCpuArray<T, u64>,
) -> Result<KernelCounters, MapError> {
    let sum = |index| -> Result<u64, MapError> { Ok(counters.get(&index, 0)?.iter().sum()) };
    Ok(KernelCounters {
        verdicts: (0..Verdict::COUNT).map(sum).collect::<Result<_, _>>()?,
        events_lost: sum(EVENTS_LOST)?,
        events_left_out: sum(EVENTS_LEFT_OUT)?,
    })
}

/// Adds the counters of a daemon that knew fewer or more verdicts: their numbers never change, but what stands
/// behind them does.
pub(super) fn carry_over(from: &Path, to: &Path) -> anyhow::Result<()> {
    let old = open(from)?;
    let mut new = open(to)?;
    let verdicts = old.len().saturating_sub(BEHIND).min(Verdict::COUNT);
    for index in 0..verdicts {
        let values: PerCpuValues<u64> = old.get(&index, 0).context("cannot read COUNTERS")?;
        new.set(index, values, 0).context("cannot write COUNTERS")?;
    }
    Ok(())
}

fn open(pin: &Path) -> anyhow::Result<PerCpuArray<MapData, u64>> {
    let map = MapData::from_pin(pin).with_context(|| format!("cannot open {}", pin.display()))?;
    Ok(PerCpuArray::try_from(Map::PerCpuArray(map))?)
}
