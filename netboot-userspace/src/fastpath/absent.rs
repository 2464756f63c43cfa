//! In place of the fast path in a build without the BPF toolchain: it never loads.

use std::{convert::Infallible, os::fd::OwnedFd, path::Path, time::Duration};

use netboot_ebpf::shared::Station;

use tokio_util::sync::CancellationToken;

use crate::{config::XdpMode, links::Link, sightings::Sightings, tables::Tables};

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
pub struct FastPath(Infallible);

impl FastPath {
    /// # Errors
    /// Always: this build has no XDP program.
    pub fn load(_: &Tables) -> anyhow::Result<Self> {
        anyhow::bail!("this netboot was built without the XDP program (feature `fastpath`)")
    }

    /// # Errors
    /// Never: there is no program.
    pub fn pin(&mut self, _: &Path) -> anyhow::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn attach(&mut self, _: &Link, _: XdpMode) -> anyhow::Result<(XdpMode, Option<String>)> {
        match self.0 {}
    }

    /// Never called.
    pub fn detach(&self) {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn counters(&self) -> anyhow::Result<(Vec<u64>, u64)> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn unreadable_events(&self) -> u64 {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn take_reservations(&mut self) -> anyhow::Result<Reservations> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn take_events(&mut self) -> anyhow::Result<Infallible> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no program.
    pub fn take_log(&mut self) -> anyhow::Result<Infallible> {
        match self.0 {}
    }
}

/// Rows that cannot be.
pub struct Reservations(Infallible);

impl Reservations {
    /// # Errors
    /// Never: there is no program.
    pub fn hold(&mut self, _: Station, _: Duration) -> anyhow::Result<()> {
        match self.0 {}
    }
}

/// Never called.
pub async fn watch(events: Infallible, _: Sightings, _: CancellationToken) {
    match events {}
}

/// Never called.
pub async fn watch_log(log: Infallible, _: CancellationToken) {
    match log {}
}

/// A copy of the program that cannot be.
pub mod live {
    use std::{convert::Infallible, path::Path};

    use netboot_ebpf::verdict::Verdict;

    pub struct Live(Infallible);

    impl Live {
        /// # Errors
        /// Always: this build has no XDP program.
        pub fn open(_: &Path) -> anyhow::Result<Self> {
            anyhow::bail!("this netboot was built without the XDP program (feature `fastpath`)")
        }

        /// # Errors
        /// Never: there is no program.
        pub fn run(&mut self, _: &[u8], _: u32) -> anyhow::Result<(Verdict, Option<Vec<u8>>)> {
            match self.0 {}
        }
    }
}
