//! `reservations`: machines.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::Mac;
use netboot_site::config::Problem;

use super::{
    super::{
        note::{NotePlace, Notes},
        options::{Options, hex},
    },
    node::JsonNode,
    option::{Definitions, options},
};

/// A machine, with its own options alone.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) place: NotePlace,
    pub(super) mac: Mac,
    pub(super) ip: Ipv4Addr,
    pub(super) hostname: Option<String>,
    pub(super) classes: Vec<String>,
    pub(super) options: Options,
}

/// The machines of a scope.
pub(super) fn reservations(
    scope: JsonNode<'_>,
    definitions: &Definitions,
    notes: &mut Notes,
) -> Result<Vec<Reservation>, Problem> {
    let mut found = Vec::new();
    for node in scope.objects("reservations")? {
        found.extend(reservation(node, definitions, notes)?);
    }
    Ok(found)
}

fn reservation(
    node: JsonNode<'_>,
    definitions: &Definitions,
    notes: &mut Notes,
) -> Result<Option<Reservation>, Problem> {
    const IDENTIFIERS: [&str; 4] = ["duid", "circuit-id", "client-id", "flex-id"];
    let place = node.place();
    let Some(hardware) = node.text("hw-address") else {
        let other = IDENTIFIERS.iter().find(|key| node.get(key).is_some());
        let what = format!("reservation by {}", other.unwrap_or(&"nothing"));
        notes.add(&place, what, "netboot knows machines by MAC alone");
        return Ok(None);
    };
    let octets = hex(hardware).and_then(|octets| <[u8; 6]>::try_from(octets).ok());
    let Some(octets) = octets else {
        let place = node.get("hw-address").map_or(place, JsonNode::place);
        return Err(place.problem(format!("hw-address: {hardware:?} is not a MAC address")));
    };
    let mac = Mac { octets };
    let Some(text) = node.text("ip-address").filter(|text| !text.is_empty()) else {
        notes.add(
            &place,
            format!("reservation of {mac}"),
            "it has no address: Kea takes one of a pool, and netboot has none",
        );
        return Ok(None);
    };
    let Ok(ip) = text.parse() else {
        let place = node.get("ip-address").map_or(place, JsonNode::place);
        return Err(place.problem(format!("ip-address: {text:?} is not an IPv4 address")));
    };
    Ok(Some(Reservation {
        place,
        mac,
        ip,
        hostname: node.text("hostname").filter(|name| !name.is_empty()).map(str::to_owned),
        classes: node.texts("client-classes").into_iter().map(str::to_owned).collect(),
        options: options(node, definitions, notes)?,
    }))
}
