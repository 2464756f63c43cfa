//! What a reader found, before it is judged.

use std::{collections::HashMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;

use super::{
    boot::{Rule, conclude},
    note::{Notes, Place},
    options::{Options, of_host, of_subnet},
};
use crate::{
    config::{Fragment, Located, Subnet},
    inventory::Host,
};

/// Whom something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// By number.
    Subnet(usize),
    Host(usize),
}

/// Networks and machines with all the options that they have.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) subnets: Vec<FoundSubnet>,
    pub(super) hosts: Vec<FoundHost>,
    pub(super) rules: Vec<Rule>,
    /// Where boot files come from, and whom that is said for.
    pub(super) servers: Vec<(Scope, Ipv4Addr, Place)>,
    pub(super) notes: Notes,
}

#[derive(Clone, Debug)]
pub(super) struct FoundSubnet {
    pub(super) place: Place,
    pub(super) cidr: Ipv4Net,
    pub(super) options: Options,
}

#[derive(Clone, Debug)]
pub(super) struct FoundHost {
    pub(super) place: Place,
    pub(super) mac: Mac,
    pub(super) ip: Ipv4Addr,
    pub(super) hostname: Option<String>,
    pub(super) options: Options,
    /// What it boots is not ours to say.
    pub(super) netboot: bool,
}

/// A fragment, and where each of its subnets and hosts stands.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) fragment: Fragment,
    pub(super) subnets: Vec<Place>,
    pub(super) hosts: Vec<Place>,
}

impl Site {
    /// The subnet that an address lies in.
    pub(super) fn subnet_of(&self, ip: Ipv4Addr) -> Option<usize> {
        self.subnets.iter().position(|subnet| subnet.cidr.contains(&ip))
    }

    /// In the words of our configuration.
    pub(super) fn settle(mut self) -> (Placed, Notes) {
        let mut placed = Placed::default();
        for subnet in &self.subnets {
            let mut settled = Subnet::new(subnet.cidr);
            of_subnet(&subnet.options, &mut settled, &mut self.notes);
            placed.fragment.subnets.push(settled);
            placed.subnets.push(subnet.place.clone());
        }
        let subnets = placed.fragment.subnets.clone();
        let located = Located::new(&subnets);
        let none = Options::default();
        for host in &self.hosts {
            let FoundHost { mac, ip, hostname, netboot, .. } = host.clone();
            let mut settled = Host { mac, ip, hostname, netboot, ..Host::default() };
            let subnet = located.find(ip).and_then(|at| self.subnets.get(at));
            let outer = subnet.map_or(&none, |subnet| &subnet.options);
            of_host(&host.options, outer, &mut settled, &mut self.notes);
            placed.fragment.hosts.push(settled);
            placed.hosts.push(host.place.clone());
        }
        self.common_lease(&mut placed.fragment);
        self.servers(&mut placed.fragment);
        self.boot_files();
        conclude(std::mem::take(&mut self.rules), &mut placed.fragment, &mut self.notes);
        self.unique(&mut placed);
        (placed, self.notes)
    }

    /// One lease time of all subnets is that of `[dhcp]`.
    fn common_lease(&self, fragment: &mut Fragment) {
        let mut times = fragment.subnets.iter().map(|subnet| subnet.lease_time);
        let Some(Some(first)) = times.next() else { return };
        if self.subnets.len() > 1 && times.all(|time| time == Some(first)) {
            fragment.lease_time = Some(first);
            for subnet in &mut fragment.subnets {
                subnet.lease_time = None;
            }
        }
    }

    /// Who says where boot files are is the node that netboot runs on.
    fn servers(&mut self, fragment: &mut Fragment) {
        for (scope, address, place) in std::mem::take(&mut self.servers) {
            let common = fragment.server_address;
            let target = match scope {
                Scope::All => Some(&mut fragment.server_address),
                Scope::Subnet(at) => fragment.subnets.get_mut(at).map(|subnet| &mut subnet.server_address),
                Scope::Host(_) => None,
            };
            match target {
                Some(_) | None if common == Some(address) => {}
                Some(target @ None) => {
                    *target = Some(address);
                    let why = "it is taken over as server-address: it must be an address of the node that \
                               netboot runs on";
                    self.notes.add(&place, format!("boot server {address}"), why);
                }
                Some(Some(first)) if *first == address => {}
                _ => {
                    let why = "netboot serves all boot files from its own address";
                    self.notes.add(&place, format!("boot server {address}"), why);
                }
            }
        }
    }

    /// Option 67 is a rule without tests.
    fn boot_files(&mut self) {
        let subnets = self.subnets.iter_mut().zip(0..).map(|(subnet, at)| (&mut subnet.options, Scope::Subnet(at)));
        let mut found = Vec::new();
        let mut common: HashMap<usize, Vec<u8>> = HashMap::new();
        for (options, scope) in subnets {
            if let (Some(given), Scope::Subnet(at)) = (options.remove(67), scope) {
                common.insert(at, given.value.clone());
                found.push((scope, given));
            }
        }
        let everywhere = found.len() == self.subnets.len()
            && found.iter().all(|(_, given)| Some(&given.value) == found.first().map(|(_, first)| &first.value));
        if everywhere && !found.is_empty() {
            found.truncate(1);
            found.iter_mut().for_each(|(scope, _)| *scope = Scope::All);
        }
        for (at, host) in self.hosts.iter_mut().enumerate() {
            let Some(given) = host.options.remove(67) else { continue };
            let subnet = self.subnets.iter().position(|subnet| subnet.cidr.contains(&host.ip));
            if subnet.and_then(|subnet| common.get(&subnet)) != Some(&given.value) {
                found.push((Scope::Host(at), given));
            }
        }
        for (scope, given) in found {
            let file = super::options::text(&given.value).unwrap_or_default();
            if !file.is_empty() {
                self.rules.push(Rule { place: given.place, scope, tests: Vec::new(), file });
            }
        }
    }

    /// The first of those with one MAC or address stays.
    fn unique(&mut self, placed: &mut Placed) {
        let (mut macs, mut ips) = (HashMap::new(), HashMap::new());
        let hosts = std::mem::take(&mut placed.fragment.hosts);
        let places = std::mem::take(&mut placed.hosts);
        for (host, place) in hosts.into_iter().zip(places) {
            let first = macs.get(&host.mac).map(|first: &Place| (host.mac.to_string(), first.shown()));
            let first = first.or_else(|| ips.get(&host.ip).map(|first: &Place| (host.ip.to_string(), first.shown())));
            if let Some((what, first)) = first {
                let host = format!("host {} {}", host.mac, host.ip);
                self.notes.add(&place, host, format!("{what} has a reservation already ({first})"));
                continue;
            }
            macs.insert(host.mac, place.clone());
            ips.insert(host.ip, place.clone());
            placed.fragment.hosts.push(host);
            placed.hosts.push(place);
        }
    }
}
