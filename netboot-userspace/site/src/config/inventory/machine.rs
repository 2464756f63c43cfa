//! Machines of Tinkerbell's YAML, and the hosts that they become.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
    thread,
};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;
use toml::{Spanned, de::DeValue};

use super::{
    hardware, mac_keyed,
    yaml::{Record, read_records, split},
};
use crate::{
    config::{
        host::DraftHost,
        problem::{Keep, Place, Placed, Report},
        read::Draft,
        section::Section,
        source_text::SourceText,
        subnet::{SubnetPlace, cidr},
        value::{address, text},
    },
    model::{Host, Located, Settings, Subnet},
};

/// A machine as its record has it.
pub(super) struct MachineRecord {
    pub(super) place: Place,
    pub(super) mac: Option<Placed<Mac>>,
    pub(super) ip: Option<Placed<Ipv4Addr>>,
    /// The length of the prefix.
    pub(super) netmask: Option<Placed<u8>>,
    pub(super) boot_file: Option<Placed<String>>,
    /// All but the above.
    pub(super) rest: Host,
}

/// Reads machines into hosts.
pub(super) struct Machines<'r> {
    pub(super) config: &'r Settings,
    pub(super) report: &'r Report,
    located: &'r Located<'r>,
    hosts: Vec<DraftHost>,
    /// Where those of the record being read begin.
    record: usize,
    /// Networks of machines that are in no subnet, and where each is named first.
    networks: HashMap<Ipv4Net, Place>,
    /// What the machine being read is called.
    name: String,
    /// Unknown fields that were warned of.
    unknown: HashSet<String>,
    /// A record was of a machine, right or wrong.
    pub(super) is_any: bool,
}

