//! The reader of `[[subnet]]`.

use ipnet::Ipv4Net;
use netboot_ebpf::shared::MAX_RELAYS;
use toml::de::DeValue;

use super::{
    boot_files::read_boot_files,
    lease::lease_time,
    network::read_network,
    option::{OptionOwner, read_options},
    problem::Place,
    read::Draft,
    script_classes::read_script_classes,
    section::Section,
    value::{block_size, dhcp_url, network, unicast},
    vlan::{vlan, vlan_id},
};
use crate::model::Subnet;

/// Where a subnet stands.
#[derive(Debug)]
pub(crate) struct SubnetPlace {
    pub(crate) section: Place,
    pub(crate) cidr: Place,
}

pub(crate) fn read_subnets(file: &mut Section<'_>, draft: &mut Draft) {
    for mut section in file.sections("subnet") {
        let cidr = section.require("cidr", cidr);
        let mut subnet =
            Subnet::new(cidr.as_ref().map_or_else(Ipv4Net::default, |cidr| cidr.value));
        let tag = section.set("vlan", &mut subnet.vlan, vlan);
        subnet.relays = relays(&mut section, tag.is_some());
        subnet.server_address = section.value("server-address", unicast);
        subnet.script_url = section.value("script-url", dhcp_url);
        subnet.script_classes = read_script_classes(&mut section);
        subnet.tftp_block_size = section.value("tftp-block-size", block_size);
        subnet.boot_vlan = section.value("boot-vlan", vlan_id);
        if let Some(files) = section.section("boot-files") {
            subnet.files = read_boot_files(files, &mut draft.boot_files);
        }
        let network = read_network(&mut section, cidr.as_ref().map(|cidr| cidr.value));
        subnet.routers = network.routers.unwrap_or_default();
        subnet.dns = network.dns.unwrap_or_default();
        subnet.ntp = network.ntp.unwrap_or_default();
        subnet.domain = network.domain;
        subnet.search = network.search.unwrap_or_default();
        subnet.routes = network.routes.unwrap_or_default();
        subnet.mtu = network.mtu;
        subnet.next_server = network.next_server;
        subnet.lease_time = lease_time(&mut section);
        subnet.options = read_options(&mut section, OptionOwner::Subnet);
        let place = section.place.clone();
        section.finish();
        match cidr {
            Some(cidr) => {
                draft.config.subnets.push(subnet);
                draft.subnets.push(SubnetPlace { section: place, cidr: cidr.place });
            }
            None => draft.unread_subnet = true,
        }
    }
}

fn relays(section: &mut Section<'_>, has_vlan: bool) -> Vec<Ipv4Net> {
    let mut relays: Vec<Ipv4Net> = Vec::new();
    let given = section.list("relay", relay).unwrap_or_default();
    if let Some(first) = given.first().filter(|_| has_vlan) {
        let why = "relays' requests count as untagged, and no machine of a subnet with a vlan is known so: leave out one \
                   of both";
        section.report().warn(&first.place, why);
    }
    for relay in given {
        let error = |why: String| section.report().error(&relay.place, why);
        if relays.contains(&relay.value) {
            error(format!("{} is listed twice", relay.value));
        } else if relays.len() == MAX_RELAYS {
            error(format!(
                "more than {MAX_RELAYS} relays: a network (\"10.255.0.0/24\") stands for all in it"
            ));
            break;
        } else {
            relays.push(relay.value);
        }
    }
    relays
}

/// A relay's address, or a network of them.
fn relay(value: &DeValue<'_>) -> Result<Ipv4Net, String> {
    match value.as_str().is_some_and(|text| text.contains('/')) {
        true => network(value).and_then(|relays| match relays.prefix_len() {
            0..8 => Err(format!("{relays} is larger than any network: /8 is the shortest prefix")),
            _ if !is_network_of_machines(relays) => {
                Err(format!("{relays} has no relays' addresses"))
            }
            _ => Ok(relays),
        }),
        false => unicast(value).map(Ipv4Net::from),
    }
}

pub(crate) fn cidr(value: &DeValue<'_>) -> Result<Ipv4Net, String> {
    let cidr = network(value)?;
    match cidr.prefix_len() {
        0..8 => Err(format!("{cidr} is larger than any network: /8 is the shortest prefix")),
        // A link of two addresses is a network (RFC 3021), one address is not.
        32 => Err(format!("{cidr} has room for the machine alone: no server or relay is in it")),
        _ if !is_network_of_machines(cidr) => {
            Err(format!("{cidr} is not a network of machines' addresses"))
        }
        _ => Ok(cidr),
    }
}

/// Neither of network 0, nor loopback, multicast or above.
fn is_network_of_machines(cidr: Ipv4Net) -> bool {
    let [first, ..] = cidr.network().octets();
    !matches!(first, 0 | 127 | 224..)
}
