//! A netboot on a node of its own, asked over loopback: there every sender may have an address of its own.

use anyhow::Result;
use netboot_tests::{
    daemon::{Build, Daemon, Setup, Xdp},
    lab::INTERFACE,
    namespace::{Namespace, connect},
};
use tempfile::TempDir;

pub(crate) struct Node {
    pub(crate) daemon: Daemon,
    pub(crate) namespace: Namespace,
    _other_end: Namespace,
}

impl Node {
    /// Starts it [through](Setup::run_through) these words, with these files. It wants an interface for DHCP
    /// too; no frame comes over this one.
    pub(crate) fn start(build: Build, words: &[&str], root: TempDir) -> Result<Self> {
        let (namespace, _other_end) = (Namespace::new()?, Namespace::new()?);
        connect((&namespace, INTERFACE), (&_other_end, INTERFACE))?;
        namespace.add_address(INTERFACE, "10.99.0.1/16")?;
        // Without a subnet TFTP listens everywhere.
        let tables = format!("[boot]\nroot = \"{}\"\n", root.path().display());
        let setup = Setup::new(Xdp::Off, root, &tables)?.with_build(build);
        let daemon = setup.start_through(&namespace, words, build)?.quiet();
        Ok(Self { daemon, namespace, _other_end })
    }

    /// Of the daemon.
    pub(crate) fn id(&self) -> u32 {
        self.daemon.process().id()
    }
}
