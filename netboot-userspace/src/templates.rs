//! Renders the configuration into the tables: the blocks that answers are composed of. DHCP options are
//! encoded by dhcproto here, and nowhere else.

mod boot;
mod fit;
mod options;
mod place;
mod slots;

use std::collections::HashMap;

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_ebpf::shared::{
    ClassFlags, Interface, MAX_ADDRESSES, MAX_USER_CLASSES, NO_ARCHITECTURE, Reservation, Settings,
    Subnet, UserClass,
};

pub(crate) use self::fit::Fit;
use self::{boot::BootSets, options::Overrides, place::Place, slots::Slots};
use crate::{
    config::{Config, Located},
    inventory::Host,
    links::Link,
    tables::Tables,
};

/// Renders a configuration for these interfaces; `all` are all interfaces of the node.
///
/// # Errors
/// Options, names or counts that do not fit the tables, or a subnet that could be on several interfaces.
pub fn render<'l>(
    config: &Config,
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<Tables> {
    let places = Place::all(config, links)?;
    let located = Located::new(config.subnets.iter().map(|subnet| subnet.cidr));
    let mut rows = SubnetRows::default();
    let mut sets = BootSets::new(config);
    let mut reservations = HashMap::with_capacity(config.hosts.len());
    place::announce(&places, links, &sets);
    for place in &places {
        rows.row(config, place, None)?;
    }
    for host in &config.hosts {
        let place = located.find(host.ip).and_then(|at| places.get(at));
        let row = reservation(config, place, host, &mut rows, &mut sets)
            .with_context(|| format!("host {} ({})", host.mac, host.ip))?;
        reservations.insert(host.station(), row);
    }
    Ok(Tables {
        settings: settings(config, &sets.slots, place::ours(config, &places, links, all)),
        interfaces: links
            .iter()
            .map(|link| (link.index, Interface { mac: link.mac, mtu: link.mtu }))
            .collect(),
        user_classes: user_classes(config)?,
        subnets: rows.rows,
        boot_files: sets.rows,
        reservations,
    })
}

fn reservation<'c>(
    config: &Config,
    place: Option<&Place<'_>>,
    host: &'c Host,
    rows: &mut SubnetRows<'c>,
    sets: &mut BootSets<'_>,
) -> anyhow::Result<Reservation> {
    let place = place.context("its address lies in no [[subnet]]")?;
    let overrides = Overrides::of(host);
    let (options, options_len) = options::host(host)?.padded()?;
    Ok(Reservation {
        quarantined_until: 0,
        station: host.station(),
        options_len,
        address: host.ip.octets(),
        subnet: rows.row(config, place, overrides)?,
        boot_set: if host.netboot { sets.set(place.server, host.boot_file.as_deref())? } else { 0 },
        flags: 0,
        architecture: NO_ARCHITECTURE,
        min_message: 0,
        delay: 0,
        options,
    })
}

/// The rows of `SUBNETS`, each once.
#[derive(Default)]
struct SubnetRows<'c> {
    rows: Vec<Subnet>,
    index: HashMap<(Ipv4Net, Option<Overrides<'c>>), u32>,
}

impl<'c> SubnetRows<'c> {
    /// The row of a subnet; a host with overrides gets one of its own, since no option may come twice.
    fn row(
        &mut self,
        config: &Config,
        place: &Place<'_>,
        overrides: Option<Overrides<'c>>,
    ) -> anyhow::Result<u32> {
        let Place { subnet, link, server } = place;
        let key = (subnet.cidr, overrides);
        if let Some(&index) = self.index.get(&key) {
            return Ok(index);
        }
        let block = options::subnet_block(config, subnet, *server, key.1.as_ref())
            .with_context(|| format!("subnet {}", subnet.cidr))?;
        let (options, len) = block.padded().with_context(|| format!("subnet {}", subnet.cidr))?;
        let index = u32::try_from(self.rows.len())?;
        self.rows.push(Subnet {
            network: subnet.cidr.network().octets(),
            mask: subnet.cidr.netmask().octets(),
            server: server.octets(),
            ifindex: link.map_or(0, |link| link.index),
            options_len: u32::from(len),
            classless: 0,
            options,
        });
        self.index.insert(key, index);
        Ok(index)
    }
}

fn settings(config: &Config, slots: &Slots, addresses: [[u8; 4]; MAX_ADDRESSES]) -> Settings {
    let mut flags = 0;
    if config.dhcp.authoritative {
        flags |= Settings::AUTHORITATIVE;
    }
    if config.dhcp.shared_networks {
        flags |= Settings::SHARED_NETWORKS;
    }
    Settings { flags, slots: slots.count(), addresses, architecture_slots: slots.by_code() }
}

/// The user class of an iPXE that is not ours.
const IPXE: &str = "iPXE";

fn user_classes(config: &Config) -> anyhow::Result<HashMap<UserClass, ClassFlags>> {
    let mut classes = HashMap::from([(key(IPXE)?, ClassFlags { bits: ClassFlags::IPXE })]);
    for name in &config.boot.script_user_classes {
        classes.entry(key(name)?).or_default().bits |= ClassFlags::SCRIPT;
    }
    anyhow::ensure!(classes.len() <= MAX_USER_CLASSES, "more than {MAX_USER_CLASSES} user classes");
    Ok(classes)
}

fn key(name: &str) -> anyhow::Result<UserClass> {
    UserClass::new(name.as_bytes())
        .with_context(|| format!("user class {name:?} is empty or too long"))
}

#[cfg(test)]
#[cfg(feature = "fastpath")]
mod tests;
