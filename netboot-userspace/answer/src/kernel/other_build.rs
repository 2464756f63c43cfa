//! The pinned counters of a netboot of another build, for the selftest.

use std::path::Path;

use aya::EbpfLoader;
use netboot_ebpf::shared::{COUNTERS_LEN, map};

use super::{bpffs, counts, load_errors, object};

/// Puts pinned counters with more rows, and the same counts, in the place of those in a directory.
///
/// # Errors
/// There are none, or the kernel makes no others.
pub fn enlarge_counters(directory: &Path) -> anyhow::Result<()> {
    let counters = directory.join(map::COUNTERS);
    let larger = directory.join("LARGER");
    let mut loader = EbpfLoader::new();
    loader.map_max_entries(map::COUNTERS, u32::try_from(COUNTERS_LEN)? + 5);
    loader.map_pin_path(map::COUNTERS, &larger);
    loader.load(object()?).map_err(|error| load_errors::create(&error))?;
    counts::carry_over(&counters, &larger)?;
    bpffs::remove(&counters)?;
    Ok(std::fs::rename(&larger, &counters)?)
}
