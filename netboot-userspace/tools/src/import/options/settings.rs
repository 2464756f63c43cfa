//! The settings of a subnet or a host that imported options become.

use std::time::Duration;

use netboot_dhcp::{
    DhcpOption,
    option::{self, Set},
    route::{self, Route, lacks_default},
    value::{addresses, names, number, text},
};
use netboot_ebpf::wire::code;
use netboot_site::model::{Host, NetworkOverrides, Subnet};

use super::{NEXT_SERVER, Options, PlacedValue};
use crate::import::note::{NotePlace, Notes};

/// What is right only of the request or the boot that netboot answers.
const OWN: &str = "netboot sends it itself, where a machine needs it";

/// Sets what a subnet's machines are told.
pub(in crate::import) fn of_subnet(options: &Options, subnet: &mut Subnet, notes: &mut Notes) {
    let network = network(options, notes);
    subnet.routers = network.routers.unwrap_or_default();
    subnet.dns = network.dns.unwrap_or_default();
    subnet.ntp = network.ntp.unwrap_or_default();
    subnet.domain = network.domain;
    subnet.search = network.search.unwrap_or_default();
    subnet.routes = network.routes.unwrap_or_default();
    subnet.mtu = network.mtu;
    subnet.lease_time = options.get(code::LEASE_TIME).and_then(lease);
    default_route(options, options, notes);
    for (code, given) in options.iter() {
        let wrong = |what: &str| {
            addresses(&given.value).is_none_or(|ips| {
                ips != [if what == "mask" {
                    subnet.cidr.netmask()
                } else {
                    subnet.cidr.broadcast()
                }]
            })
        };
        match code {
            code::SUBNET_MASK if wrong("mask") => notes.add(
                &given.place,
                "option 1 (subnet mask)",
                format!("it is not that of {}, which is sent", subnet.cidr),
            ),
            code::BROADCAST_ADDRESS if wrong("broadcast") => notes.add(
                &given.place,
                "option 28 (broadcast address)",
                format!("it is not that of {}, which is sent", subnet.cidr),
            ),
            code::HOSTNAME => notes.add(
                &given.place,
                "option 12 (host name)",
                "a subnet's machines cannot have one name",
            ),
            _ => {}
        }
    }
    subnet.options = others(options, notes);
}

/// Sets what a host is told otherwise than its subnet's machines, whose options these are.
pub(in crate::import) fn of_host(
    options: &Options,
    of_subnet: &Options,
    host: &mut Host,
    notes: &mut Notes,
) {
    let mut own = Options::default();
    for (code, given) in options.iter() {
        if of_subnet.get(code).is_none_or(|other| other.value != given.value) {
            own.set(code, given.value.clone(), &given.place);
        }
    }
    let mut network = network(&own, notes);
    for (code, given) in of_subnet.iter().filter(|(code, _)| options.get(*code).is_none()) {
        match code {
            code::ROUTER => network.routers = Some(Vec::new()),
            code::DNS => network.dns = Some(Vec::new()),
            code::NTP => network.ntp = Some(Vec::new()),
            code::DOMAIN_SEARCH => network.search = Some(Vec::new()),
            code::CLASSLESS_ROUTES => network.routes = Some(Vec::new()),
            code::TFTP_SERVER_NAME => {}
            _ if matches!(option::set(code), Set::Follows(_)) && code != code::HOSTNAME => {}
            _ => notes.add(
                &given.place,
                format!("option {code} of the subnet, which {} does not have", host.ip),
                "a host gets all options of its subnet: give it another value",
            ),
        }
    }
    default_route(options, &own, notes);
    host.network = network.into();
    host.lease_time = own.get(code::LEASE_TIME).and_then(lease);
    if host.hostname.is_none() {
        host.hostname = own.get(code::HOSTNAME).and_then(|given| text(&given.value));
    }
    host.options = others(&own, notes);
}

