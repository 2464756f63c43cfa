//! The reader that makes networks, machines, options and rules of dhcpd's statements.

use std::{collections::BTreeMap, net::Ipv4Addr, ops::Range};

use netboot_ebpf::wire::code;

use super::{
    super::{
        boot::Rule,
        condition::Ways,
        note::NotePlace,
        options::{NEXT_SERVER, Options, note_parts, of_requests},
        scope::Scope,
        site::{FoundHost, FoundSite},
    },
    condition::condition,
    declaration::{self, DeclaredHost},
    lexer::{PlacedToken, Token},
    names::{Named, Names, value},
    statements::Statement,
};

/// What concerns no machine's boot, or is so here anyway.
const SILENT: &[&str] = &[
    "authoritative",
    "log-facility",
    "echo-client-id",
    "ddns-update-style",
    "ddns-updates",
    "local-port",
    "omapi-port",
    "key",
    "omapi-key",
    "one-lease-per-client",
    "vendor-option-space",
    "match",
    "hardware",
    "fixed-address",
    "fixed-address6",
    "host-identifier",
    "uid",
    "dynamic",
    "break",
];

const NO_POOLS: &str =
    "netboot has no pools: machines with a reservation are answered, and no others";
const BY_REQUEST: &str = "netboot's options depend on the machine, not on what it asks";

/// Puts together what a site's statements say.
pub(super) fn read(statements: &[Statement]) -> FoundSite {
    let mut reader = DhcpdReader {
        site: FoundSite::default(),
        names: Names::default(),
        hosts: Vec::new(),
        rules: Vec::new(),
        servers: Vec::new(),
        parts: BTreeMap::new(),
    };
    let outside =
        Around { options: Options::default(), of_groups: Options::default(), uses_names: false };
    let outermost = reader.settings(statements, &outside);
    let root = Around { of_groups: Options::default(), ..outermost.clone() };
    reader.nested(statements, &root, Whom::All);
    reader.finish(&root.options)
}

/// What holds in a block by itself and by those around it.
#[derive(Clone)]
struct Around {
    options: Options,
    /// Of groups and machines: they go before a network's.
    of_groups: Options,
    /// A machine's declaration is its name.
    uses_names: bool,
}

/// Whom a block is about: numbers of subnets or machines.
#[derive(Clone, Debug)]
enum Whom {
    All,
    Subnets(Range<usize>),
    Hosts(Range<usize>),
}

struct DhcpdReader {
    site: FoundSite,
    names: Names,
    /// With their own options and their groups', before those of their networks.
    hosts: Vec<FoundHost>,
    rules: Vec<(Whom, Rule)>,
    servers: Vec<(Whom, Ipv4Addr, NotePlace)>,
    /// Options that are made of parts.
    parts: BTreeMap<u8, (BTreeMap<u8, Vec<u8>>, NotePlace)>,
}

impl DhcpdReader {
    fn note(&mut self, statement: &Statement, why: impl Into<String>) {
        self.site.notes.add(&statement.place, statement.shown(), why);
    }

    /// A block's own settings, with those around it.
    fn settings(&mut self, body: &[Statement], around: &Around) -> Around {
        let mut inner = around.clone();
        for statement in body.iter().filter(|statement| statement.body.is_none()) {
            if statement.keyword() == "use-host-decl-names" {
                inner.uses_names = is_on(statement);
                continue;
            }
            if let Some((code, value)) = self.setting(statement) {
                inner.options.set(code, value.clone(), &statement.place);
                inner.of_groups.set(code, value, &statement.place);
            }
        }
        inner
    }