/// The hosts of a file of Tinkerbell's YAML. Machines in no subnet make theirs. What is wrong with a record is left out, the
/// field or the machine, and is a warning: other machines are served.
pub(crate) fn read(
    source: &SourceText,
    draft: &mut Draft,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let config = &draft.config;
    let located = Located::new(&config.subnets);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let keep = report.keep();
    let parts: Vec<_> = thread::scope(|scope| {
        let located = &located;
        let read = |part| scope.spawn(move || read_part(source, part, config, located, keep));
        let threads: Vec<_> = split(source, cores).into_iter().map(read).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut hosts = Vec::new();
    let mut networks = HashMap::new();
    let (records, mut is_any) = (Report::new(keep), false);
    for part in parts {
        let Ok(FilePart {
            hosts: found,
            networks: part_networks,
            report: part_report,
            of_records,
            is_any: any,
        }) = part
        else {
            report.error(&source.whole(), "cannot be read: the reader failed");
            return None;
        };
        report.absorb(part_report);
        records.absorb(of_records);
        is_any |= any;
        hosts.extend(found);
        for (cidr, place) in part_networks {
            networks.entry(cidr).or_insert(place);
        }
    }
    let mut networks: Vec<_> = networks.into_iter().collect();
    networks.sort_by_key(|(_, place)| place.line);
    let mut made: Vec<Ipv4Net> = Vec::new();
    for (cidr, place) in networks {
        let overlaps = |other: &Ipv4Net| other.contains(&cidr) || cidr.contains(other);
        let before = draft.config.subnets.iter().map(|subnet| subnet.cidr);
        if let Some(other) = before.chain(made.iter().copied()).find(|other| overlaps(other)) {
            records.error(&place, format!("{cidr} overlaps {other}"));
            continue;
        }
        made.push(cidr);
        draft.config.subnets.push(Subnet::new(cidr));
        draft.subnets.push(SubnetPlace { section: place.clone(), cidr: place });
    }
    // A file of another kind is an error as a whole.
    if is_any {
        report.absorb_left_out(records)
    } else {
        report.absorb(records)
    }
    Some(hosts)
}

/// What a part of a file has.
struct FilePart {
    hosts: Vec<DraftHost>,
    networks: HashMap<Ipv4Net, Place>,
    /// Of the file's form.
    report: Report,
    of_records: Report,
    is_any: bool,
}

fn read_part(
    source: &SourceText,
    part: (usize, &str),
    config: &Settings,
    located: &Located<'_>,
    keep: Keep,
) -> FilePart {
    let (report, of_records) = (Report::new(keep), Report::new(keep));
    let mut machines = Machines {
        config,
        report: &of_records,
        located,
        hosts: Vec::new(),
        record: 0,
        networks: HashMap::new(),
        name: String::new(),
        unknown: HashSet::new(),
        is_any: false,
    };
    read_records(source, part, &report, &of_records, &mut |record| match record {
        Record::Object(place, table) => {
            let name = table.get("metadata").and_then(|metadata| metadata.get_ref().get("name"));
            let name = name.and_then(|name| name.get_ref().as_str()).unwrap_or_default();
            name.clone_into(&mut machines.name);
            machines.record = machines.hosts.len();
            let place = Place { field: name.to_owned(), ..place };
            hardware::read(Section::of(source, &table, place, &of_records), &mut machines);
        }
        Record::Machine { place, mac, table } => {
            mac.as_ref().clone_into(&mut machines.name);
            machines.record = machines.hosts.len();
            let section =
                Section::of(source, &table, Place { field: mac.to_string(), ..place }, &of_records);
            machines.is_any = true;
            mac_keyed::read(&mac, section, &mut machines);
        }
    });
    let Machines { hosts, networks, is_any, .. } = machines;
    FilePart { hosts, networks, report, of_records, is_any }
}

impl Machines<'_> {
    /// Adds the machine as a host of its subnet.
    pub(super) fn add(&mut self, mut machine: MachineRecord) {
        if let Some(ip) = &machine.ip {
            let subnet = self.located.subnet(ip.value);
            let rest = &mut machine.rest;
            let mut lease = self.config.dhcp.lease_time;
            if let Some(subnet) = subnet {
                lease = subnet.lease_time.unwrap_or(lease);
                rest.network = std::mem::take(&mut *rest.network).beside(subnet).into();
            }
            rest.lease_time = rest.lease_time.filter(|own| *own != lease);
            if let Some(netmask) = &machine.netmask {
                self.network(ip.value, netmask, subnet);
            }
        }
        let MachineRecord { place, mac, ip, boot_file, rest, .. } = machine;
        if mac.is_none() || ip.is_none() {
            let message = "the machine is left out: it has no MAC or address that can be served";
            self.report.warn(&place, message);
            return;
        }
        let mut host = DraftHost::new(place, mac, ip, boot_file, rest);
        host.may_be_left_out = true;
        let mut others = self.hosts.iter_mut().skip(self.record);
        match others.find(|known| known.is_same_machine(&host)) {
            Some(known) => known.macs.append(&mut host.macs),
            None => self.hosts.push(host),
        }
    }

    /// The machine's network is its subnet, or makes one.
    fn network(&mut self, ip: Ipv4Addr, netmask: &Placed<u8>, subnet: Option<&Subnet>) {
        let Ok(network) = Ipv4Net::new(ip, netmask.value) else { return };
        let network = network.trunc();
        match subnet {
            Some(subnet) if subnet.cidr == network => {}
            Some(subnet) => {
                let message = format!(
                    "{} is not the netmask of {}, the subnet that {ip} lies in, which has {}",
                    network.netmask(),
                    subnet.cidr,
                    subnet.cidr.netmask()
                );
                self.report.error(&netmask.place, message);
            }
            None if self.networks.contains_key(&network) => {}
            None => match cidr(&DeValue::String(network.to_string().into())) {
                Ok(network) => drop(self.networks.insert(network, netmask.place.clone())),
                Err(message) => self.report.error(&netmask.place, message),
            },
        }
    }

    /// A machine is not booted where errors were found since there were so many: of what it boots nothing is left out, or
    /// it would boot another thing.
    pub(super) fn boots_only_what_is_right(
        &self,
        before: usize,
        place: &Place,
        netboot: &mut bool,
    ) {
        if *netboot && self.report.errors() > before {
            *netboot = false;
            self.report.warn(place, "the machine is not booted: what it boots is wrong");
        }
    }

    /// Warns of the section's unknown fields, of each once.
    pub(super) fn finish(&mut self, section: Section<'_>) {
        for (name, place) in section.unknown() {
            let path = place.field.strip_prefix(&self.name).unwrap_or(&place.field);
            if self.unknown.insert(path.to_owned()) {
                let message = format!("unknown field {name:?}: left out, wherever it stands");
                self.report.quoting_warning(&place, message, "unknown field: left out");
            }
        }
    }

    /// The IPv4 addresses of a list. Of others, those that may stand there are left out.
    pub(super) fn addresses(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
        others: BesideAddresses,
    ) -> Option<Vec<Ipv4Addr>> {
        let report = self.report;
        let before = report.errors();
        let values = section.list(key, |value| match address(value) {
            Ok(address) => Ok(Ok(address)),
            Err(message) => {
                let text = text(value)?;
                let is_other = text.parse::<IpAddr>().is_ok()
                    || (others == BesideAddresses::NamesAndIpv6
                        && crate::config::value::hostname(value).is_ok()
                        && text.contains(|c: char| c.is_ascii_alphabetic()));
                if is_other { Ok(Err(text)) } else { Err(message) }
            }
        })?;
        let kept = values.into_iter().filter_map(|Placed { value, place }| {
            value
                .inspect_err(|other| {
                    report.warn(&place, format!("{other:?} is left out: no IPv4 address"));
                })
                .ok()
        });
        self.unless_all_wrong(before, kept.collect())
    }

    /// A list, of which elements may have been left out since there were so many errors: where none is right, it is as if
    /// there were none at all.
    pub(super) fn unless_all_wrong<T>(&self, before: usize, list: Vec<T>) -> Option<Vec<T>> {
        (!list.is_empty() || self.report.errors() == before).then_some(list)
    }
}

/// What a list of addresses may have beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BesideAddresses {
    Ipv6,
    NamesAndIpv6,
}

/// Whether a value is an IPv6 address.
pub(super) fn is_ipv6(value: Option<&Spanned<DeValue<'_>>>) -> bool {
    let text = value.and_then(|value| value.get_ref().as_str());
    text.is_some_and(|text| matches!(text.parse(), Ok(IpAddr::V6(_))))
}
