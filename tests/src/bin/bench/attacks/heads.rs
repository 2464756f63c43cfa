//! Heads of HTTP requests that do not end, or are long, beside machines that use HTTP.

use std::net::Ipv4Addr;

use anyhow::Result;
use netboot_tests::{attacks::heads, daemon::Build};

use super::connections::{HTTP, node, served};
use crate::usage;

const CONNECTIONS: usize = 2048;
const MACHINES: u8 = 20;
const LONG: usize = 390_000;

pub(super) fn half(build: Build) -> Result<Vec<u64>> {
    let (served, resident, _) = beside(build, heads::HALF)?;
    Ok(vec![served, resident])
}

pub(super) fn long(build: Build) -> Result<Vec<u64>> {
    // Lines that are no longer than others'.
    let line = [b"X: ", &[b'x'; 4000][..], b"\r\n"].concat();
    let lines = line.repeat(LONG / line.len());
    let (served, _, peak) = beside(build, &[heads::HALF, b"\r\n", &lines].concat())?;
    Ok(vec![served, peak])
}

/// The requests of others served, and the memory then and at most.
fn beside(build: Build, head: &[u8]) -> Result<(u64, u64, u64)> {
    let node = node(build, &[])?;
    node.namespace.enter(|| {
        let sources: Vec<_> = (1..=32).map(|number| Ipv4Addr::new(127, 4, 0, number)).collect();
        let _open = heads::open(HTTP, &sources, CONNECTIONS, head)?;
        let served = served(MACHINES)?;
        let id = node.id();
        Ok((served, usage::resident_of_process(id)?, usage::peak_of_process(id)?))
    })
}
