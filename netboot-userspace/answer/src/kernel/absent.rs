//! In place of the fast path in a build without the BPF toolchain: it never loads.

#[path = "counters.rs"]
mod counters;

use std::{
    convert::Infallible,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use netboot_base::links::Link;
use netboot_ebpf::{
    limit::Unknown,
    shared::{Deadlines, Station},
};
use netboot_machines::sightings::Sightings;
use netboot_site::model::XdpMode;
use tokio_util::sync::CancellationToken;

pub use self::counters::KernelCounters;
use crate::tables::{Tables, patch::Patch};

const ABSENT: &str = "this netboot was built without the XDP program (feature `fastpath`)";

/// # Errors
/// Never: nothing is pinned.
pub fn mount_bpffs(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// # Errors
/// Never: nothing is pinned.
pub fn open_pin_directory(_: &Path) -> anyhow::Result<Option<OwnedFd>> {
    Ok(None)
}

/// A program that cannot be.
pub struct Resident(Infallible);

/// What cannot be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    Fresh,
    Adopted { interfaces: usize, patch: Patch },
    Replaced { interfaces: usize },
}

/// Whether a copy of a program answers as it must.
pub type Check<'c> = &'c dyn Fn(&mut shadow::Shadow) -> anyhow::Result<()>;

#[derive(Default)]
pub struct Heartbeat(());

impl Heartbeat {
    /// # Errors
    /// Never: this build leaves nothing.
    pub fn put_off(&mut self, _: &Path, _: &Deadlines) -> anyhow::Result<()> {
        Ok(())
    }
}

/// # Errors
/// Never: this build leaves nothing.
pub fn remove(_: &Path) -> anyhow::Result<usize> {
    Ok(0)
}

/// Never: this build leaves nothing.
#[must_use]
pub fn is_left(_: &Path) -> bool {
    false
}

impl Resident {
    /// # Errors
    /// Always: this build has no XDP program.
    pub fn start(
        _: &Path,
        _: &Tables,
        _: &Deadlines,
        _: Check<'_>,
    ) -> anyhow::Result<(Self, Takeover)> {
        anyhow::bail!(ABSENT)
    }

    /// # Errors
    /// Never: there is no program.
    pub fn patch(&mut self, _: &Tables, _: &Patch, _: Check<'_>) -> anyhow::Result<bool> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn replace(&mut self, _: &Tables, _: &Deadlines, _: Check<'_>) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn check(&mut self, _: &Tables, _: Check<'_>) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn attach(&mut self, _: &Link, _: XdpMode) -> anyhow::Result<(XdpMode, Option<String>)> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn interfaces(&self) -> Vec<u32> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn detach(&mut self, _: u32) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn hold(&mut self, _: Station, _: Duration) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn counts(&self) -> anyhow::Result<Counts> {
        match self.0 {}
    }

    /// Never called.
    pub fn program(&mut self) -> &mut Program {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn unknown(&mut self) -> anyhow::Result<Vec<(Station, Unknown)>> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn events(&mut self) -> anyhow::Result<Events> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn event_ring(&self) -> Option<u32> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn lost_pin(&self) -> Option<PathBuf> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn put_off(&mut self, _: &Deadlines) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn remove(self) -> anyhow::Result<()> {
        match self.0 {}
    }
}

/// A program that tells nothing.
pub struct Program(Infallible);

impl Program {
    /// # Errors
    /// Never: there is no program.
    pub fn take_log(&mut self) -> anyhow::Result<Infallible> {
        match self.0 {}
    }
}

/// Counters that cannot be.
pub struct Counts(Infallible);

impl Counts {
    /// # Errors
    /// Never: there is no program.
    pub fn read(&self) -> anyhow::Result<KernelCounters> {
        match self.0 {}
    }
}

/// Events that cannot be.
pub struct Events(Infallible);

impl Events {
    /// Never called.
    #[must_use]
    pub fn ring(&self) -> u32 {
        match self.0 {}
    }
}

/// Never called.
pub async fn watch(events: Events, _: Arc<AtomicU64>, _: Sightings, _: CancellationToken) {
    match events.0 {}
}

/// Never called.
pub async fn watch_log(log: Infallible, _: CancellationToken) {
    match log {}
}

/// A copy of the program that cannot be.
pub mod shadow {
    use std::{convert::Infallible, path::Path};

    use netboot_ebpf::verdict::Verdict;

    pub struct Shadow(Infallible);

    impl Shadow {
        /// # Errors
        /// Always: this build has no XDP program.
        pub fn open(_: &Path) -> anyhow::Result<Self> {
            anyhow::bail!(super::ABSENT)
        }

        /// # Errors
        /// Never: there is no program.
        pub fn run(&mut self, _: &[u8], _: u32) -> anyhow::Result<(Verdict, Option<Vec<u8>>)> {
            match self.0 {}
        }
    }
}
