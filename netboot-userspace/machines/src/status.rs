//! The daemon's state as one JSON document, over a unix socket in the state directory.

mod connection;
mod machine;
mod print;
mod running_daemons;
mod serve;
mod table;
mod without_daemon;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use self::{
    connection::NotRunning,
    machine::{MachineStatus, SegmentStatus, StepStatus},
    print::print,
    serve::serve,
};
use crate::other_servers::OtherServer;

/// What the daemon is, does and has seen. Texts that machines sent are printable already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// The file that the daemon was started with.
    pub config: Option<PathBuf>,
    pub uptime_seconds: u64,
    /// Nothing is down: what `/readyz` says, where HTTP does not.
    #[serde(default)]
    pub ready: bool,
    pub interfaces: Vec<InterfaceStatus>,
    pub verdicts: Vec<VerdictCount>,
    pub services: Vec<ServiceStatus>,
    pub machines: Vec<MachineStatus>,
    /// Machines whose address is held back, since they declined it.
    #[serde(default)]
    pub quarantined: Vec<QuarantinedMachine>,
    /// Machines without a reservation that ask to boot.
    pub unknown: Vec<UnknownMachine>,
    /// DHCP servers on the wire that are not this one.
    #[serde(default)]
    pub other_servers: Vec<OtherServer>,
    /// What is known of IPv6 routers, where machines wait for one.
    #[serde(default)]
    pub ipv6_routers: Vec<Ipv6Router>,
    /// What was dropped or went wrong, by name: `syslog-rate-limited`.
    pub counters: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    pub name: String,
    /// `native`, `generic` or `off`.
    pub mode: String,
    /// Why it is not native.
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6Router {
    /// And the VLAN: `eth0 vlan 100`.
    pub interface: String,
    /// `none answers`, `asking`, or its address and MAC.
    pub router: String,
}

/// How many frames had this outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCount {
    pub verdict: String,
    /// In the XDP program.
    pub kernel: u64,
    /// On the slow path.
    pub userspace: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    /// Where it is reached or writes; empty where there is no place.
    pub listen: String,
    /// `serving`, `degraded` or `down`.
    pub state: String,
    /// Why it does not serve as it should.
    #[serde(default)]
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedMachine {
    pub mac: String,
    pub ip: Option<Ipv4Addr>,
    pub seconds_left: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownMachine {
    pub mac: String,
    /// The first code of option 93.
    pub architecture: Option<u16>,
    /// Seconds since 1970.
    pub last_seen: u64,
    pub requests: u64,
    pub interface: Option<String>,
}

/// What the running daemon says; the error is a [`NotRunning`] if there is none.
///
/// # Errors
/// There is none, it does not answer, or it is of another version.
pub fn fetch(state_dir: &Path) -> anyhow::Result<Status> {
    let document = connection::read(state_dir)?;
    serde_json::from_slice(&document)
        .context("the daemon's answer is not understood: it is of another version")
}

#[cfg(test)]
mod tests;
