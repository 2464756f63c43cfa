//! The declarations `subnet` and `host`.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;

use super::{
    super::{
        note::NotePlace,
        options::{Options, hex},
        site::FoundSubnet,
    },
    lexer::PlacedToken,
    statements::Statement,
};

/// `subnet 10.0.0.0 netmask 255.255.255.0`
pub(super) fn subnet(statement: &Statement, options: Options) -> Result<FoundSubnet, String> {
    let wrong = "write it as \"subnet 10.0.0.0 netmask 255.255.255.0\"";
    let words = statement.words();
    let [_, network, "netmask", mask] = &words[..] else { return Err(wrong.to_owned()) };
    let network: Ipv4Addr = network.parse().map_err(|_| wrong)?;
    let mask: Ipv4Addr = mask.parse().map_err(|_| wrong)?;
    let cidr = Ipv4Net::with_netmask(network, mask).map_err(|_| format!("{mask} is no netmask"))?;
    Ok(FoundSubnet {
        place: statement.place.clone(),
        cidr: cidr.trunc(),
        relays: Vec::new(),
        options,
    })
}

/// What a `host` says of the machine itself.
#[derive(Debug, Default)]
pub(super) struct DeclaredHost {
    pub(super) name: String,
    pub(super) mac: Option<Mac>,
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) is_refused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) host: DeclaredHost,
    /// Where, what and why.
    pub(super) left_out: Vec<(NotePlace, String, String)>,
}

pub(super) fn host(statement: &Statement, body: &[Statement]) -> Declared {
    let name = statement.rest().first().map(|token| token.shown().trim_matches('"').to_owned());
    let mut found = Declared::default();
    found.host.name = name.unwrap_or_default();
    let mut has_addresses = false;
    for inner in body {
        let mut leave_out = |why: &str| {
            found.left_out.push((inner.place.clone(), inner.shown(), why.to_owned()));
        };
        let words = inner.words();
        match &words[..] {
            ["hardware", "ethernet", mac] => match mac_of(mac) {
                Some(mac) => found.host.mac = Some(mac),
                None => leave_out("it is no MAC address"),
            },
            ["hardware", ..] => leave_out("netboot knows machines by their Ethernet MAC alone"),
            ["fixed-address", ..] => {
                has_addresses = true;
                let given = inner.rest().split(|token| token.is(','));
                let given: Vec<_> = given
                    .filter_map(|address| address.first())
                    .filter_map(PlacedToken::word)
                    .collect();
                let addresses: Vec<Ipv4Addr> =
                    given.iter().filter_map(|word| word.parse().ok()).collect();
                found.host.ip = addresses.first().copied();
                match (given.len(), &addresses[..]) {
                    (1, [_]) => {}
                    (_, []) => leave_out("a name is no address: netboot asks no DNS"),
                    (_, [first, ..]) => {
                        leave_out(&format!(
                            "a machine has one address: the first, {first}, is taken over"
                        ));
                    }
                }
            }
            ["host-identifier" | "uid", ..] | ["dynamic", ..] => {
                leave_out("netboot knows machines by MAC alone");
            }
            ["deny" | "ignore", "booting"] => {
                found.host.is_refused = true;
                leave_out("the machine is left out: without a reservation it is not answered");
            }
            ["fixed-address6", ..] => leave_out("netboot has no IPv6"),
            _ => {}
        }
    }
    let Declared { host, left_out } = &mut found;
    let mut missing = |what: &str| {
        let why = format!("it has no {what}, so it is left out");
        left_out.push((statement.place.clone(), format!("host {}", host.name), why));
    };
    if host.mac.is_none() {
        missing("MAC address (hardware ethernet)");
    } else if host.ip.is_none() && !has_addresses {
        missing("address (fixed-address)");
    }
    found
}

fn mac_of(text: &str) -> Option<Mac> {
    let octets = hex(text).filter(|_| text.contains([':', '-']))?;
    Some(Mac { octets: octets.try_into().ok()? })
}
