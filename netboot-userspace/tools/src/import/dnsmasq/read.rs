//! The reader that makes networks, machines, options and rules of dnsmasq's directives.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;
use netboot_dhcp::value::{addresses, text};
use netboot_ebpf::wire::code;

use super::{
    super::{
        boot::{Rule, Test, server},
        note::NotePlace,
        options::{Options, note_parts, of_requests},
        scope::Scope,
        site::{FoundHost, FoundSite, FoundSubnet, Winner},
    },
    directives::Directive,
    host::{self, host},
    option,
    range::range,
    rules::{TaggedBoot, dhcp_boot, pxe_service},
    tags::{OfRequests, Tag, meets},
};

/// What netboot does anyway, or what concerns nobody's boot.
const SILENT: &[&str] = &[
    "dhcp-authoritative",
    "dhcp-match",
    "dhcp-userclass",
    "dhcp-vendorclass",
    "dhcp-mac",
    "tag-if",
    "log-dhcp",
    "log-queries",
    "log-facility",
    "log-async",
    "host-record",
    "no-daemon",
    "keep-in-foreground",
    "no-hosts",
    "no-resolv",
    "no-ping",
    "leasefile-ro",
    "dhcp-no-override",
    "no-poll",
    "port",
    "user",
    "group",
    "pid-file",
    "conf-script",
];

/// What has a place in our configuration that only its operator can fill.
const BY_HAND: &[(&str, &str)] = &[
    ("interface", "name it in interfaces"),
    ("except-interface", "netboot answers on the interfaces that are named"),
    ("no-dhcp-interface", "netboot answers on the interfaces that are named"),
    ("listen-address", "name its interface in interfaces"),
    ("bind-interfaces", "netboot answers on the interfaces that are named"),
    ("bind-dynamic", "netboot answers on the interfaces that are named"),
    ("enable-tftp", "netboot serves boot.root by TFTP anyway"),
    ("tftp-root", "netboot serves what is under boot.root: put the boot files there"),
    ("dhcp-leasefile", "netboot keeps no leases: machines have reservations"),
    ("dhcp-lease-max", "netboot keeps no leases: machines have reservations"),
    ("read-ethers", "/etc/ethers is not read: write its machines as dhcp-host"),
    ("dhcp-proxy", "set dhcp.mode = \"proxy\""),
    ("dhcp-relay", "netboot answers relays, and is none"),
];

/// Puts together what a site's directives say.
pub(super) fn read(directives: &[Directive]) -> FoundSite {
    let mut reader = DnsmasqReader {
        site: FoundSite::default(),
        requests: OfRequests::new(directives),
        subnet_tags: Vec::new(),
        host_tags: Vec::new(),
        options: Vec::new(),
        boots: Vec::new(),
        wrapped: BTreeMap::new(),
        names: names(directives),
        patterns: directives.iter().filter_map(pattern).collect(),
    };
    for directive in directives {
        reader.networks(directive);
    }
    for directive in directives {
        reader.rest(directive);
    }
    for directive in directives.iter().filter(|directive| directive.name == "tag-if") {
        reader.tag_if(directive);
    }
    reader.finish()
}

/// An option, and whom it is for.
struct TaggedOption<'d> {
    directive: &'d Directive,
    tags: Vec<Tag>,
    /// The one network whose machines have it.
    cidr: Option<Ipv4Net>,
    code: u8,
    /// Empty: it is not sent.
    value: Vec<u8>,
}

struct DnsmasqReader<'d> {
    site: FoundSite,
    requests: OfRequests,
    /// Of `site.subnets`.
    subnet_tags: Vec<BTreeSet<String>>,
    /// Of `site.hosts`.
    host_tags: Vec<BTreeSet<String>>,
    options: Vec<TaggedOption<'d>>,
    boots: Vec<(&'d Directive, TaggedBoot)>,
    /// Options that are made of parts.
    wrapped: BTreeMap<u8, (Vec<u8>, NotePlace)>,
    /// Addresses by name.
    names: HashMap<String, Ipv4Addr>,
    /// Patterns of MACs, and the tags that they give.
    patterns: Vec<(&'d str, &'d str)>,
}

/// `host-record=name,name,address`
fn names(directives: &[Directive]) -> HashMap<String, Ipv4Addr> {
    let mut names = HashMap::new();
    for directive in directives.iter().filter(|directive| directive.name == "host-record") {
        let texts = directive.texts();
        let Some(ip) = texts.iter().find_map(|text| text.parse::<Ipv4Addr>().ok()) else {
            continue;
        };
        names.extend(texts.iter().map(|name| ((*name).to_owned(), ip)));
    }
    names
}

