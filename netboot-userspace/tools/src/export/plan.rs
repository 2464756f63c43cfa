//! The plan of an export: what another server has to say to whom.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::Ipv4Addr,
    time::Duration,
};

use anyhow::Context as _;
use netboot_base::links::Link;
use netboot_ebpf::client::Stage;
use netboot_site::{
    blocks::{BootPart, Parts},
    model::{Config, DhcpOption, Host, Located, Quirks, Subnet, quirks},
};

use super::server::server;

/// The bytes that fit the field `file`, beside the NUL at its end.
pub(super) const FILE_NAME: usize = 127;

pub(super) struct Plan<'c> {
    pub(super) config: &'c Config,
    pub(super) networks: Vec<PlannedNetwork<'c>>,
    /// What is to be told of it, whoever the server is.
    pub(super) notes: Vec<String>,
}

/// A subnet and its machines.
pub(super) struct PlannedNetwork<'c> {
    pub(super) config: &'c Config,
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) subnet: &'c Subnet,
    pub(super) lease: u64,
    /// What all machines of the subnet get, unless a machine has the same for itself.
    pub(super) options: Vec<DhcpOption>,
    /// What its machines boot by [`BootStep`]; the first of each: those that have nothing of their own.
    pub(super) profiles: [Vec<Profile>; 2],
    pub(super) machines: Vec<PlannedMachine<'c>>,
}

/// The two steps of a boot: many machines can differ in the one and have the other in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BootStep {
    Script,
    Binary,
}

impl BootStep {
    pub(super) const ALL: [Self; 2] = [Self::Script, Self::Binary];

    /// The step's name in tags and classes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Binary => "boot",
        }
    }
}

/// What some machines boot in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// The boot parts of a stage that goes before others first.
    pub(super) boots: Vec<BootPart>,
    /// Also machines that do not say that they boot from the network.
    pub(super) assume_pxe: bool,
}

pub(super) struct PlannedMachine<'c> {
    /// Of each MAC of a machine.
    pub(super) host: &'c Host,
    pub(super) quirks: Quirks,
    pub(super) lease: Option<u64>,
    /// Beside those of its network, and instead of them.
    pub(super) options: Vec<DhcpOption>,
    /// Of its network's by [`BootStep`]; `None`: it boots nothing.
    pub(super) profiles: Option<[usize; 2]>,
}

impl<'c> Plan<'c> {
    pub(super) fn new(config: &'c Config, links: &BTreeMap<String, Link>) -> anyhow::Result<Self> {
        let located = Located::new(&config.subnets);
        let mut hosts: Vec<Vec<&Host>> = config.subnets.iter().map(|_| Vec::new()).collect();
        let mut notes = Vec::new();
        let mut seen = HashSet::new();
        for host in &config.hosts {
            let place = located.find(host.ip);
            let own = place.and_then(|place| hosts.get_mut(place));
            match own {
                None if host.address().is_none() => notes
                    .push(format!("host {} is left out: it has no `ip` to be reserved", host.mac)),
                None => notes.push(format!(
                    "host {} ({}) is left out: its address lies in no [[subnet]]",
                    host.mac, host.ip
                )),
                Some(_) if !seen.insert((place, host.mac)) => notes.push(format!(
                    "host {} ({}) is left out: the machine is there already, in another VLAN of the same subnet, \
                     and only netboot knows machines by their VLAN",
                    host.mac, host.ip
                )),
                Some(own) => own.push(host),
            }
        }
        let mut parts = Parts::new(config);
        let mut networks = Vec::new();
        for ((number, subnet), hosts) in (1..).zip(&config.subnets).zip(hosts) {
            let (server, note) = server(config, subnet, links)?;
            notes.extend(note);
            let network = PlannedNetwork::new(config, &mut parts, (number, subnet, server), &hosts)
                .with_context(|| format!("subnet {}", subnet.cidr))?;
            networks.push(network);
        }
        Ok(Self { config, networks, notes })
    }
}

