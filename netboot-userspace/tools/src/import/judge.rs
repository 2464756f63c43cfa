//! The judgement of what was read by our own rules: what they refuse is left out, and said.

use std::path::Path;

use netboot_base::sparse::Sparse;
use netboot_ebpf::shared::Mac;
use netboot_site::{
    config::{self, Fragment, Problem, Problems},
    model::{self, DhcpOption, Host, NetworkOverrides},
};

use super::{note::Notes, site::PlacedFragment};

/// Each turn leaves something out. What is wrong is seen in one or two turns, seldom in more.
const TURNS: usize = 24;

/// Leaves out what our configuration does not take.
pub(super) fn judge(placed: &mut PlacedFragment, notes: &mut Notes) -> Result<(), Problems> {
    for _ in 0..TURNS {
        let problems = config::judge(&whole(&placed.fragment)?);
        if problems.is_empty() {
            return Ok(());
        }
        let mut hosts = Vec::new();
        let mut subnets = Vec::new();
        let mut before = None;
        // From the end: what is taken out of a list does not move what is judged later.
        for problem in problems.kept().iter().rev() {
            let part = ProblemSubject::of(&problem.field);
            // The problem's line in what was written for the judgement tells nobody anything.
            let why = problem.message.split(" (imported.toml").next().unwrap_or_default();
            if before.replace(part) == Some(part) {
                continue;
            }
            match part {
                ProblemSubject::Host(at, key, inner) => {
                    let place = placed.hosts.get(at).cloned();
                    let host = placed.fragment.hosts.get_mut(at);
                    let (Some(place), Some(host)) = (place, host) else {
                        return Err(unknown(problem));
                    };
                    let name = format!("host {} {}", host.mac, host.ip);
                    let what = match key {
                        "mac" => without_mac(host, inner).map(|mac| format!("MAC {mac} of {name}")),
                        "hostname" => {
                            host.hostname.take().map(|value| format!("name {value:?} of {name}"))
                        }
                        "boot-file" => host
                            .boot_file
                            .take()
                            .map(|value| format!("boot file {value:?} of {name}")),
                        "script-url" => host
                            .script_url
                            .take()
                            .map(|value| format!("script {value:?} of {name}")),
                        "lease-time" => {
                            host.lease_time.take().map(|_| format!("lease time of {name}"))
                        }
                        "options" if inner < host.options.len() => {
                            Some(format!("option {} of {name}", host.options.remove(inner).code))
                        }
                        _ => overridden(&mut host.network, key)
                            .then(|| format!("{key} of {name}"))
                            .or_else(|| longest(&mut host.options, &name)),
                    };
                    if what.is_none() {
                        hosts.push(at);
                    }
                    notes.add(&place, what.unwrap_or(name), why);
                }
                ProblemSubject::Subnet(at, key, inner) => {
                    let place = placed.subnets.get(at).cloned();
                    let subnet = placed.fragment.subnets.get_mut(at);
                    let (Some(place), Some(subnet)) = (place, subnet) else {
                        return Err(unknown(problem));
                    };
                    let name = format!("subnet {}", subnet.cidr);
                    let what = match key {
                        "options" if inner < subnet.options.len() => {
                            Some(format!("option {} of {name}", subnet.options.remove(inner).code))
                        }
                        _ => cleared(subnet, key, &problem.field)
                            .then(|| format!("{key} of {name}"))
                            .or_else(|| longest(&mut subnet.options, &name)),
                    };
                    if what.is_none() {
                        subnets.push(at);
                    }
                    notes.add(&place, what.unwrap_or(name), why);
                }
                ProblemSubject::Common => {
                    let fragment = &mut placed.fragment;
                    if !common(fragment, &problem.field) {
                        return Err(unknown(problem));
                    }
                    let Some(place) = placed.subnets.first().or(placed.hosts.first()) else {
                        continue;
                    };
                    let place = super::note::NotePlace { line: 1, ..place.clone() };
                    notes.add(&place, problem.field.clone(), why);
                }
            }
        }
        leave_out(&mut placed.fragment.hosts, &mut placed.hosts, hosts);
        leave_out(&mut placed.fragment.subnets, &mut placed.subnets, subnets);
    }
    let problems = config::judge(&whole(&placed.fragment)?);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A configuration that the fragment is all of.
fn whole(fragment: &Fragment) -> Result<String, Problems> {
    let text = fragment.to_toml().map_err(|error| {
        let message = format!("{error:#}");
        Problems::from(Problem::new(Path::new(""), None, message))
    })?;
    if !fragment.subnets.is_empty() {
        return Ok(text);
    }
    // The inventory's subnets are elsewhere: its addresses may lie in any subnet.
    const PROXY: &str = "[dhcp]\nmode = \"proxy\"\n";
    match text.strip_prefix("[dhcp]\n") {
        Some(rest) => Ok(format!("{PROXY}{rest}")),
        None => Ok(format!("{PROXY}{text}")),
    }
}

fn unknown(problem: &Problem) -> Problems {
    let mut problem = problem.clone();
    problem.message = format!("what was read is no configuration: {}", problem.message);
    problem.into()
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemSubject<'p> {
    /// The host's number, the key, and the number in the key's list.
    Host(usize, &'p str, usize),
    Subnet(usize, &'p str, usize),
    Common,
}

impl<'p> ProblemSubject<'p> {
    /// `host[3].options[1].code`
    fn of(field: &'p str) -> Self {
        let parse = |list: &str| -> Option<(usize, &'p str, usize)> {
            let (at, rest) = field.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
            let key = rest.trim_start_matches('.').split('.').next().unwrap_or_default();
            let (key, inner) = key.split_once('[').unwrap_or((key, ""));
            Some((at.parse().ok()?, key, inner.trim_end_matches(']').parse().unwrap_or_default()))
        };
        if let Some((at, key, inner)) = parse("host") {
            return Self::Host(at, key, inner);
        }
        match parse("subnet") {
            Some((at, key, inner)) => Self::Subnet(at, key, inner),
            None => Self::Common,
        }
    }
}

/// Takes out the longest option: together they may be too long.
fn longest(options: &mut Vec<DhcpOption>, of: &str) -> Option<String> {
    let (at, _) = options.iter().enumerate().max_by_key(|(_, option)| option.value.len())?;
    Some(format!("option {} of {of}", options.remove(at).code))
}

/// Takes out one MAC of several.
fn without_mac(host: &mut Host, at: usize) -> Option<Mac> {
    let mut nics = host.nics.to_vec();
    let taken = (nics.len() > 1 && at < nics.len()).then(|| nics.remove(at))?;
    host.mac = nics.first().copied().unwrap_or(host.mac);
    host.nics = if nics.len() > 1 { nics.into() } else { Sparse::default() };
    Some(taken)
}

fn overridden(network: &mut NetworkOverrides, key: &str) -> bool {
    match key {
        "routers" => network.routers.take().is_some(),
        "dns" => network.dns.take().is_some(),
        "ntp" => network.ntp.take().is_some(),
        "domain" => network.domain.take().is_some(),
        "search" => network.search.take().is_some(),
        "routes" => network.routes.take().is_some(),
        "mtu" => network.mtu.take().is_some(),
        _ => false,
    }
}

fn cleared(subnet: &mut model::Subnet, key: &str, field: &str) -> bool {
    match key {
        "routers" => !std::mem::take(&mut subnet.routers).is_empty(),
        "dns" => !std::mem::take(&mut subnet.dns).is_empty(),
        "ntp" => !std::mem::take(&mut subnet.ntp).is_empty(),
        "search" => !std::mem::take(&mut subnet.search).is_empty(),
        "routes" => !std::mem::take(&mut subnet.routes).is_empty(),
        "domain" => subnet.domain.take().is_some(),
        "mtu" => subnet.mtu.take().is_some(),
        "lease-time" => subnet.lease_time.take().is_some(),
        "script-url" => subnet.script_url.take().is_some(),
        "server-address" => subnet.server_address.take().is_some(),
        "boot-files" => remove_file(&mut subnet.files, field),
        _ => false,
    }
}

fn common(fragment: &mut Fragment, field: &str) -> bool {
    match field {
        "boot.script-url" => fragment.script_url.take().is_some(),
        "dhcp.server-address" => fragment.server_address.take().is_some(),
        "dhcp.lease-time" => fragment.lease_time.take().is_some(),
        _ => match field.strip_prefix("boot.script-user-classes[") {
            Some(at) => {
                let at = at.trim_end_matches(']').parse().ok();
                let at = at.filter(|at| *at < fragment.script_user_classes.len());
                at.map(|at| fragment.script_user_classes.remove(at)).is_some()
            }
            None => remove_file(&mut fragment.files, field),
        },
    }
}

fn remove_file(
    files: &mut std::collections::BTreeMap<model::Architecture, String>,
    field: &str,
) -> bool {
    let key = field.rsplit('.').next().and_then(|key| key.parse().ok());
    key.is_some_and(|key| files.remove(&key).is_some())
}

fn leave_out<T, P>(items: &mut Vec<T>, places: &mut Vec<P>, mut at: Vec<usize>) {
    at.sort_unstable();
    at.dedup();
    let stays = |number: usize| at.binary_search(&number).is_err();
    let mut number = 0..;
    items.retain(|_| number.next().is_none_or(stays));
    let mut number = 0..;
    places.retain(|_| number.next().is_none_or(stays));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_fields() {
        let check = |field, expect| assert_eq!(ProblemSubject::of(field), expect);
        check("host[3].ip", ProblemSubject::Host(3, "ip", 0));
        check("host[3]", ProblemSubject::Host(3, "", 0));
        check("host[3].options[12].code", ProblemSubject::Host(3, "options", 12));
        check("subnet[0].dns[1]", ProblemSubject::Subnet(0, "dns", 1));
        check("subnet[0].boot-files.x86-bios", ProblemSubject::Subnet(0, "boot-files", 0));
        check("boot.files.x86-bios", ProblemSubject::Common);
        check("host", ProblemSubject::Common);
    }
}
