//! A second copy of the program over the running daemon's tables: the copy says what the loaded program does
//! with a frame, and leaves the daemon's counters, events and unknown machines alone.

use std::{fs::File, fs::TryLockError, path::Path};

use anyhow::Context as _;
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapInfo, PerCpuArray},
};
use netboot_base::own_dir::OwnDir;
use netboot_ebpf::{
    limit::Limit,
    shared::{Settings, map},
    verdict::Verdict,
};
use nix::libc;

use super::{
    PROGRAM, load_errors, object,
    pins::{PinnedTable, TABLES, refuse_links},
    program,
    rows::{self, MapRow},
    run::{XDP_TX, test_run},
};

/// When the copy ends to name boot files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// When the program in service does.
    TheDaemons,
    Never,
}

/// The copy of the program.
pub struct Shadow {
    ebpf: Ebpf,
    counts: Vec<u64>,
}

impl Shadow {
    /// Loads the copy over the maps that a running daemon pinned in a directory.
    ///
    /// # Errors
    /// There are none, they are of another version, this build has no program, or the kernel does not load it.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        object()?;
        let pins = directory.display();
        anyhow::ensure!(directory.exists(), "nothing is pinned in {pins}");
        anyhow::ensure!(is_held(directory)?, "what is pinned in {pins} is no running daemon's");
        refuse_links(&OwnDir::of_anybody(directory)?)?;
        Self::over(directory, Deadline::TheDaemons)
    }

    /// Loads the copy over the maps that are pinned in a directory.
    pub(super) fn over(directory: &Path, deadline: Deadline) -> anyhow::Result<Self> {
        let is_own = |name: &str| {
            name == map::SETTINGS || (name == map::DEADLINES && deadline == Deadline::Never)
        };
        let ids = TABLES
            .iter()
            .map(|table| check(directory, table))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut loader = EbpfLoader::new();
        for (name, ..) in TABLES.iter().filter(|(name, ..)| !is_own(name)) {
            loader.map_pin_path(name, directory.join(name));
        }
        let mut ebpf = loader.load(object()?).map_err(|error| load_errors::create(&error))?;
        // The loader makes and pins what it does not find.
        for ((name, ..), id) in TABLES.iter().zip(ids) {
            let now = MapInfo::from_pin(directory.join(name)).map(|info| info.id());
            anyhow::ensure!(now.is_ok_and(|now| now == id), "the daemon was restarted: try again");
        }
        rows::add(&mut ebpf, map::SETTINGS, 0, &[unlimited(directory)?])?;
        let program = program(&mut ebpf, PROGRAM)?;
        program.load().map_err(|error| load_errors::load(&error))?;
        let mut shadow = Self { ebpf, counts: Vec::new() };
        shadow.counts = shadow.count()?;
        Ok(shadow)
    }

    /// Runs a frame as if it came over an interface: its verdict, and its answer's frame.
    ///
    /// # Errors
    /// The interface is not there, or the kernel does not run the copy.
    pub fn run(
        &mut self,
        frame: &[u8],
        ifindex: u32,
    ) -> anyhow::Result<(Verdict, Option<Vec<u8>>)> {
        let length = u32::try_from(frame.len())?;
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context = [0, length, 0, ifindex, 0, 0].map(u32::to_ne_bytes);
        let program = program(&mut self.ebpf, PROGRAM)?;
        let (action, out) = test_run(program, frame, Some(context.as_flattened()))?;
        let before = std::mem::take(&mut self.counts);
        self.counts = self.count()?;
        let counted = self.counts.iter().zip(before).position(|(now, before)| *now > before);
        let number = u32::try_from(counted.context("the program counted nothing")?)?;
        let verdict = Verdict::from_number(number).context("the program's verdict is unknown")?;
        Ok((verdict, (action == XDP_TX).then_some(out)))
    }

    /// The copy's own counters.
    fn count(&self) -> anyhow::Result<Vec<u64>> {
        let map = self.ebpf.map(map::COUNTERS).context("the object has no COUNTERS")?;
        let counters = PerCpuArray::<_, u64>::try_from(map)?;
        let sum = |index| Ok(counters.get(&index, 0)?.iter().sum());
        (0..Verdict::COUNT).map(sum).collect()
    }
}

/// The daemon's settings without limits: what is asked here does not count against a machine.
fn unlimited(directory: &Path) -> anyhow::Result<Settings> {
    let [machine, unknown, total] = [Limit::default(); 3];
    Ok(Settings { machine, unknown, total, ..settings(directory)? })
}

/// The pinned settings.
pub(super) fn settings(directory: &Path) -> anyhow::Result<Settings> {
    let path = directory.join(map::SETTINGS);
    let pinned = MapData::from_pin(&path).map_err(|error| open_error(&path, &error))?;
    let array: Array<_, MapRow<Settings>> = Map::Array(pinned).try_into()?;
    let MapRow(settings) = array.get(&0, 0).context("cannot read SETTINGS")?;
    Ok(settings)
}

/// Whether a daemon holds the directory's lock, as it does while it runs.
fn is_held(directory: &Path) -> anyhow::Result<bool> {
    let file = File::open(directory)
        .with_context(|| format!("cannot open xdp.pin-path {}", directory.display()))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock xdp.pin-path {}", directory.display()))
        }
    }
}

/// The id of a pinned map that the program can read.
pub(super) fn check(directory: &Path, table: &PinnedTable) -> anyhow::Result<u32> {
    let (name, key, value) = *table;
    let path = directory.join(name);
    let info = MapInfo::from_pin(&path).map_err(|error| open_error(&path, &error))?;
    let sizes = (info.key_size() as usize, info.value_size() as usize);
    anyhow::ensure!(
        sizes == (key, value),
        "{} is of another version of netboot: restart the daemon with this one",
        path.display()
    );
    Ok(info.id())
}

fn open_error(path: &Path, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    let refused = load_errors::errno(error)
        .is_some_and(|errno| errno == libc::EPERM || errno == libc::EACCES);
    let what = if refused { load_errors::PRIVILEGES.to_owned() } else { load_errors::chain(error) };
    anyhow::anyhow!("cannot open {}: {what}", path.display())
}