impl<'c> PlannedNetwork<'c> {
    fn new(
        config: &'c Config,
        parts: &mut Parts<'c>,
        (number, subnet, server): (usize, &'c Subnet, Ipv4Addr),
        hosts: &[&'c Host],
    ) -> anyhow::Result<Self> {
        let options = parts.options(subnet, server, None)?;
        let profiles = split(parts.boots(subnet, server, None)?, false).map(|own| vec![own]);
        let lease = subnet.lease_time.unwrap_or(config.dhcp.lease_time);
        let mut network = Self {
            config,
            number,
            subnet,
            lease: lease.as_secs(),
            options,
            profiles,
            machines: Vec::new(),
        };
        for host in hosts {
            let (quirks, _) = quirks::of(config, host);
            let profiles = network
                .profiles_of(parts, server, host, &quirks)
                .with_context(|| format!("host {} ({})", host.mac, host.ip))?;
            network.machines.push(PlannedMachine {
                host,
                quirks,
                lease: host.lease_time.as_ref().map(Duration::as_secs),
                options: parts.options(subnet, server, Some(host))?,
                profiles,
            });
        }
        network.share_options();
        Ok(network)
    }

    fn profiles_of(
        &mut self,
        parts: &mut Parts<'c>,
        server: Ipv4Addr,
        host: &'c Host,
        quirks: &Quirks,
    ) -> anyhow::Result<Option<[usize; 2]>> {
        if !host.netboot {
            return Ok(None);
        }
        let is_usual = host.boot_file.is_none()
            && host.script_url.is_none()
            && host.boot_vlan == self.subnet.boot_vlan
            && *quirks == Quirks::default();
        if is_usual {
            return Ok(Some([0; 2]));
        }
        let mut boots = parts.boots(self.subnet, server, Some(host))?;
        if quirks.no_option_67 == Some(true) {
            boots.retain(|boot| boot.name.len() <= FILE_NAME);
        }
        let own = split(boots, quirks.assume_pxe == Some(true));
        let [script, binary] = &mut self.profiles;
        let [own_script, own_binary] = own;
        Ok(Some([number(script, own_script), number(binary, own_binary)]))
    }

    /// Takes what the network says already out of its machines. What one machine must not get, the network
    /// cannot say: it is left to the others.
    fn share_options(&mut self) {
        let lacks = |machine: &PlannedMachine<'_>, code: u8| {
            machine.options.iter().all(|option| option.code != code)
        };
        let left_out: BTreeSet<u8> = self
            .options
            .iter()
            .map(|option| option.code)
            .filter(|code| self.machines.iter().any(|machine| lacks(machine, *code)))
            .collect();
        self.options.retain(|option| !left_out.contains(&option.code));
        for machine in &mut self.machines {
            machine.options.retain(|option| !self.options.contains(option));
        }
    }
}

/// By [`BootStep`].
fn split(boots: Vec<BootPart>, assume_pxe: bool) -> [Profile; 2] {
    let (script, binary) = boots.into_iter().partition(|boot| boot.stage == Stage::Script);
    [Profile { boots: script, assume_pxe: false }, Profile { boots: binary, assume_pxe }]
}

/// The place of a profile among those that are known; a new one is added.
fn number(known: &mut Vec<Profile>, own: Profile) -> usize {
    known.iter().position(|profile| *profile == own).unwrap_or_else(|| {
        known.push(own);
        known.len() - 1
    })
}

impl Plan<'_> {
    /// Whether a machine has several MACs.
    pub(super) fn has_several_macs(&self) -> bool {
        let machines = self.networks.iter().flat_map(|network| &network.machines);
        machines.into_iter().any(|machine| !machine.host.is_first())
    }
}

impl PlannedMachine<'_> {
    /// Whether another is the same machine by another MAC.
    pub(super) fn is_by_another_mac(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|machine| (machine.host.machine(), machine.host.ip));
        own == others && self.host.mac != other.host.mac
    }

    /// Whether it is told the same.
    pub(super) fn is_told_as(&self, other: &Self) -> bool {
        (&self.quirks, self.lease, &self.options, self.profiles)
            == (&other.quirks, other.lease, &other.options, other.profiles)
    }
}

/// What begins a line about a host.
pub(super) fn shown(host: &Host) -> String {
    format!("host {} ({})", host.mac, host.ip)
}
