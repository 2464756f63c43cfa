//! The site that a reader found, before it is judged.

use std::{collections::HashMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_dhcp::value::{addresses, text};
use netboot_ebpf::{shared::Mac, wire::code};
use netboot_site::{
    config::{Fragment, MAX_MACS},
    model::{Host, Located, Subnet},
};

use super::{
    boot::{Rule, conclude},
    note::{NotePlace, Notes},
    options::{NEXT_SERVER, Options, PlacedValue, of_host, of_subnet},
    scope::Scope,
};

/// Networks and machines with all the options that they have.
#[derive(Debug, Default)]
pub(super) struct FoundSite {
    pub(super) subnets: Vec<FoundSubnet>,
    pub(super) hosts: Vec<FoundHost>,
    pub(super) rules: Vec<Rule>,
    /// Where boot files come from, and whom that is said for.
    pub(super) servers: Vec<(Scope, Ipv4Addr, NotePlace)>,
    pub(super) notes: Notes,
    /// Of several machines with one MAC, and of several rules for one file.
    pub(super) winner: Winner,
}

/// Which of several that contradict each other a server goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Winner {
    #[default]
    First,
    Last,
}

#[derive(Clone, Debug)]
pub(super) struct FoundSubnet {
    pub(super) place: NotePlace,
    pub(super) cidr: Ipv4Net,
    /// Relays outside it that stand for it.
    pub(super) relays: Vec<Ipv4Net>,
    pub(super) options: Options,
}

#[derive(Clone, Debug)]
pub(super) struct FoundHost {
    pub(super) place: NotePlace,
    pub(super) mac: Mac,
    pub(super) ip: Ipv4Addr,
    pub(super) hostname: Option<String>,
    pub(super) options: Options,
    /// Off: what the host boots is not ours to say.
    pub(super) netboot: bool,
}

/// A fragment, and where each of its subnets and hosts stands.
#[derive(Debug, Default)]
pub(super) struct PlacedFragment {
    pub(super) fragment: Fragment,
    pub(super) subnets: Vec<NotePlace>,
    pub(super) hosts: Vec<NotePlace>,
}

impl FoundSite {
    /// The subnet that an address lies in.
    pub(super) fn subnet_of(&self, ip: Ipv4Addr) -> Option<usize> {
        self.subnets.iter().position(|subnet| subnet.cidr.contains(&ip))
    }