/// `dhcp-mac=set:red,00:60:8C:*:*:*`
fn pattern(directive: &Directive) -> Option<(&str, &str)> {
    let [tag, pattern] = directive.texts()[..] else { return None };
    (directive.name == "dhcp-mac").then_some((pattern, tag.trim_start_matches("set:")))
}

impl<'d> DnsmasqReader<'d> {
    fn note(&mut self, directive: &Directive, why: impl Into<String>) {
        self.site.notes.add(&directive.place, directive.shown(), why);
    }

    fn networks(&mut self, directive: &Directive) {
        if directive.name != "dhcp-range" {
            return;
        }
        let range = match range(directive) {
            Ok(range) => range,
            Err(why) => return self.note(directive, why),
        };
        let place = &directive.place;
        for left_out in &range.left_out {
            self.site.notes.add(place, left_out, "netboot has nothing like it for a network");
        }
        if let Some((start, end)) = range.pool {
            let why =
                "netboot has no pools: machines with a reservation are answered, and no others";
            self.site.notes.add(place, format!("pool {start} - {end}"), why);
        }
        let known = self.site.subnets.iter().position(|subnet| subnet.cidr == range.cidr);
        let at = known.unwrap_or_else(|| {
            let options = Options::default();
            self.site.subnets.push(FoundSubnet {
                place: place.clone(),
                cidr: range.cidr,
                relays: Vec::new(),
                options,
            });
            self.subnet_tags.push(["known".to_owned()].into());
            self.site.subnets.len() - 1
        });
        if range.is_guessed && known.is_none() {
            let why = "no netmask is given: dnsmasq takes its interface's; correct the cidr if it is another";
            self.site.notes.add(place, format!("subnet {}", range.cidr), why);
        }
        if let (Some(subnet), Some(lease)) = (self.site.subnets.get_mut(at), range.lease) {
            subnet.options.set(code::LEASE_TIME, lease.to_be_bytes().to_vec(), place);
        }
        if let Some(tags) = self.subnet_tags.get_mut(at) {
            tags.extend(range.sets);
        }
    }

    fn rest(&mut self, directive: &'d Directive) {
        match directive.name.as_str() {
            "dhcp-range" => {}
            "dhcp-host" => self.host(directive),
            "dhcp-option" | "dhcp-option-force" => self.option(directive),
            "dhcp-boot" => self.boots.push((directive, dhcp_boot(directive))),
            "pxe-service" => match pxe_service(directive) {
                Ok(boot) => self.boots.push((directive, boot)),
                Err(why) => self.note(directive, why),
            },
            "domain" => self.domain(directive),
            "dhcp-ignore"
                if directive.texts() == ["tag:!known"] || directive.texts() == ["#known"] => {}
            "pxe-prompt" => {
                self.note(directive, "netboot has no menu: a machine boots its architecture's file")
            }
            name if SILENT.contains(&name) => {}
            name => {
                let by_hand = BY_HAND.iter().find(|(known, _)| *known == name);
                let why = match by_hand {
                    Some((_, why)) => *why,
                    None if name.starts_with("dhcp-") => "netboot has nothing like it",
                    None if name.starts_with("tftp-") => "netboot's TFTP needs no such setting",
                    None => "it is not about DHCP, or about dnsmasq itself",
                };
                self.note(directive, why);
            }
        }
    }

    fn host(&mut self, directive: &Directive) {
        let place = &directive.place;
        let found = host(directive);
        for (what, why) in &found.left_out {
            self.site.notes.add(place, what, *why);
        }
        if found.is_ignored {
            return self.note(directive, "without a reservation a machine is not answered anyway");
        }
        let by_name = found.name.as_ref().and_then(|name| self.names.get(name)).copied();
        if found.macs.is_empty() {
            if found.left_out.is_empty() {
                self.note(directive, "it has no MAC address, by which netboot knows machines");
            }
            return;
        }
        let Some(ip) = found.ip.or(by_name) else {
            return self.note(
                directive,
                "it has no address: dnsmasq takes one of a pool, and netboot has none",
            );
        };
        let mut tags: BTreeSet<String> = found.sets.iter().cloned().collect();
        tags.insert("known".to_owned());
        if let Some(subnet) = self.site.subnet_of(ip).and_then(|at| self.subnet_tags.get(at)) {
            tags.extend(subnet.iter().cloned());
        }
        let mut options = Options::default();
        if let Some(lease) = found.lease {
            options.set(code::LEASE_TIME, lease.to_be_bytes().to_vec(), place);
        }
        for mac in found.macs {
            let of_mac = self.patterns.iter().filter(|(pattern, _)| host::matches(pattern, mac));
            let of_mac = of_mac.map(|(_, tag)| (*tag).to_owned());
            self.host_tags.push(tags.iter().cloned().chain(of_mac).collect());
            self.site.hosts.push(FoundHost {
                place: place.clone(),
                mac,
                ip,
                hostname: found.name.clone(),
                options: options.clone(),
                netboot: true,
            });
        }
    }