    /// What a statement sets; where it sets nothing, that is noted.
    fn setting(&mut self, statement: &Statement) -> Option<(u8, Vec<u8>)> {
        let rest = statement.rest();
        let found = match statement.keyword() {
            "option" if self.names.define(statement) => return None,
            "option" => self.option(statement, rest),
            "filename" => match rest {
                [PlacedToken { token: Token::Text(name), .. }] => {
                    Ok(Some((code::BOOT_FILE, name.clone())))
                }
                _ => Err("netboot has no expressions".to_owned()),
            },
            "next-server" => {
                match rest.first().and_then(PlacedToken::word).map(str::parse::<std::net::Ipv4Addr>)
                {
                    Some(Ok(address)) => Ok(Some((NEXT_SERVER, address.octets().to_vec()))),
                    _ => Err("a boot server has an address here: netboot's own".to_owned()),
                }
            }
            "default-lease-time" => {
                match rest.first().and_then(PlacedToken::word).map(str::parse::<u32>) {
                    Some(Ok(seconds)) => {
                        Ok(Some((code::LEASE_TIME, seconds.to_be_bytes().to_vec())))
                    }
                    _ => Err("it is no number of seconds".to_owned()),
                }
            }
            "max-lease-time" | "min-lease-time" => {
                Err("every machine gets its subnet's lease time".to_owned())
            }
            "range" => Err(NO_POOLS.to_owned()),
            "deny" | "ignore" if statement.words().ends_with(&["unknown-clients"]) => Ok(None),
            "allow" if matches!(statement.words()[..], [_, "booting" | "bootp"]) => Ok(None),
            "deny" | "ignore" if statement.words().ends_with(&["bootp"]) => Ok(None),
            "deny" | "ignore" if statement.words().ends_with(&["booting"]) => {
                Err("netboot answers all machines with a reservation".to_owned())
            }
            "allow" | "deny" | "ignore" => {
                Err("machines with a reservation are answered, and no others".to_owned())
            }
            "server-identifier" => Err("name it as dhcp.server-address".to_owned()),
            "server-name" => Err("netboot sends no server name".to_owned()),
            "use-host-decl-names" => Ok(None),
            word if SILENT.contains(&word) => Ok(None),
            word if word.starts_with("ddns-") || word == "update-static-leases" => {
                Err("netboot updates no DNS".to_owned())
            }
            _ => Err("netboot has nothing like it".to_owned()),
        };
        found.unwrap_or_else(|why| {
            self.note(statement, why);
            None
        })
    }

    fn option(
        &mut self,
        statement: &Statement,
        rest: &[PlacedToken],
    ) -> Result<Option<(u8, Vec<u8>)>, String> {
        let Some(name) = rest.first().and_then(PlacedToken::word) else {
            return Err("it has no name".to_owned());
        };
        let tokens = rest.get(1..).unwrap_or_default();
        match self.names.find(name) {
            // What is sent to those that do not ask for it: netboot sends all.
            Some(Named::Option(code::PARAMETER_LIST, _)) => Ok(None),
            None => Err(format!("{name:?} is an unknown option")),
            Some(Named::Option(code, form)) => Ok(Some((code, value(form, tokens)?))),
            Some(Named::Part { outer, code, form }) => {
                let value = value(form, tokens)?;
                let part =
                    [&[code, u8::try_from(value.len()).unwrap_or(u8::MAX)], &value[..]].concat();
                let (parts, _) = self
                    .parts
                    .entry(outer)
                    .or_insert_with(|| (BTreeMap::new(), statement.place.clone()));
                parts.insert(code, part);
                Ok(None)
            }
        }
    }

    /// The blocks in a block, then what it says of what machines ask.
    fn nested(&mut self, body: &[Statement], around: &Around, whom: Whom) {
        let (subnets, hosts) = (self.site.subnets.len(), self.hosts.len());
        for statement in body {
            let Some(inner) = &statement.body else { continue };
            match statement.keyword() {
                "subnet" => self.subnet(statement, inner, around),
                "shared-network" | "group" => {
                    let is_network = statement.keyword() == "shared-network";
                    let mut inside = self.settings(inner, around);
                    if is_network {
                        inside.of_groups = around.of_groups.clone();
                    }
                    let first = self.site.subnets.len();
                    self.nested(
                        inner,
                        &inside,
                        if is_network { Whom::Subnets(0..0) } else { Whom::Hosts(0..0) },
                    );
                    if is_network && self.site.subnets.len() > first + 1 {
                        let why = "its subnets are taken over: set dhcp.shared-networks if machines ask from \
                                   another of them";
                        self.note(statement, why);
                    }
                }
                "pool" => self.pool(inner, &whom),
                "host" => self.host(statement, inner, around),
                "if" | "elsif" | "elseif" | "else" | "class" => {}
                "subnet6" | "shared-network6" => self.note(statement, "netboot has no IPv6"),
                word if SILENT.contains(&word) => {}
                _ => self.note(statement, "netboot has nothing like it"),
            }
        }
        // Now it is known whom the block is about.
        let whom = match whom {
            Whom::Subnets(known) if known.is_empty() => {
                Whom::Subnets(subnets..self.site.subnets.len())
            }
            Whom::Hosts(known) if known.is_empty() => Whom::Hosts(hosts..self.hosts.len()),
            whom => whom,
        };
        self.asked(body, &Ways::always(), &whom);
    }

