//! Gathers the daemon's state for `netboot status`.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use netboot_ebpf::verdict::Verdict;

use super::Dhcp;
use crate::{
    config::Config,
    fastpath::{FastPath, KernelCounters},
    machines::{Machine, Machines, Step},
    quarantine,
    status::{QuarantinedMachine, ServiceStatus, Status, UnknownMachine, VerdictCount},
    syslog,
};

/// Everything that has a state.
pub(super) struct Reporter {
    config: Option<PathBuf>,
    started: Instant,
    dhcp: Dhcp,
    listening: Vec<(&'static str, String)>,
    machines: Machines,
    syslog: Arc<syslog::Counters>,
}

impl Reporter {
    pub(super) fn new(
        config: &Config,
        dhcp: Dhcp,
        listening: Vec<(&'static str, String)>,
        machines: Machines,
        syslog: Arc<syslog::Counters>,
    ) -> Self {
        Self {
            config: config.path.clone(),
            started: Instant::now(),
            dhcp,
            listening,
            machines,
            syslog,
        }
    }

    /// The state now.
    pub(super) fn status(&self) -> Status {
        let KernelCounters { verdicts: kernel, events_lost, events_left_out } =
            self.kernel_counters();
        let counts = Verdict::ALL.into_iter().zip(self.dhcp.userspace.verdicts()).enumerate();
        let verdicts = counts
            .map(|(number, (verdict, userspace))| VerdictCount {
                verdict: verdict.as_str().to_owned(),
                kernel: kernel.get(number).copied().unwrap_or(0),
                userspace,
            })
            .collect();
        let (known, unknown): (Vec<_>, Vec<_>) =
            self.machines.snapshot().into_iter().partition(|machine| machine.known);
        let mut counters: BTreeMap<String, u64> = self
            .syslog
            .all()
            .into_iter()
            .map(|(name, value)| (format!("syslog-{name}"), value))
            .collect();
        counters.insert("answers-not-sent".to_owned(), self.dhcp.userspace.unsent());
        counters.insert("requests-overflowed".to_owned(), self.dhcp.userspace.overflows());
        counters.insert("events-lost".to_owned(), events_lost);
        let left_out = events_left_out + self.dhcp.userspace.left_out();
        counters.insert("events-left-out".to_owned(), left_out);
        let unreadable = self.fast().map_or(0, FastPath::unreadable_events);
        counters.insert("events-unreadable".to_owned(), unreadable);
        counters.insert("unknown-machines-forgotten".to_owned(), self.machines.forgotten());
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: self.config.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            interfaces: self
                .dhcp
                .kernel
                .as_ref()
                .map_or_else(Vec::new, |kernel| kernel.interfaces.clone()),
            verdicts,
            services: self.listening.iter().map(service).collect(),
            machines: known,
            quarantined: self.quarantined(),
            unknown: unknown.into_iter().map(unknown_machine).collect(),
            counters,
        }
    }

    fn quarantined(&self) -> Vec<QuarantinedMachine> {
        let Some(tables) = &self.dhcp.tables else { return Vec::new() };
        let held = tables.quarantine.held(quarantine::now()).into_iter();
        held.map(|(station, left)| QuarantinedMachine {
            mac: station.mac.to_string(),
            ip: tables.reservations.get(&station).map(|row| row.address.into()),
            seconds_left: left.as_secs(),
        })
        .collect()
    }

    /// No machine is sent to services that are about to stop.
    pub(super) fn stop_answering(&self) {
        if let Some(fast) = self.fast() {
            fast.detach();
        }
    }

    fn fast(&self) -> Option<&FastPath> {
        self.dhcp.kernel.as_ref()?.fast.as_ref()
    }

    fn kernel_counters(&self) -> KernelCounters {
        let Some(fast) = self.fast() else { return KernelCounters::default() };
        fast.counters().unwrap_or_else(|error| {
            tracing::warn!("cannot read the kernel's counters: {error:#}");
            KernelCounters::default()
        })
    }
}

fn service((name, listen): &(&'static str, String)) -> ServiceStatus {
    ServiceStatus { name: (*name).to_owned(), listen: listen.clone(), state: "serving".to_owned() }
}

fn unknown_machine(machine: Machine) -> UnknownMachine {
    let (architecture, interface) = match machine.last {
        Step::Dhcp { architecture, interface, .. } => (architecture, Some(interface)),
        _ => (None, None),
    };
    UnknownMachine {
        mac: machine.mac,
        architecture,
        last_seen: machine.last_seen,
        requests: machine.requests,
        interface,
    }
}