    /// Tags of tags that networks and machines have; those of requests are known before.
    fn tag_if(&mut self, directive: &Directive) {
        let texts = directive.texts();
        let conditions: Vec<_> = texts.iter().filter_map(|text| Tag::prefixed(text)).collect();
        let sets: Vec<_> = texts.iter().filter_map(|text| text.strip_prefix("set:")).collect();
        let of_requests = conditions.iter().filter(|tag| self.requests.has(&tag.name)).count();
        if of_requests == conditions.len() {
            return;
        }
        if of_requests != 0 {
            return self.note(
                directive,
                "its tags are of requests and of machines: netboot cannot mix them",
            );
        }
        for has in self.subnet_tags.iter_mut().chain(&mut self.host_tags) {
            if meets(has, &conditions) {
                has.extend(sets.iter().map(|tag| (*tag).to_owned()));
            }
        }
    }

    fn option(&mut self, directive: &'d Directive) {
        let option::GivenOption { tags, within, code, value } = match option::read_option(directive)
        {
            Ok(given) => given,
            Err(why) => return self.note(directive, why),
        };
        if let Some(outer) = within {
            let (bytes, _) =
                self.wrapped.entry(outer).or_insert_with(|| (Vec::new(), directive.place.clone()));
            bytes.extend([code, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
            bytes.extend(value);
            return;
        }
        if code == 255 {
            if let Some(ip) = addresses(&value).and_then(|list| list.first().copied()) {
                self.site.servers.push((Scope::All, ip, directive.place.clone()));
            }
            return;
        }
        self.options.push(TaggedOption { directive, tags, cidr: None, code, value });
    }

    /// `domain=example.com[,192.168.0.0/24]`
    fn domain(&mut self, directive: &'d Directive) {
        let texts = directive.texts();
        let (Some(name), range) = (texts.first(), texts.get(1)) else { return };
        let cidr = match range {
            None => None,
            Some(range) => match range.parse::<Ipv4Net>() {
                Ok(cidr) => Some(cidr.trunc()),
                Err(_) => return self.note(directive, "a domain is for a whole subnet"),
            },
        };
        let value = name.as_bytes().to_vec();
        self.options.push(TaggedOption { directive, tags: Vec::new(), cidr, code: 15, value });
    }

    fn finish(mut self) -> FoundSite {
        // dnsmasq puts each line before the lines that it read earlier.
        self.site.winner = Winner::Last;
        for (code, (value, place)) in std::mem::take(&mut self.wrapped) {
            note_parts(code, &value, &place, &mut self.site.notes);
        }
        // The more tags, the nearer to the machine.
        let mut options = std::mem::take(&mut self.options);
        options.sort_by_key(|given| given.tags.len() + usize::from(given.cidr.is_some()));
        let mut said = BTreeSet::new();
        for given in options {
            self.give(&given, &mut said);
        }
        self.own_addresses(&said);
        let boots = std::mem::take(&mut self.boots);
        self.nothing_to_boot(&boots);
        for (directive, boot) in boots {
            self.boot(directive, boot);
        }
        self.site
    }

    /// Gives an option to the networks and machines that have its tags.
    fn give(&mut self, given: &TaggedOption<'_>, said: &mut BTreeSet<(usize, u8)>) {
        let TaggedOption { directive, tags, cidr, code, value } = given;
        let code = *code;
        if tags.iter().any(|tag| self.requests.has(&tag.name)) {
            if code == code::BOOT_FILE {
                let file = text(value).unwrap_or_default();
                self.boot(
                    directive,
                    TaggedBoot { tags: tags.clone(), test: None, file, server: None },
                );
            } else if !of_requests(code, value) {
                self.note(
                    directive,
                    "netboot's options depend on the machine, not on what it asks",
                );
            }
            return;
        }
        let mut is_used = self.site.subnets.is_empty() && self.site.hosts.is_empty();
        let set = |options: &mut Options| match &value[..] {
            [] => drop(options.remove(code)),
            _ => options.set(code, value.to_vec(), &directive.place),
        };
        let subnets = self.site.subnets.iter_mut().zip(&self.subnet_tags);
        for (at, (subnet, has)) in subnets.enumerate() {
            if meets(has, tags) && cidr.is_none_or(|cidr| cidr.contains(&subnet.cidr)) {
                set(&mut subnet.options);
                said.insert((at, code));
                is_used = true;
            }
        }
        for (host, has) in self.site.hosts.iter_mut().zip(&self.host_tags) {
            if meets(has, tags) && cidr.is_none_or(|cidr| cidr.contains(&host.ip)) {
                set(&mut host.options);
                is_used = true;
            }
        }
        if !is_used {
            self.note(directive, "no machine with a reservation has its tags");
        }
    }

    /// Where nothing else is said, dnsmasq names itself as the router and the DNS server.
    fn own_addresses(&mut self, said: &BTreeSet<(usize, u8)>) {
        for (at, subnet) in self.site.subnets.iter().enumerate() {
            let missing = [(code::ROUTER, "router"), (code::DNS, "DNS server")];
            let missing: Vec<_> = missing
                .into_iter()
                .filter(|(code, _)| !said.contains(&(at, *code)))
                .map(|(_, name)| name)
                .collect();
            if !missing.is_empty() {
                let what = format!("{} of subnet {}", missing.join(" and "), subnet.cidr);
                let why = "none is given: dnsmasq names itself, and netboot nobody";
                self.site.notes.add(&subnet.place, what, why);
            }
        }
    }

    /// Machines that no rule is for, where there are rules.
    fn nothing_to_boot(&mut self, boots: &[(&Directive, TaggedBoot)]) {
        let fixed = |boot: &TaggedBoot| -> Vec<Tag> {
            boot.tags.iter().filter(|tag| !self.requests.has(&tag.name)).cloned().collect()
        };
        let rules: Vec<_> = boots.iter().map(|(_, boot)| fixed(boot)).collect();
        for (host, has) in self.site.hosts.iter_mut().zip(&self.host_tags) {
            let boots = rules.is_empty()
                || rules.iter().any(|tags| meets(has, tags))
                || host.options.get(code::BOOT_FILE).is_some();
            host.netboot = boots;
        }
    }

    /// A boot file, for the requests, the networks or the machines that have its tags.
    fn boot(&mut self, directive: &Directive, boot: TaggedBoot) {
        let (asked, fixed): (Vec<_>, Vec<_>) =
            boot.tags.into_iter().partition(|tag| self.requests.has(&tag.name));
        let scopes = self.scopes(&fixed);
        if scopes.is_empty() {
            return self.note(directive, "no machine with a reservation has its tags");
        }
        if let Some(name) = boot.server {
            match server(&name) {
                Some(ip) => {
                    let servers = scopes.iter().map(|scope| (*scope, ip, directive.place.clone()));
                    self.site.servers.extend(servers);
                }
                None if name != "0.0.0.0" => {
                    let why = "a boot server has an address here: netboot's own";
                    self.site.notes.add(&directive.place, format!("boot server {name:?}"), why);
                }
                None => {}
            }
        }
        if boot.file.is_empty() {
            return;
        }
        for way in self.requests.ways(&asked).map(|ways| ways.0).unwrap_or_default() {
            let tests: Vec<Test> = way.into_iter().chain(boot.test.clone()).collect();
            let rules = scopes.iter().map(|scope| Rule {
                place: directive.place.clone(),
                scope: *scope,
                tests: tests.clone(),
                file: boot.file.clone(),
            });
            self.site.rules.extend(rules);
        }
    }

    /// Whom the tags of networks and machines mean.
    fn scopes(&self, tags: &[Tag]) -> Vec<Scope> {
        let met = |of: &[BTreeSet<String>]| -> Vec<usize> {
            let met = of.iter().enumerate().filter(|(_, has)| meets(has, tags));
            met.map(|(at, _)| at).collect()
        };
        let (subnets, hosts) = (met(&self.subnet_tags), met(&self.host_tags));
        if tags.is_empty()
            || (subnets.len() == self.subnet_tags.len() && hosts.len() == self.host_tags.len())
        {
            return vec![Scope::All];
        }
        let in_subnets = |at: &usize| {
            let ip = self.site.hosts.get(*at).map(|host| host.ip);
            ip.and_then(|ip| self.site.subnet_of(ip))
                .is_some_and(|subnet| subnets.contains(&subnet))
        };
        let hosts = hosts.into_iter().filter(|at| !in_subnets(at)).map(Scope::Host);
        subnets.iter().copied().map(Scope::Subnet).chain(hosts).collect()
    }
}
