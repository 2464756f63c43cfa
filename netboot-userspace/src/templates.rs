//! Renders the configuration into the tables: the blocks that answers are composed of. DHCP options are
//! encoded by dhcproto here, and nowhere else.

mod boot;
mod options;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use netboot_ebpf::shared::{
    ClassFlags, Interface, MAX_ADDRESSES, MAX_ARCHITECTURES, MAX_USER_CLASSES, Reservation,
    Settings, Subnet, UserClass,
};

use crate::{
    config::{Architecture, Config, SyslogListen},
    inventory::Host,
    links::Link,
    tables::Tables,
    templates::boot::BootSets,
};

/// Renders a configuration for these interfaces; `all` are all interfaces of the node.
///
/// # Errors
/// Options, names or counts that do not fit the tables.
pub fn render<'l>(
    config: &Config,
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> anyhow::Result<Tables> {
    let slots = Slots::new(config);
    let mut rows = SubnetRows::default();
    let mut sets = BootSets::new(config, &slots);
    let mut reservations = HashMap::with_capacity(config.hosts.len());
    for subnet in &config.subnets {
        let place = Place::of(config, links, subnet);
        rows.row(config, subnet, &place, None)?;
    }
    for host in &config.hosts {
        let row = reservation(config, links, host, &mut rows, &mut sets)
            .with_context(|| format!("host {} ({})", host.mac, host.ip))?;
        reservations.insert(host.mac, row);
    }
    Ok(Tables {
        settings: settings(config, all, &slots)?,
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

fn reservation(
    config: &Config,
    links: &[Link],
    host: &Host,
    rows: &mut SubnetRows,
    sets: &mut BootSets<'_>,
) -> anyhow::Result<Reservation> {
    let subnet = config
        .subnets
        .iter()
        .find(|subnet| subnet.cidr.contains(&host.ip))
        .context("its address lies in no [[subnet]]")?;
    let place = Place::of(config, links, subnet);
    let overrides = (host.lease_time.is_some() || !host.options.is_empty()).then_some(host);
    let (options, options_len) = options::host(host)?.padded()?;
    Ok(Reservation {
        mac: host.mac,
        options_len,
        address: host.ip.octets(),
        subnet: rows.row(config, subnet, &place, overrides)?,
        boot_set: if host.netboot { sets.set(place.server, host.boot_file.as_deref())? } else { 0 },
        options,
    })
}

/// Where a subnet is, seen from this node.
struct Place {
    /// The interface on its link; `None`: reached through relays.
    link: Option<Link>,
    /// Our address towards it.
    server: Ipv4Addr,
}

impl Place {
    fn of(config: &Config, links: &[Link], subnet: &crate::config::Subnet) -> Self {
        let inside = |link: &&Link| {
            link.addresses.iter().any(|address| subnet.cidr.contains(&address.addr()))
        };
        let link = links.iter().find(inside).cloned();
        let own = |link: &Link| {
            link.addresses.iter().map(ipnet::Ipv4Net::addr).find(|own| subnet.cidr.contains(own))
        };
        let first = links.iter().flat_map(|link| &link.addresses).map(ipnet::Ipv4Net::addr).next();
        let server = config
            .dhcp
            .server_address
            .or_else(|| link.as_ref().and_then(own))
            .or(first)
            .unwrap_or(Ipv4Addr::UNSPECIFIED);
        Self { link, server }
    }
}

/// The rows of `SUBNETS`, each once.
#[derive(Default)]
struct SubnetRows {
    rows: Vec<Subnet>,
    index: HashMap<(Vec<u8>, [u8; 4]), u32>,
}

impl SubnetRows {
    /// The row of a subnet; a host with overrides gets one of its own, since no option may come twice.
    fn row(
        &mut self,
        config: &Config,
        subnet: &crate::config::Subnet,
        place: &Place,
        overrides: Option<&Host>,
    ) -> anyhow::Result<u32> {
        let lease = overrides
            .and_then(|host| host.lease_time)
            .or(subnet.lease_time)
            .unwrap_or(config.dhcp.lease_time);
        let without: Vec<u8> = overrides
            .into_iter()
            .flat_map(|host| &host.options)
            .map(|option| option.code)
            .collect();
        let log_server = config.syslog.iter().any(|listen| matches!(listen, SyslogListen::Udp(_)));
        let log_server = log_server.then_some(place.server);
        let block = options::subnet(subnet, place.server, lease, log_server, &without)
            .with_context(|| format!("subnet {}", subnet.cidr))?;
        let key = (block.bytes.clone(), subnet.cidr.network().octets());
        if let Some(&index) = self.index.get(&key) {
            return Ok(index);
        }
        let (options, len) = block.padded().with_context(|| format!("subnet {}", subnet.cidr))?;
        let index = u32::try_from(self.rows.len())?;
        self.rows.push(Subnet {
            network: subnet.cidr.network().octets(),
            mask: subnet.cidr.netmask().octets(),
            server: place.server.octets(),
            ifindex: place.link.as_ref().map_or(0, |link| link.index),
            options_len: u32::from(len),
            options,
        });
        self.index.insert(key, index);
        Ok(index)
    }
}

/// The architecture slots of a boot set: the named architectures, then those given by number.
pub(crate) struct Slots {
    architectures: Vec<Architecture>,
}

impl Slots {
    fn new(config: &Config) -> Self {
        let named = Architecture::NAMED.iter().map(|(architecture, ..)| *architecture);
        let numbered =
            config.boot.files.keys().copied().filter(|key| matches!(key, Architecture::Code(_)));
        Self { architectures: named.chain(numbered).collect() }
    }

    fn count(&self) -> u32 {
        self.architectures.len() as u32
    }

    /// A code's slot, counted from 1. A number in the configuration goes before the name it is one of.
    fn by_code(&self) -> [u8; MAX_ARCHITECTURES] {
        let mut slots = [0; MAX_ARCHITECTURES];
        for (slot, architecture) in (1..).zip(&self.architectures) {
            let named = Architecture::NAMED.iter().find(|(named, ..)| named == architecture);
            let own = match architecture {
                Architecture::Code(code) => vec![*code],
                _ => named.map_or(Vec::new(), |(_, _, codes)| codes.to_vec()),
            };
            for code in own {
                if let Some(place) = slots.get_mut(usize::from(code)) {
                    *place = slot;
                }
            }
        }
        slots
    }
}

fn settings<'l>(
    config: &Config,
    all: impl IntoIterator<Item = &'l Link>,
    slots: &Slots,
) -> anyhow::Result<Settings> {
    let mut flags = 0;
    if config.dhcp.authoritative {
        flags |= Settings::AUTHORITATIVE;
    }
    if config.dhcp.shared_networks {
        flags |= Settings::SHARED_NETWORKS;
    }
    let own = all.into_iter().flat_map(|link| &link.addresses).map(ipnet::Ipv4Net::addr);
    let own = own.filter(|address| !address.is_loopback());
    let mut ours: Vec<Ipv4Addr> = config.dhcp.server_address.into_iter().chain(own).collect();
    ours.dedup();
    anyhow::ensure!(
        ours.len() <= MAX_ADDRESSES,
        "this node has {} IPv4 addresses on the served interfaces; {MAX_ADDRESSES} are supported",
        ours.len()
    );
    let mut addresses = [[0; 4]; MAX_ADDRESSES];
    for (place, address) in addresses.iter_mut().zip(ours) {
        *place = address.octets();
    }
    Ok(Settings { flags, slots: slots.count(), addresses, architecture_slots: slots.by_code() })
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

/// `address:port` of a URL, without the port where it is the scheme's own.
fn authority(server: Ipv4Addr, listen: SocketAddr, default_port: u16) -> String {
    let host = match listen.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => address,
        _ => server,
    };
    if listen.port() == default_port {
        host.to_string()
    } else {
        format!("{host}:{}", listen.port())
    }
}

/// Seconds, as DHCP counts them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(all(test, feature = "fastpath"))]
mod tests;