    /// In the words of our configuration.
    pub(super) fn settle(mut self) -> (PlacedFragment, Notes) {
        let mut placed = PlacedFragment::default();
        for (scope, given) in self.spread(NEXT_SERVER) {
            let address = addresses(&given.value).and_then(|list| list.first().copied());
            self.servers.extend(address.map(|address| (scope, address, given.place)));
        }
        self.boot_files();
        for subnet in &self.subnets {
            let mut settled = Subnet { relays: subnet.relays.clone(), ..Subnet::new(subnet.cidr) };
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
        let mut rules = std::mem::take(&mut self.rules);
        if self.winner == Winner::Last {
            rules.reverse();
        }
        conclude(rules, &mut placed.fragment, &mut self.notes);
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
        let mut servers = std::mem::take(&mut self.servers);
        servers.sort_by_key(|(scope, ..)| scope.order());
        for (scope, address, place) in servers {
            let common = fragment.server_address;
            let target = match scope {
                Scope::All => Some(&mut fragment.server_address),
                Scope::Subnet(at) => {
                    fragment.subnets.get_mut(at).map(|subnet| &mut subnet.server_address)
                }
                Scope::Host(at) => {
                    let ip = fragment.hosts.get(at).map(|host| host.ip);
                    let mut subnets = fragment.subnets.iter_mut();
                    let subnet = ip.and_then(|ip| subnets.find(|subnet| subnet.cidr.contains(&ip)));
                    subnet.map(|subnet| &mut subnet.server_address).filter(|own| own.is_some())
                }
            };
            match target {
                Some(Some(first)) if *first == address => {}
                Some(None) | None if common == Some(address) => {}
                Some(target @ None) => {
                    *target = Some(address);
                    let why = "it is taken over as server-address: it must be an address of the node that \
                               netboot runs on";
                    self.notes.add(&place, format!("boot server {address}"), why);
                }
                _ => {
                    let why = "netboot serves all boot files from its own address";
                    self.notes.add(&place, format!("boot server {address}"), why);
                }
            }
        }
        // Networks where nothing boots name none.
        let mut addresses = fragment.subnets.iter().filter_map(|subnet| subnet.server_address);
        let first = addresses.next();
        if first.is_some()
            && fragment.server_address.is_none()
            && addresses.all(|other| Some(other) == first)
        {
            fragment.server_address = first;
            fragment.subnets.iter_mut().for_each(|subnet| subnet.server_address = None);
        }
    }

    /// Options that are none of a subnet or a host here: option 67, and the server beside it.
    fn boot_files(&mut self) {
        for (scope, given) in self.spread(code::BOOT_FILE) {
            let file = text(&given.value).unwrap_or_default();
            if !file.is_empty() {
                self.rules.push(Rule { place: given.place, scope, tests: Vec::new(), file });
            }
        }
    }

    /// Takes an option out: whom it is for, if not all of a network's machines or of all networks' have it.
    fn spread(&mut self, code: u8) -> Vec<(Scope, PlacedValue)> {
        let of_subnets: Vec<_> =
            self.subnets.iter_mut().map(|subnet| subnet.options.remove(code)).collect();
        let mut found = Vec::new();
        for (at, host) in self.hosts.iter_mut().enumerate() {
            let Some(given) = host.options.remove(code) else { continue };
            let subnet = self.subnets.iter().position(|subnet| subnet.cidr.contains(&host.ip));
            let outer = subnet.and_then(|at| of_subnets.get(at)?.as_ref());
            if outer.is_none_or(|outer| outer.value != given.value) {
                found.push((Scope::Host(at), given));
            }
        }
        let first = of_subnets.first().and_then(Option::as_ref).map(|given| given.value.clone());
        let is_common = |given: &Option<PlacedValue>| {
            first.is_some() && given.as_ref().map(|given| &given.value) == first.as_ref()
        };
        let is_alone = of_subnets.iter().all(Option::is_none) && found.len() == self.hosts.len();
        let common = found.first().map(|(_, given)| given.clone());
        if code == NEXT_SERVER && is_alone && common.is_some() && {
            let value = common.as_ref().map(|given| &given.value);
            found.iter().all(|(_, given)| Some(&given.value) == value)
        } {
            return common.map(|given| (Scope::All, given)).into_iter().collect();
        }
        if of_subnets.iter().all(is_common) {
            found.extend(of_subnets.into_iter().flatten().take(1).map(|given| (Scope::All, given)));
        } else {
            let of_subnets = of_subnets.into_iter().enumerate();
            found.extend(of_subnets.filter_map(|(at, given)| Some((Scope::Subnet(at), given?))));
        }
        // What is for all goes first: what is for some then differs from it, or is left out.
        found.sort_by_key(|(scope, _)| scope.order());
        found
    }

    /// One of those with one MAC stays. Those with one address are a machine's, if they have all else in common.
    fn unique(&mut self, placed: &mut PlacedFragment) {
        let (mut macs, mut ips) = (HashMap::new(), HashMap::new());
        let hosts = std::mem::take(&mut placed.fragment.hosts);
        let places = std::mem::take(&mut placed.hosts);
        let mut all: Vec<_> = hosts.into_iter().zip(places).collect();
        if self.winner == Winner::Last {
            all.reverse();
        }
        for (host, place) in all {
            let first =
                macs.get(&host.mac).map(|first: &NotePlace| (host.mac.to_string(), first.shown()));
            let same = ips.get(&host.ip).copied().filter(|_| first.is_none());
            if let Some(at) = same
                && let Some(known) = placed.fragment.hosts.get_mut(at)
                && is_same_machine(known, &host)
            {
                if let Some(name) =
                    host.hostname.as_ref().filter(|_| known.hostname != host.hostname)
                {
                    let what = format!("name {name:?} of host {} {}", host.mac, host.ip);
                    let why = "the machine has one name, whichever of its MACs asks";
                    self.notes.add(&place, what, why);
                }
                macs.insert(host.mac, place);
                let mut nics = known.macs().to_vec();
                nics.push(host.mac);
                known.nics = nics.into();
                continue;
            }
            let same: Option<&NotePlace> = same.and_then(|at| placed.hosts.get(at));
            let first = first.or_else(|| same.map(|first| (host.ip.to_string(), first.shown())));
            if let Some((what, first)) = first {
                let host = format!("host {} {}", host.mac, host.ip);
                self.notes.add(&place, host, format!("{what} has a reservation already ({first})"));
                continue;
            }
            macs.insert(host.mac, place.clone());
            ips.insert(host.ip, placed.hosts.len());
            placed.fragment.hosts.push(host);
            placed.hosts.push(place);
        }
        if self.winner == Winner::Last {
            placed.fragment.hosts.reverse();
            placed.hosts.reverse();
            for host in &mut placed.fragment.hosts {
                let mut nics = std::mem::take(&mut *host.nics);
                nics.reverse();
                host.mac = nics.first().copied().unwrap_or(host.mac);
                host.nics = nics.into();
            }
        }
    }
}

/// Whether a host is the known one by another MAC; what it is called aside.
fn is_same_machine(known: &Host, host: &Host) -> bool {
    let Host { mac, nics, hostname, .. } = known.clone();
    known.macs().len() < MAX_MACS && *known == Host { mac, nics, hostname, ..host.clone() }
}
