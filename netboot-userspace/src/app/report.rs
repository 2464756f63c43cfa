//! The daemon's state, gathered for `netboot status`.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use netboot_answer::kernel::KernelCounters;
use netboot_base::clock;
use netboot_ebpf::verdict::Verdict;
use netboot_machines::{
    event::EventKind,
    memory::{self, Machines},
    metrics,
    status::{
        MachineStatus, QuarantinedMachine, ServiceStatus, Status, UnknownMachine, VerdictCount,
    },
};
use netboot_serve::{
    health::{DaemonPart, Health, PartState},
    services,
};
use netboot_site::model::Settings;

use super::dhcp_state::{DhcpState, Parts};
use crate::logging;

/// Everything that has a state.
pub(super) struct Reporter {
    config: Option<PathBuf>,
    started: Instant,
    dhcp: DhcpState,
    health: Health,
    machines: Machines,
    services: services::Counters,
}

impl Reporter {
    pub(super) fn new(
        config: &Settings,
        dhcp: DhcpState,
        health: Health,
        machines: Machines,
        services: services::Counters,
    ) -> Self {
        Self {
            config: config.path.clone(),
            started: Instant::now(),
            dhcp,
            health,
            machines,
            services,
        }
    }

    /// The state now.
    pub(super) fn status(&self) -> Status {
        let dhcp = self.dhcp.read();
        let KernelCounters { verdicts: kernel, events_lost, events_left_out } =
            dhcp.kernel_counters();
        let counts = Verdict::ALL.into_iter().zip(dhcp.userspace.verdicts()).enumerate();
        let verdicts = counts
            .map(|(number, (verdict, userspace))| VerdictCount {
                verdict: verdict.as_str().to_owned(),
                kernel: kernel.get(number).copied().unwrap_or(0),
                userspace,
            })
            .collect();
        let (known, unknown): (Vec<_>, Vec<_>) =
            self.machines.snapshot().into_iter().partition(|machine| machine.known);
        let mut counters: BTreeMap<String, u64> = self.services.all().into_iter().collect();
        counters.insert("service-failures".to_owned(), self.health.failures());
        counters.insert("source-failures".to_owned(), self.health.source_failures());
        counters.insert("log-lines-lost".to_owned(), logging::lost());
        counters.insert("answers-not-sent".to_owned(), dhcp.userspace.unsent());
        counters.insert("requests-overflowed".to_owned(), dhcp.userspace.overflows());
        counters.insert("events-lost".to_owned(), events_lost);
        let left_out = events_left_out + dhcp.userspace.left_out();
        counters.insert("events-left-out".to_owned(), left_out);
        counters.insert("events-unreadable".to_owned(), dhcp.unreadable_events());
        counters.insert("unknown-machines-forgotten".to_owned(), self.machines.forgotten());
        let of_others = dhcp.others.counters().into_iter();
        counters.extend(of_others.map(|(name, value)| (name.to_owned(), value)));
        let of_routers = dhcp.solicitations.iter().flat_map(|common| common.counts());
        counters.extend(of_routers.map(|(name, value)| (name.to_owned(), value)));
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: self.config.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            ready: self.health.is_ready(),
            interfaces: dhcp.interfaces.clone(),
            verdicts,
            services: self.health.list().into_iter().map(service).collect(),
            machines: known.into_iter().map(MachineStatus::from).collect(),
            quarantined: quarantined(&dhcp),
            unknown: unknown.into_iter().map(unknown_machine).collect(),
            other_servers: dhcp.others.snapshot(),
            ipv6_routers: dhcp
                .solicitations
                .as_ref()
                .map(|common| common.routers())
                .unwrap_or_default(),
            counters,
        }
    }

    /// The text for Prometheus.
    pub(super) fn metrics(&self) -> String {
        metrics::render(&self.status(), self.services.transfers())
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }
}

fn quarantined(dhcp: &Parts) -> Vec<QuarantinedMachine> {
    let Some(tables) = &dhcp.tables else { return Vec::new() };
    let tables = tables.read();
    let now = clock::since_boot();
    let held = tables.quarantine.held(now).into_iter();
    held.map(|held| QuarantinedMachine {
        mac: held.station.mac.to_string(),
        ip: Some(held.address),
        seconds_left: held.left(now).as_secs(),
    })
    .collect()
}

fn service((part, state): (DaemonPart, PartState)) -> ServiceStatus {
    let DaemonPart { name, listen } = part;
    let note = state.why().map(str::to_owned);
    ServiceStatus { name, listen, state: state.name().to_owned(), note }
}

fn unknown_machine(machine: memory::RememberedMachine) -> UnknownMachine {
    let (architecture, interface) = match machine.last {
        EventKind::Dhcp(dhcp) => (dhcp.architecture, Some(dhcp.segment.to_string())),
        _ => (None, None),
    };
    UnknownMachine {
        mac: machine.mac.to_string(),
        architecture,
        last_seen: machine.last_seen,
        requests: machine.requests,
        interface,
    }
}
