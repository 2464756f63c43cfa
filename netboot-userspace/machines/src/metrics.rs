//! The daemon's state for Prometheus, in the OpenMetrics text format.

mod durations;

use std::collections::BTreeMap;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

pub use self::durations::Durations;

use crate::{other_servers::Expectation, status::Status};

/// Of what [`render`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: String,
    path: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InterfaceLabel {
    interface: String,
    mode: String,
}

/// The metrics of a state, and of TFTP's transfers.
#[must_use]
pub fn render(status: &Status, transfers: &Durations) -> String {
    let mut registry = Registry::with_prefix("netboot");

    let verdicts = Family::<VerdictLabel, Counter>::default();
    for count in &status.verdicts {
        for (path, value) in [("kernel", count.kernel), ("userspace", count.userspace)] {
            verdicts
                .get_or_create(&VerdictLabel { verdict: count.verdict.clone(), path })
                .inc_by(value);
        }
    }
    registry.register("dhcp_frames", "Frames by what became of them and who decided", verdicts);

    let counters = Family::<Name, Counter>::default();
    for (name, value) in &status.counters {
        counters.get_or_create(&Name { name: name.clone() }).inc_by(*value);
    }
    registry.register("events", "What was received, dropped or went wrong, by name", counters);

    let interfaces = Family::<InterfaceLabel, Gauge>::default();
    for interface in &status.interfaces {
        let labels =
            InterfaceLabel { interface: interface.name.clone(), mode: interface.mode.clone() };
        interfaces.get_or_create(&labels).set(1);
    }
    registry.register("interface_info", "Interfaces and the mode of their XDP program", interfaces);

    let up = Family::<Name, Gauge>::default();
    // Of several with one name, all must be up.
    let mut parts = BTreeMap::new();
    for service in &status.services {
        *parts.entry(&service.name).or_insert(true) &= service.state != "down";
    }
    for (name, is_up) in parts {
        up.get_or_create(&Name { name: name.clone() }).set(is_up.into());
    }
    registry.register("up", "Whether a service, or another part of the daemon, is up", up);

    let degraded = Family::<Name, Gauge>::default();
    let mut parts = BTreeMap::new();
    for service in &status.services {
        *parts.entry(&service.name).or_insert(false) |= service.state == "degraded";
    }
    for (name, is_degraded) in parts {
        degraded.get_or_create(&Name { name: name.clone() }).set(is_degraded.into());
    }
    registry.register("degraded", "Whether a part is up, but not as it should be", degraded);

    let machines = Family::<Name, Gauge>::default();
    let numbers = [
        ("known", status.machines.len()),
        ("unknown", status.unknown.len()),
        ("quarantined", status.quarantined.len()),
    ];
    for (name, number) in numbers {
        machines
            .get_or_create(&Name { name: name.to_owned() })
            .set(i64::try_from(number).unwrap_or(i64::MAX));
    }
    registry.register(
        "machines_seen",
        "Machines that were seen, with a reservation or without, and those whose address is held back",
        machines,
    );

    let others = Family::<Name, Gauge>::default();
    for standing in Expectation::ALL {
        let number = status.other_servers.iter().filter(|other| other.standing == standing).count();
        others
            .get_or_create(&Name { name: standing.as_str().to_owned() })
            .set(i64::try_from(number).unwrap_or(i64::MAX));
    }
    registry.register(
        "other_servers",
        "Other DHCP servers that were seen, by what the configuration says of them",
        others,
    );

    transfers.register(
        &mut registry,
        "tftp_transfer_seconds",
        "How long transfers of boot files took, by how they ended",
    );

    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::status::{InterfaceStatus, ServiceStatus, VerdictCount};

    #[test]
    fn the_text() {
        let service = |name: &str, state: &str| ServiceStatus {
            name: name.to_owned(),
            listen: String::new(),
            state: state.to_owned(),
            note: None,
        };
        let status = Status {
            services: vec![
                service("syslog", "serving"),
                service("tftp", "down"),
                service("tftp", "serving"),
                service("boot.root", "degraded"),
            ],
            interfaces: vec![InterfaceStatus {
                name: "eth0".into(),
                mode: "native".into(),
                note: None,
            }],
            verdicts: vec![VerdictCount { verdict: "offer".into(), kernel: 7, userspace: 1 }],
            counters: [("syslog-received".to_owned(), 3)].into(),
            ..Status::default()
        };
        let transfers = Durations::default();
        for ms in [9, 700, 700] {
            transfers.took("complete", Duration::from_millis(ms));
        }
        let text = render(&status, &transfers);
        for line in [
            "netboot_dhcp_frames_total{verdict=\"offer\",path=\"kernel\"} 7",
            "netboot_dhcp_frames_total{verdict=\"offer\",path=\"userspace\"} 1",
            "netboot_events_total{name=\"syslog-received\"} 3",
            "netboot_interface_info{interface=\"eth0\",mode=\"native\"} 1",
            "netboot_machines_seen{name=\"known\"} 0",
            "netboot_up{name=\"syslog\"} 1",
            "netboot_up{name=\"tftp\"} 0",
            "netboot_up{name=\"boot.root\"} 1",
            "netboot_degraded{name=\"boot.root\"} 1",
            "netboot_degraded{name=\"tftp\"} 0",
            "netboot_other_servers{name=\"unexpected\"} 0",
            "netboot_tftp_transfer_seconds_bucket{le=\"0.01\",outcome=\"complete\"} 1",
            "netboot_tftp_transfer_seconds_bucket{le=\"0.64\",outcome=\"complete\"} 1",
            "netboot_tftp_transfer_seconds_bucket{le=\"1.28\",outcome=\"complete\"} 3",
            "netboot_tftp_transfer_seconds_count{outcome=\"complete\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
    }
}
