//! The reader that makes networks, machines, options and rules of Kea's configuration.

use std::{collections::BTreeSet, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_dhcp::value::{addresses, text};
use netboot_ebpf::{shared::MAX_RELAYS, wire::code};
use netboot_site::config::Problem;

use super::{
    super::{
        boot::{Rule, Test},
        note::NotePlace,
        options::{NEXT_SERVER, Options},
        scope::Scope,
        site::{FoundHost, FoundSite, FoundSubnet},
    },
    class::{Class, classes},
    node::JsonNode,
    option::{Definitions, options},
    reservation::{Reservation, reservations},
};

/// What concerns no machine's boot, what is so here anyway, and what is read elsewhere.
const SILENT: &[&str] = &[
    "authoritative",
    "match-client-id",
    "option-data",
    "option-def",
    "valid-lifetime",
    "boot-file-name",
    "next-server",
    "server-hostname",
    "subnet4",
    "shared-networks",
    "reservations",
    "client-classes",
    "comment",
    "user-context",
    "id",
    "subnet",
    "name",
    "pools",
    "relay",
    "4o6-interface",
    "4o6-interface-id",
    "4o6-subnet",
    "reservation-mode",
    "reservations-global",
    "reservations-in-subnet",
    "reservations-out-of-pool",
    "host-reservation-identifiers",
    "ip-reservations-unique",
    "early-global-reservations-lookup",
    "echo-client-id",
    "decline-probation-period",
    "require-client-classes",
    "evaluate-additional-classes",
    "multi-threading",
    "expired-leases-processing",
    "sanity-checks",
    "server-tag",
    "dhcp-queue-control",
    "calculate-tee-times",
    "t1-percent",
    "t2-percent",
];

const NO_POOLS: &str =
    "netboot has no pools: machines with a reservation are answered, and no others";

/// Puts together what a site's configuration says.
pub(super) fn read(root: JsonNode<'_>) -> Result<FoundSite, Problem> {
    let Some(dhcp4) = root.get("Dhcp4") else {
        return Err(root
            .place()
            .problem("there is no \"Dhcp4\" in it: is it Kea's configuration for DHCPv4?"));
    };
    let mut definitions = Definitions::default();
    definitions.add(dhcp4)?;
    let mut reader = KeaReader {
        site: FoundSite::default(),
        definitions,
        own: Vec::new(),
        additional: Vec::new(),
        reserved: Vec::new(),
        put_into: Vec::new(),
    };
    for (key, place, _) in root.entries() {
        if key != "Dhcp4" {
            reader.site.notes.add(&place, key, "it is not about DHCPv4");
        }
    }
    reader.read(dhcp4)?;
    Ok(reader.site)
}

struct KeaReader {
    site: FoundSite,
    definitions: Definitions,
    /// Of `site.subnets`, without what is common to all.
    own: Vec<Options>,
    /// Of `site.subnets`: the classes that they ask for.
    additional: Vec<Vec<String>>,
    reserved: Vec<Reservation>,
    /// Of `site.hosts`: the classes that each is put into.
    put_into: Vec<Vec<String>>,
}

impl KeaReader {
    fn read(&mut self, dhcp4: JsonNode<'_>) -> Result<(), Problem> {
        let common = options(dhcp4, &self.definitions, &mut self.site.notes)?;
        let classes = classes(dhcp4, &mut self.definitions, &mut self.site.notes)?;
        self.note_rest(dhcp4);
        self.subnets(dhcp4, &Options::default(), &[], &[], &common)?;
        for network in dhcp4.objects("shared-networks")? {
            self.definitions.add(network)?;
            let own = options(network, &self.definitions, &mut self.site.notes)?;
            self.note_rest(network);
            let relays = relays(network);
            self.subnets(network, &own, &relays, &additional(network), &common)?;
            if network.objects("subnet4")?.len() > 1 {
                let why = "its subnets are taken over: set dhcp.shared-networks if machines ask from another of them";
                let name = network.text("name").unwrap_or_default();
                self.site.notes.add(&network.place(), format!("shared network {name:?}"), why);
            }
        }
        let global = reservations(dhcp4, &self.definitions, &mut self.site.notes)?;
        self.reserved.extend(global);
        self.hosts(&classes, &common);
        self.rules(&classes);
        Ok(())
    }

    fn subnets(
        &mut self,
        scope: JsonNode<'_>,
        around: &Options,
        relays_around: &[(NotePlace, Ipv4Addr)],
        asked: &[String],
        common: &Options,
    ) -> Result<(), Problem> {
        for node in scope.objects("subnet4")? {
            let place = node.get("subnet").map_or_else(|| node.place(), JsonNode::place);
            let text =
                node.text("subnet").ok_or_else(|| place.problem("a subnet without \"subnet\""))?;
            let cidr: Ipv4Net = text
                .parse()
                .map_err(|_| place.problem(format!("subnet: {text:?} is not a network")))?;
            self.definitions.add(node)?;
            let own = options(node, &self.definitions, &mut self.site.notes)?.within(around);
            self.note_rest(node);
            self.pools(node)?;
            let relays = self.relays([relays_around, &relays(node)].concat(), cidr);
            let reserved = reservations(node, &self.definitions, &mut self.site.notes)?;
            self.reserved.extend(reserved);
            self.site.subnets.push(FoundSubnet {
                place,
                cidr: cidr.trunc(),
                relays,
                options: own.within(common),
            });
            self.own.push(own);
            self.additional.push([asked, &additional(node)[..]].concat());
        }
        Ok(())
    }

    fn pools(&mut self, subnet: JsonNode<'_>) -> Result<(), Problem> {
        for pool in subnet.objects("pools")? {
            let name = pool.text("pool").unwrap_or_default();
            self.site.notes.add(&pool.place(), format!("pool {name}"), NO_POOLS);
        }
        Ok(())
    }

    /// The relays of a subnet that do not lie in the subnet.
    fn relays(&mut self, all: Vec<(NotePlace, Ipv4Addr)>, cidr: Ipv4Net) -> Vec<Ipv4Net> {
        let mut relays = Vec::new();
        for (place, address) in all {
            if cidr.contains(&address) || relays.contains(&address.into()) {
                continue;
            }
            if relays.len() == MAX_RELAYS {
                let why = format!(
                    "a subnet has {MAX_RELAYS} relays at most: a network in its \"relay\" stands for all in it"
                );
                self.site.notes.add(&place, format!("relay {address} of {cidr}"), why);
            } else {
                relays.push(address.into());
            }
        }
        relays
    }

    /// Notes the keys that nothing is made of.
    fn note_rest(&mut self, scope: JsonNode<'_>) {
        for (key, place, value) in scope.entries() {
            let why = match key {
                _ if SILENT.contains(&key) => continue,
                "interfaces-config" | "interface" => "name them in interfaces",
                "max-valid-lifetime" | "min-valid-lifetime" => {
                    "every machine gets its subnet's lease time"
                }
                "renew-timer" | "rebind-timer" => "netboot derives it from the lease time",
                "client-class" | "client-classes" => {
                    "netboot answers a machine wherever it has a reservation"
                }
                "lease-database" => "netboot keeps no leases: machines have reservations",
                "hosts-database" | "hosts-databases" => {
                    "it is not read: import its machines from a file"
                }
                _ if key.starts_with("ddns-") || key == "dhcp-ddns" => "netboot updates no DNS",
                _ => "it is about Kea itself, or netboot has nothing like it",
            };
            self.site.notes.add(&place, format!("{key} {}", value.shown()), why);
        }
    }

    fn hosts(&mut self, classes: &[Class], common: &Options) {
        for reserved in std::mem::take(&mut self.reserved) {
            let Reservation { place, mac, ip, hostname, classes: names, options } = reserved;
            let at = self.site.subnet_of(ip);
            let own = at.and_then(|at| self.own.get(at)).cloned().unwrap_or_default();
            let mut of_classes = Options::default();
            for name in &names {
                match classes.iter().find(|class| class.name == *name) {
                    Some(class) => of_classes = of_classes.within(&class.options),
                    None => {
                        let why = "there is no such class";
                        self.site.notes.add(&place, format!("class {name:?} of {mac}"), why);
                    }
                }
            }
            // A class's boot file and lease time go before the network's, its options do not.
            let mut fields = Options::default();
            for code in [code::BOOT_FILE, NEXT_SERVER, code::LEASE_TIME] {
                if let Some(given) = of_classes.get(code) {
                    fields.set(code, given.value.clone(), &given.place);
                }
            }
            let options = options.within(&fields.within(&own.within(&of_classes.within(common))));
            self.put_into.push(names);
            self.site.hosts.push(FoundHost { place, mac, ip, hostname, options, netboot: true });
        }
    }

    fn rules(&mut self, classes: &[Class]) {
        let mut booted = BTreeSet::new();
        for class in classes {
            let Some(ways) = &class.ways else { continue };
            class.note_options(&mut self.site.notes);
            let asking =
                self.additional.iter().enumerate().filter(|(_, names)| names.contains(&class.name));
            let asking: Vec<_> = asking.map(|(at, _)| Scope::Subnet(at)).collect();
            let is_everywhere = !class.is_additional || asking.len() == self.site.subnets.len();
            let scopes = if is_everywhere { vec![Scope::All] } else { asking };
            if let Some(address) =
                class.options.get(NEXT_SERVER).and_then(|given| addresses(&given.value))
            {
                let servers = scopes.iter().zip(address.iter().cycle());
                self.site
                    .servers
                    .extend(servers.map(|(scope, ip)| (*scope, *ip, class.place.clone())));
            }
            let Some(file) =
                class.options.get(code::BOOT_FILE).and_then(|given| text(&given.value))
            else {
                continue;
            };
            for way in &ways.0 {
                let (members, tests): (Vec<_>, Vec<_>) =
                    way.iter().cloned().partition(|test| matches!(test, Test::Member(_)));
                let hosts = self.members(&members, &tests, &scopes);
                let scopes = match members.is_empty() {
                    true => scopes.clone(),
                    false => hosts.iter().copied().map(Scope::Host).collect(),
                };
                booted.extend(hosts);
                for scope in scopes {
                    let (place, tests, file) = (class.place.clone(), tests.clone(), file.clone());
                    self.site.rules.push(Rule { place, scope, tests, file });
                }
            }
        }
        // Machines that no rule is for, where there are rules.
        if !self.site.rules.is_empty() {
            for (at, host) in self.site.hosts.iter_mut().enumerate() {
                host.netboot = booted.contains(&at) || host.options.get(code::BOOT_FILE).is_some();
            }
        }
    }

    /// The machines that a rule is for: by the classes that they are put into, and by their networks.
    fn members(&self, members: &[Test], tests: &[Test], scopes: &[Scope]) -> Vec<usize> {
        let hosts = self.site.hosts.iter().zip(&self.put_into).enumerate();
        let is_for = |(at, (host, names)): (usize, (&FoundHost, &Vec<String>))| {
            let is_member =
                |test: &Test| matches!(test, Test::Member(name) if names.contains(name));
            let is_left_out =
                tests.iter().any(|test| matches!(test, Test::Not(inner) if is_member(inner)));
            let in_scope = scopes.contains(&Scope::All)
                || self
                    .site
                    .subnet_of(host.ip)
                    .is_some_and(|at| scopes.contains(&Scope::Subnet(at)));
            (members.iter().all(is_member) && !is_left_out && in_scope).then_some(at)
        };
        hosts.filter_map(is_for).collect()
    }
}

fn additional(scope: JsonNode<'_>) -> Vec<String> {
    let keys = ["require-client-classes", "evaluate-additional-classes"];
    keys.iter().flat_map(|key| scope.texts(key)).map(str::to_owned).collect()
}

/// The relays that stand for a subnet, or for the subnets of a shared network.
fn relays(scope: JsonNode<'_>) -> Vec<(NotePlace, Ipv4Addr)> {
    let Some(relay) = scope.get("relay") else { return Vec::new() };
    let addresses = [relay.texts("ip-address"), relay.texts("ip-addresses")].concat();
    let parsed = addresses.into_iter().filter_map(|text| text.parse().ok());
    // Kea's own way to say that there is none.
    let given = parsed.filter(|address: &Ipv4Addr| !address.is_unspecified());
    given.map(|address| (relay.place(), address)).collect()
}
