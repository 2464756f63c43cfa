//! Machines with a reservation on one wire with a netboot, and their messages.

use std::{net::Ipv4Addr, ops::Range};

use anyhow::{Context as _, Result};
use netboot_test_kit::Ask;
use netboot_tests::{
    attacks::pace::paced,
    daemon::{Build, Daemon, Xdp},
    lab::INTERFACE,
    packets::send_frames,
    wire::Wire,
};

use super::settled::settled;
use crate::inventory::{Format, ip, mac};

/// Fewer than the wire's buffers and the daemon's hold.
const PER_SECOND: u32 = 2000;

pub(super) struct Rack {
    pub(super) daemon: Daemon,
    wire: Wire,
}

impl Rack {
    pub(super) fn start(build: Build, xdp: Xdp, machines: Range<u32>) -> Result<Self> {
        let wire = Wire::new(1)?;
        let setup = Format::Csv.setup(xdp)?.with_build(build);
        Format::Csv.replace(&setup, &Format::Csv.hosts(machines, "node"))?;
        let daemon = setup.start(&wire.server, INTERFACE)?.quiet();
        Ok(Self { daemon, wire })
    }

    /// The machines are others from now on.
    pub(super) fn replace(&self, machines: Range<u32>) -> Result<()> {
        let reloads = || Ok(self.daemon.log().matches("reloaded: ").count());
        let before = reloads()?;
        Format::Csv.replace(self.daemon.setup(), &Format::Csv.hosts(machines, "node"))?;
        settled(before, reloads).map(drop)
    }

    /// Each of them sends a message; once the daemon has counted them all, how many were answered.
    pub(super) fn ask(
        &self,
        machines: Range<u32>,
        message: impl Fn([u8; 6], Ipv4Addr) -> Ask + Sync,
    ) -> Result<u64> {
        let answers = || -> Result<u64> {
            let count = self.daemon.answers(&self.wire.server)?;
            Ok(count.kernel + count.userspace)
        };
        let counted = || -> Result<usize> {
            let counts = self.daemon.counts(&self.wire.server)?;
            // Whatever the kernel passes on is counted again: it need only come to rest.
            Ok(counts.values().map(|count| count.kernel + count.userspace).sum::<u64>() as usize)
        };
        let (before, all) = (answers()?, counted()?);
        let frames = machines.map(|number| message(mac(number), ip(number)).frame());
        send_frames(&self.wire.client, INTERFACE, paced(PER_SECOND, frames))?;
        settled(all, counted)?;
        Ok(answers()? - before)
    }

    /// How many machines the status has that have no reservation.
    pub(super) fn unknown(&self) -> Result<usize> {
        let status = self.daemon.status(&self.wire.server)?;
        status["unknown"].as_array().map(Vec::len).context("no unknown machines in the status")
    }
}

/// A UEFI machine's DISCOVER.
pub(super) fn discover(mac: [u8; 6]) -> Ask {
    Ask { station: mac, ..Ask::discover().mac(mac).pxe(7) }
}
