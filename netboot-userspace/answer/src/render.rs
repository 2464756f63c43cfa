//! The tables of a configuration: the rows that answers are composed of.

mod reservation;
mod rows;
mod script_lists;
mod subnet_places;
mod tagged;
mod vendor_classes;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use netboot_base::links::Link;
use netboot_ebpf::{
    limit::Limit,
    shared::{Interface, LAYOUT, MAX_ADDRESSES, Settings},
};
use netboot_site::{
    blocks::{BootSets, Slots},
    model::{self, Config, Dhcp, DhcpMode, Host},
};

pub use self::subnet_places::{Seats, own_addresses};
use self::{
    reservation::Renderer, rows::SubnetRows, script_lists::ScriptLists,
    subnet_places::LocatedSubnets,
};
use crate::{
    quarantine::Quarantine,
    tables::{More, Tables},
};

/// Renders a configuration for these interfaces; `all` are all interfaces of the node.
///
/// # Errors
/// Options, names or counts of all that do not fit the tables, or a subnet that could be on several interfaces. A host of
/// which they do not is left out.
pub fn render<'l>(
    config: &Config,
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<Tables> {
    render_hosts(&config.settings, &config.hosts, links, all)
}

/// As [`render`], of settings with some or all of the hosts.
///
/// # Errors
/// As [`render`].
pub fn render_hosts<'l>(
    config: &model::Settings,
    hosts: &[Arc<Host>],
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<Tables> {
    let all: Vec<&Link> = all.into_iter().collect();
    let taken = own_addresses(hosts, all.iter().copied());
    let places = LocatedSubnets::new(config, links, &all)?;
    let sets = BootSets::new(config);
    let mut renderer = Renderer {
        config,
        places: &places,
        asked_on: places.asked_on(),
        rows: SubnetRows::default(),
        sets,
        more: BTreeMap::new(),
        at_links: HashMap::new(),
        lists: ScriptLists::new(&config.boot.script_user_classes),
    };
    renderer.subnets()?;
    let mut lack_server = BTreeMap::<_, usize>::new();
    let answered = hosts.iter().filter(|host| !taken.contains_key(&host.ip));
    let mut reservations = BTreeMap::new();
    let mut left_out: Vec<_> = taken.values().cloned().collect();
    for host in answered {
        if let Some(subnet) = places.without_server(host.ip) {
            *lack_server.entry(subnet).or_default() += 1;
            continue;
        }
        match renderer.host(host) {
            Ok(row) => drop(reservations.insert(row.station, row)),
            // What is wrong with one stops no other.
            Err(error) => {
                renderer.more.remove(&host.station());
                let Host { mac, ip, .. } = &**host;
                left_out.push(format!("host {mac} ({ip}): {error:#}: the machine is not answered"));
            }
        }
    }
    left_out.extend(lack_server.iter().map(subnet_places::lacks_server));
    let (mut anybody, mut known) = (HashMap::new(), HashSet::new());
    if config.dhcp.mode == DhcpMode::AutoProxy {
        anybody = renderer.anybody()?;
        known.extend(hosts.iter().map(|host| host.mac));
    }
    let Renderer { rows, sets, more, at_links, lists, .. } = renderer;
    let ours = subnet_places::ours(config, &places.list, links, &all);
    let broadcasts = subnet_places::broadcasts(links, &all);
    Ok(Tables {
        settings: Settings { broadcasts, ..settings(config, &sets.slots, ours) },
        interfaces: links
            .iter()
            .map(|link| (link.index, Interface { mac: link.mac, mtu: link.mtu }))
            .collect(),
        user_classes: lists.classes()?,
        subnets: rows.rows,
        more: More { of_rows: rows.more, of_hosts: more },
        boot_files: sets.rows,
        reservations,
        anybody,
        at_links,
        known,
        left_out,
        quarantine: Arc::new(Quarantine::new(config.dhcp.decline_time)),
    })
}

/// Says where machines are answered, and where not.
///
/// # Errors
/// As [`render`].
pub fn announce<'l>(
    config: &model::Settings,
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<()> {
    let all: Vec<&Link> = all.into_iter().collect();
    let places = LocatedSubnets::new(config, links, &all)?;
    subnet_places::announce(config, &places.list, links, &BootSets::new(config));
    Ok(())
}

/// Where subnets are.
///
/// # Errors
/// As [`render`].
pub fn seats<'l>(
    config: &model::Settings,
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<Seats> {
    let all: Vec<&Link> = all.into_iter().collect();
    Ok(subnet_places::seats(&LocatedSubnets::new(config, links, &all)?.list))
}

fn settings(
    config: &model::Settings,
    slots: &Slots,
    addresses: [[u8; 4]; MAX_ADDRESSES],
) -> Settings {
    let mut flags = 0;
    if config.dhcp.authoritative {
        flags |= Settings::AUTHORITATIVE;
    }
    if config.dhcp.shared_networks {
        flags |= Settings::SHARED_NETWORKS;
    }
    if config.dhcp.subnet_selection {
        flags |= Settings::SUBNET_SELECTION;
    }
    flags |= match config.dhcp.mode {
        DhcpMode::Reservation | DhcpMode::Off => 0,
        DhcpMode::Proxy => Settings::PROXY,
        DhcpMode::AutoProxy => Settings::PROXY | Settings::AUTO_PROXY,
    };
    let Dhcp { machine_rate, unknown_rate, total_rate, .. } = config.dhcp;
    Settings {
        layout: LAYOUT,
        // A machine's boot is some dozen messages in a few seconds.
        machine: Limit::per_second(machine_rate, 5),
        unknown: Limit::per_second(unknown_rate, 1),
        total: Limit::per_second(total_rate, 1),
        flags,
        slots: slots.count(),
        other_slot: slots.count(),
        addresses,
        broadcasts: [[0; 4]; MAX_ADDRESSES],
        architecture_slots: slots.by_code,
        reserved: [0; 4],
        vendor_classes: vendor_classes::rows(),
    }
}

#[cfg(test)]
mod tests;