    fn subnet(&mut self, statement: &Statement, body: &[Statement], around: &Around) {
        let mut inside = self.settings(body, around);
        inside.of_groups = around.of_groups.clone();
        match declaration::subnet(statement, inside.options.clone()) {
            Ok(subnet) => self.site.subnets.push(subnet),
            Err(why) => return self.note(statement, why),
        }
        let at = self.site.subnets.len() - 1;
        self.nested(body, &inside, Whom::Subnets(at..at + 1));
    }

    fn pool(&mut self, body: &[Statement], whom: &Whom) {
        let (boot, rest): (Vec<_>, Vec<_>) = body.iter().partition(|statement| {
            statement.body.is_some() || matches!(statement.keyword(), "filename" | "next-server")
        });
        for statement in rest {
            self.note(statement, NO_POOLS);
        }
        let boot: Vec<_> = boot.into_iter().cloned().collect();
        self.conditional(&boot, &Ways::always(), whom);
    }

    fn host(&mut self, statement: &Statement, body: &[Statement], around: &Around) {
        // That a machine is not answered is read with the rest of what it is.
        let settings = body.iter().filter(|inner| !inner.words().ends_with(&["booting"]));
        let inside = self.settings(&settings.cloned().collect::<Vec<_>>(), around);
        let found = declaration::host(statement, body);
        for (place, what, why) in found.left_out {
            self.site.notes.add(&place, what, why);
        }
        let DeclaredHost { name, mac: Some(mac), ip: Some(ip), is_refused: false, .. } = found.host
        else {
            return;
        };
        let hostname = inside
            .of_groups
            .get(code::HOSTNAME)
            .is_none()
            .then_some(name)
            .filter(|_| inside.uses_names);
        let place = statement.place.clone();
        self.hosts.push(FoundHost {
            place,
            mac,
            ip,
            hostname,
            options: inside.of_groups,
            netboot: true,
        });
        let at = self.hosts.len() - 1;
        self.asked(body, &Ways::always(), &Whom::Hosts(at..at + 1));
    }

    /// `if`, `elsif`, `else` and classes.
    fn asked(&mut self, body: &[Statement], ways: &Ways, whom: &Whom) {
        let mut otherwise = Ways::always();
        for statement in body {
            let Some(inner) = &statement.body else { continue };
            let rest = statement.rest();
            let (is_first, asked) = match statement.keyword() {
                "if" => (true, Some(rest)),
                "elsif" | "elseif" => (false, Some(rest)),
                "else" if rest.first().and_then(PlacedToken::word) == Some("if") => {
                    (false, rest.get(1..))
                }
                "else" => (false, None),
                "class" => {
                    self.class(statement, inner, ways, whom);
                    continue;
                }
                _ => continue,
            };
            if is_first {
                otherwise = Ways::always();
            }
            let mut inside = ways.and(&otherwise);
            if let Some(tokens) = asked {
                let asked = condition(tokens, &self.names);
                inside = inside.and(&asked);
                otherwise = otherwise.and(&asked.not());
            }
            self.conditional(inner, &inside, whom);
        }
    }

    fn class(&mut self, statement: &Statement, body: &[Statement], ways: &Ways, whom: &Whom) {
        let matches = body.iter().find(|inner| inner.words().starts_with(&["match", "if"]));
        let Some(matches) = matches else {
            return self.note(statement, "netboot knows machines by MAC, and has no classes");
        };
        let asked = condition(matches.head.get(2..).unwrap_or_default(), &self.names);
        self.conditional(body, &ways.and(&asked), whom);
    }

