//! The golden site, and what may become of it while no daemon runs.

use std::{net::Ipv4Addr, sync::Arc};

use netboot_answer::{golden::site, tables::Tables};
use netboot_ebpf::shared::{Mac, Station};
use netboot_site::model::Config;

/// What a configuration is made of the golden one's by.
pub(super) type Variant = fn(&mut Config);

/// A machine that is there in all variants, for its address to be held back: it has one for itself.
pub(super) const DECLINES: Station = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 1] });

/// One host after another, and what the difference to the one before is said to be.
pub(super) const STEPS: [(Variant, &str); 4] = [
    (same, "0 added, 0 changed, 0 removed"),
    (changed, "0 added, 1 changed, 0 removed"),
    (added, "1 added, 0 changed, 0 removed"),
    (removed, "0 added, 0 changed, 1 removed"),
];

/// Tables as a daemon that starts has them: it holds no address back.
pub(super) fn tables(variant: Variant) -> anyhow::Result<Tables> {
    let mut config = site::config()?;
    variant(&mut config);
    site::tables_of(&config)
}

pub(super) fn same(_: &mut Config) {}

fn changed(config: &mut Config) {
    if let Some(host) = config.hosts.last_mut() {
        Arc::make_mut(host).hostname = Some("node2".to_owned());
    }
}

fn added(config: &mut Config) {
    changed(config);
    let ip = Ipv4Addr::new(172, 30, 0, 99);
    let new = config.hosts.first().map(|host| {
        let mac = Mac { octets: [2, 0, 0, 0, 0, 0x99] };
        Arc::new(netboot_site::model::Host { mac, ip, ..(**host).clone() })
    });
    config.hosts.extend(new);
}

fn removed(config: &mut Config) {
    added(config);
    config.hosts.remove(1);
}

/// The machine that declines has another's address, and that has its.
pub(super) fn swapped(config: &mut Config) {
    let Some(at) = config.hosts.iter().position(|host| host.station() == DECLINES) else { return };
    // The first one asks on the wire meanwhile.
    let Some(other) = (0..config.hosts.len()).rfind(|other| *other != at) else { return };
    let ips = [at, other].map(|at| config.hosts.get(at).map(|host| host.ip));
    for (at, ip) in [other, at].into_iter().zip(ips) {
        if let (Some(host), Some(ip)) = (config.hosts.get_mut(at), ip) {
            Arc::make_mut(host).ip = ip;
        }
    }
}

/// Other settings, and other options for all.
pub(super) fn other(config: &mut Config) {
    config.dhcp.authoritative = false;
    for subnet in &mut config.subnets {
        subnet.domain = Some("other.test".to_owned());
    }
}
