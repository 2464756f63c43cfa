//! Subnets and their reservations.

use ipnet::Ipv4Net;

use super::{
    classes::{boot_classes, lease_class},
    json::{Item, array, object, option_data, text, write_items},
};
use crate::export::{
    comments,
    page::Page,
    plan::{PlannedMachine, PlannedNetwork, shown},
};

/// A subnet, up to `end`.
pub(super) fn write_subnet(page: &mut Page, network: &PlannedNetwork<'_>, end: &str) {
    let cidr = network.subnet.cidr;
    comments::vlan(page, network, "Kea");
    page.open("{");
    page.line(&format!("\"id\": {},", network.number));
    page.line(&format!("\"subnet\": \"{cidr}\","));
    page.line(&format!("\"valid-lifetime\": {},", network.lease));
    let (relays, networks): (Vec<Ipv4Net>, Vec<_>) = network
        .subnet
        .relays
        .iter()
        .copied()
        .partition(|relays: &Ipv4Net| relays.prefix_len() == 32);
    if !relays.is_empty() {
        let relays: Vec<_> = relays.iter().map(|relay| text(&relay.addr().to_string())).collect();
        page.line(&format!("\"relay\": {},", object(&[("ip-addresses", array(&relays))])));
    }
    for relays in networks {
        page.note(&format!(
            "{cidr}: Kea knows single relays only: name those of {relays} one by one"
        ));
    }
    let required: Vec<_> = boot_classes(network).iter().map(|name| text(name)).collect();
    let required = required.into_iter().map(Item::of).collect();
    write_items(page, ["\"require-client-classes\": [", "],"], required);
    let options = network.options.iter().map(|option| Item::of(option_data(option)));
    write_items(page, ["\"option-data\": [", "],"], options.collect());
    let reservations: Vec<_> =
        network.machines.iter().map(|machine| reservation(page, network, machine)).collect();
    write_items(page, ["\"reservations\": [", "]"], reservations);
    page.close(end);
}

fn reservation(
    page: &mut Page,
    network: &PlannedNetwork<'_>,
    machine: &PlannedMachine<'_>,
) -> Item {
    let host = machine.host;
    let mut notes = comments::of_machine(network, machine);
    if machine.quirks.always_broadcast == Some(true) {
        notes.push("quirk always-broadcast: no setting does this".to_owned());
    }
    if machine.host.macs().len() > 1 {
        notes.push(
            "one address for several MACs: Kea gives it to another of them when the lease of the one before has ended"
                .to_owned(),
        );
    }
    let comments = notes.iter().map(|note| page.remember(&shown(host), note)).collect();
    let mut fields = vec![
        ("hw-address", text(&host.mac.to_string())),
        ("ip-address", text(&host.ip.to_string())),
    ];
    if let Some(name) = &host.hostname {
        fields.push(("hostname", text(name)));
    }
    let own = comments::own_profiles(network, machine);
    let mut classes: Vec<_> = own.iter().map(|name| text(name)).collect();
    if let Some(seconds) = machine.lease {
        classes.push(text(&lease_class(seconds)));
    }
    if !classes.is_empty() {
        fields.push(("client-classes", array(&classes)));
    }
    if !machine.options.is_empty() {
        let options: Vec<_> = machine.options.iter().map(option_data).collect();
        fields.push(("option-data", array(&options)));
    }
    Item { comments, json: object(&fields) }
}