    /// A block for requests of a kind.
    fn conditional(&mut self, body: &[Statement], ways: &Ways, whom: &Whom) {
        for statement in body.iter().filter(|statement| statement.body.is_none()) {
            if !matches!(statement.keyword(), "option" | "filename" | "next-server") {
                if ways != &Ways::always() && !SILENT.contains(&statement.keyword()) {
                    self.note(statement, BY_REQUEST);
                }
                continue;
            }
            let place = &statement.place;
            match self.setting(statement) {
                Some((code::BOOT_FILE, name)) => {
                    let file = String::from_utf8_lossy(&name).into_owned();
                    // A wish for nothing.
                    if file.is_empty() {
                        continue;
                    }
                    for tests in &ways.0 {
                        let (place, file, tests) = (place.clone(), file.clone(), tests.clone());
                        self.rules
                            .push((whom.clone(), Rule { place, scope: Scope::All, tests, file }));
                    }
                }
                Some((NEXT_SERVER, value)) => {
                    if let Ok(octets) = <[u8; 4]>::try_from(value) {
                        self.servers.push((whom.clone(), octets.into(), place.clone()));
                    }
                }
                Some((code, value)) if of_requests(code, &value) => {}
                Some(_) => self.note(statement, BY_REQUEST),
                None => {}
            }
        }
        self.asked(body, ways, whom);
    }

    fn finish(mut self, root: &Options) -> FoundSite {
        for (code, (parts, place)) in std::mem::take(&mut self.parts) {
            let value = parts.into_values().collect::<Vec<_>>().concat();
            note_parts(code, &value, &place, &mut self.site.notes);
        }
        for mut host in std::mem::take(&mut self.hosts) {
            let subnet = self.site.subnet_of(host.ip).and_then(|at| self.site.subnets.get(at));
            host.options = host.options.within(subnet.map_or(root, |subnet| &subnet.options));
            self.site.hosts.push(host);
        }
        let (subnets, hosts) = (self.site.subnets.len(), self.site.hosts.len());
        self.nothing_to_boot();
        // A group that tells architectures apart says what is booted in a network, and not what a machine does.
        let of_architectures = self.rules.iter().filter(|(_, rule)| rule.is_for_architectures());
        let general: Vec<_> = of_architectures
            .filter_map(|(whom, _)| match whom {
                Whom::Hosts(range) => Some(range.clone()),
                _ => None,
            })
            .collect();
        let scopes = |whom: Whom| match whom {
            Whom::All => vec![Scope::All],
            Whom::Subnets(range) if range == (0..subnets) => vec![Scope::All],
            Whom::Hosts(range) if range == (0..hosts) && hosts > 1 => vec![Scope::All],
            Whom::Subnets(range) => range.map(Scope::Subnet).collect(),
            Whom::Hosts(range) => range.map(Scope::Host).collect(),
        };
        for (whom, address, place) in std::mem::take(&mut self.servers) {
            let scopes = match whom {
                Whom::Hosts(range) => self.subnets_of(range),
                other => scopes(other),
            };
            let servers = scopes.into_iter().map(|scope| (scope, address, place.clone()));
            self.site.servers.extend(servers);
        }
        for (whom, rule) in std::mem::take(&mut self.rules) {
            let scopes = match whom {
                Whom::Hosts(range) if general.contains(&range) && !rule.is_for_a_class() => {
                    self.subnets_of(range)
                }
                other => scopes(other),
            };
            self.site.rules.extend(scopes.into_iter().map(|scope| Rule { scope, ..rule.clone() }));
        }
        self.site
    }
}

impl DhcpdReader {
    /// Machines that no rule is for, where there are rules.
    fn nothing_to_boot(&mut self) {
        let FoundSite { hosts, subnets, .. } = &mut self.site;
        for (at, host) in hosts.iter_mut().enumerate() {
            let subnet = subnets.iter().position(|subnet| subnet.cidr.contains(&host.ip));
            let is_for = |whom: &Whom| match whom {
                Whom::All => true,
                Whom::Subnets(range) => subnet.is_some_and(|subnet| range.contains(&subnet)),
                Whom::Hosts(range) => range.contains(&at),
            };
            let boots = self.rules.iter().any(|(whom, _)| is_for(whom))
                || host.options.get(code::BOOT_FILE).is_some();
            host.netboot = boots || self.rules.is_empty();
        }
    }

    /// A machine has no files by architecture: its subnet has.
    fn subnets_of(&self, hosts: Range<usize>) -> Vec<Scope> {
        let hosts = self.site.hosts.get(hosts).unwrap_or_default();
        let mut subnets: Vec<_> =
            hosts.iter().filter_map(|host| self.site.subnet_of(host.ip)).collect();
        subnets.sort_unstable();
        subnets.dedup();
        subnets.into_iter().map(Scope::Subnet).collect()
    }
}

fn is_on(statement: &Statement) -> bool {
    matches!(statement.words().get(1), Some(&("on" | "true")))
}
