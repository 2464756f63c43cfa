//! The XDP program's loader: the loader creates, fills and pins the maps, attaches the program, and reads what
//! the program counted and saw. No other module names aya.
//!
//! A whole new configuration is a new program over new maps: [`Resident`] fills them, runs requests through
//! a copy of the program, and puts the program in the old one's place at each interface (`BPF_LINK_UPDATE`), so
//! that each message is answered from one configuration or the other. One machine's change is a change of
//! its row, see [`crate::tables::patch`].

mod attachments;
mod bpffs;
mod capacity;
mod counters;
mod counts;
mod deadlines;
mod events;
mod held_back;
mod inherited_link;
mod load_errors;
mod other_build;
mod pins;
mod resident;
mod rows;
pub mod run;
pub mod shadow;

use anyhow::Context as _;
use aya::{Ebpf, EbpfLoader, VerifierLogLevel, maps::PerCpuArray, programs::Xdp};
use netboot_ebpf::{shared::map, verdict::Verdict};

pub use self::held_back::held_back;
pub use self::{
    bpffs::{mount_missing as mount_bpffs, open as open_pin_directory},
    counters::KernelCounters,
    counts::PinnedCounters,
    deadlines::Heartbeat,
    events::{Events, watch, watch_log},
    other_build::enlarge_counters,
    resident::{CopyCheck, Resident, Takeover, is_left, remove},
};
use self::{capacity::Capacity, rows::fill};
use crate::tables::Tables;

/// Whether the object is in this build.
pub const IS_BUILT_IN: bool = cfg!(feature = "fastpath");

#[cfg(feature = "fastpath")]
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/netboot-xdp"));
#[cfg(not(feature = "fastpath"))]
static OBJECT: &[u8] = &[];

/// The program's name in the object.
const PROGRAM: &str = "netboot";

/// The object: the programs `netboot` and `pass`, and the maps.
///
/// # Errors
/// This build has none.
pub fn object() -> anyhow::Result<&'static [u8]> {
    anyhow::ensure!(
        IS_BUILT_IN,
        "this netboot was built without the XDP program (feature `fastpath`)"
    );
    Ok(OBJECT)
}

/// The loaded program, and its maps.
pub struct FastPath {
    ebpf: Ebpf,
    capacity: Capacity,
}

/// What loading told of the program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub verified_instructions: u32,
    pub translated_bytes: u32,
    pub jited_bytes: u32,
}

impl FastPath {
    /// Creates the maps, fills them and loads the program.
    ///
    /// # Errors
    /// No privilege, or a kernel that does not take the program.
    pub fn load(tables: &Tables) -> anyhow::Result<Self> {
        let mut this = Self::open(Capacity::exact(tables)?, |_| None)?;
        fill(&mut this.ebpf, tables)?;
        this.load_program()?;
        Ok(this)
    }

    /// Opens the maps that are pinned where `pin` says; makes, and pins there, those that are not.
    fn open(
        capacity: Capacity,
        pin: impl Fn(&'static str) -> Option<std::path::PathBuf>,
    ) -> anyhow::Result<Self> {
        let mut loader = EbpfLoader::new();
        loader.verifier_log_level(VerifierLogLevel::STATS);
        capacity.tell(&mut loader);
        for name in pins::names() {
            if let Some(path) = pin(name) {
                loader.map_pin_path(name, path);
            }
        }
        let ebpf = loader.load(object()?).map_err(|error| load_errors::create(&error))?;
        Ok(Self { ebpf, capacity })
    }

    fn load_program(&mut self) -> anyhow::Result<()> {
        program(&mut self.ebpf, PROGRAM)?.load().map_err(|error| load_errors::load(&error))
    }

    /// What the program counted, summed over the CPUs.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counters(&self) -> anyhow::Result<KernelCounters> {
        let map = self.ebpf.map(map::COUNTERS).context("the object has no COUNTERS")?;
        counts::sums(&PerCpuArray::<_, u64>::try_from(map)?).context("cannot read COUNTERS")
    }

    /// One verdict's counter, summed over the CPUs.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counter(&self, verdict: Verdict) -> anyhow::Result<u64> {
        let map = self.ebpf.map(map::COUNTERS).context("the object has no COUNTERS")?;
        let counters = PerCpuArray::<_, u64>::try_from(map)?;
        Ok(counters.get(&(verdict as u32), 0)?.iter().sum())
    }

    /// Takes the program's own log lines out; they go to the daemon's log.
    ///
    /// # Errors
    /// The lines were taken before.
    pub fn take_log(&mut self) -> anyhow::Result<aya_log::EbpfLogger<&'static dyn log::Log>> {
        aya_log::EbpfLogger::init(&mut self.ebpf).context("cannot read the XDP program's log")
    }

    /// What the kernel says of the loaded program.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn program(&mut self) -> anyhow::Result<Program> {
        let info = program(&mut self.ebpf, PROGRAM)?.info()?;
        Ok(Program {
            verified_instructions: info.verified_instruction_count().unwrap_or(0),
            translated_bytes: info.size_translated().unwrap_or(0),
            jited_bytes: info.size_jitted(),
        })
    }
}

fn program<'e>(ebpf: &'e mut Ebpf, name: &str) -> anyhow::Result<&'e mut Xdp> {
    let program =
        ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}