fn network(options: &Options, notes: &mut Notes) -> NetworkOverrides {
    NetworkOverrides {
        routers: read(options, code::ROUTER, addresses, notes),
        dns: read(options, code::DNS, addresses, notes),
        ntp: read(options, code::NTP, addresses, notes),
        domain: read(
            options,
            code::DOMAIN_NAME,
            |bytes| text(bytes).map(|name| name.trim_end_matches('.').to_owned()),
            notes,
        ),
        search: read(options, code::DOMAIN_SEARCH, names, notes),
        routes: read(options, code::CLASSLESS_ROUTES, routes_of, notes),
        mtu: read(options, code::INTERFACE_MTU, |bytes| number(bytes)?.try_into().ok(), notes),
        next_server: None,
    }
}

/// Notes where machines have another default route than there, if routes or routers are among those that are
/// `new` here.
fn default_route(options: &Options, new: &Options, notes: &mut Notes) {
    let Some(given) = options.get(code::CLASSLESS_ROUTES) else { return };
    let new = new.get(code::CLASSLESS_ROUTES).or_else(|| new.get(code::ROUTER));
    let Some(PlacedValue { place, .. }) = new else { return };
    let routers =
        options.get(code::ROUTER).and_then(|given| addresses(&given.value)).unwrap_or_default();
    let routes = routes_of(&given.value).unwrap_or_default();
    let Some(router) = routers.first().filter(|_| lacks_default(&routes)) else { return };
    let why = "machines that ask for option 121 ignore the routers beside it (RFC 3442) and have no default route \
               there; from netboot they get this one, unless routers = []";
    notes.add(place, format!("classless routes without a default route, router {router}"), why);
}

fn read<T>(
    options: &Options,
    code: u8,
    as_setting: impl FnOnce(&[u8]) -> Option<T>,
    notes: &mut Notes,
) -> Option<T> {
    let PlacedValue { value, place } = options.get(code)?;
    let setting = as_setting(value);
    if setting.is_none() {
        notes.add(place, format!("option {code}"), "its value cannot be read as this option's");
    }
    setting
}

/// Says of an option that is made of parts that it is not taken over, unless netboot sends these.
pub(in crate::import) fn note_parts(code: u8, value: &[u8], place: &NotePlace, notes: &mut Notes) {
    if !of_requests(code, value) {
        notes.add(place, format!("parts of option {code}"), OWN);
    }
}

/// Whether netboot sends it as it is, to the requests that need it.
pub(in crate::import) fn of_requests(code: u8, value: &[u8]) -> bool {
    match code {
        code::VENDOR_OPTIONS => value == [6, 1, 8] || value == [6, 1, 8, 255],
        code::VENDOR_CLASS => value == b"PXEClient" || value == b"HTTPClient",
        code::IPXE => value == [0xb0, 1, 1],
        _ => false,
    }
}

fn lease(given: &PlacedValue) -> Option<Duration> {
    number(&given.value).map(|seconds| Duration::from_secs(seconds.into()))
}

/// Routes to networks, whatever host bits they were given with.
fn routes_of(bytes: &[u8]) -> Option<Vec<Route>> {
    let routes = route::read(bytes)?;
    Some(routes.into_iter().map(|(network, router)| (network.trunc(), router)).collect())
}

/// The options that become options by number here.
fn others(options: &Options, notes: &mut Notes) -> Vec<DhcpOption> {
    let mut kept = Vec::new();
    for (code, PlacedValue { value, place }) in options.iter() {
        match (code, option::set(code)) {
            _ if of_requests(code, value) => {}
            (code::RENEWAL_TIME | code::REBINDING_TIME, _) => {
                notes.add(place, format!("option {code}"), "netboot derives it from the lease time")
            }
            (code::CLIENT_ID, _) => notes.add(
                place,
                "option 61 (client identifier)",
                "netboot knows machines by MAC alone",
            ),
            (_, Set::Key(_) | Set::Follows(_)) => {}
            (code, Set::Own(_)) if code != code::SUBNET_SELECTION => {
                notes.add(place, format!("option {code}"), OWN);
            }
            (NEXT_SERVER | code::END, _) => notes.add(place, format!("option {code}"), OWN),
            _ if value.is_empty() => {
                notes.add(
                    place,
                    format!("option {code}"),
                    "netboot sends no option without a value",
                );
            }
            _ => kept.push(DhcpOption { code, value: value.clone() }),
        }
    }
    kept
}
