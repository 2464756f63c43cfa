//! What the program counted, also before this daemon was started.

use std::path::Path;

use anyhow::Context as _;
use aya::maps::{Map, MapData, MapError, PerCpuArray, PerCpuValues};
use netboot_ebpf::{
    shared::{COUNTERS_LEN, EVENTS_LOST},
    verdict::Verdict,
};

/// The pinned `COUNTERS`.
pub struct Counts {
    counters: PerCpuArray<MapData, u64>,
}

impl Counts {
    /// # Errors
    /// It is not there, or not ours to read.
    pub(super) fn open(pin: &Path) -> anyhow::Result<Self> {
        Ok(Self { counters: open(pin)? })
    }

    /// The verdicts' counters, by number, summed over the CPUs; and the events that were lost.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn read(&self) -> anyhow::Result<(Vec<u64>, u64)> {
        let sum =
            |index| -> Result<u64, MapError> { Ok(self.counters.get(&index, 0)?.iter().sum()) };
        let sums = (0..Verdict::COUNT).map(sum).collect::<Result<_, _>>();
        Ok((sums.context("cannot read COUNTERS")?, sum(EVENTS_LOST)?))
    }
}

/// Adds the counters of a daemon that knew fewer or more verdicts: their numbers never change, but what stands
/// behind them does.
pub(super) fn carry_over(from: &Path, to: &Path) -> anyhow::Result<()> {
    let old = open(from)?;
    let mut new = open(to)?;
    let verdicts = old.len().saturating_sub(1).min(u32::try_from(COUNTERS_LEN)?.saturating_sub(1));
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
