//! The interface that a VLAN's frames arrive on.

use std::net::Ipv4Addr;

use netboot_base::links::{Link, LinkState};
use netboot_ebpf::shared::Vlan;
use netboot_site::model::Subnet;

/// The addresses of this node at an interface.
pub(super) fn addresses(link: &Link) -> impl Iterator<Item = Ipv4Addr> {
    link.addresses.iter().map(ipnet::Ipv4Net::addr)
}

/// The served interface on which the frames of a subnet's VLAN arrive, and our address in the subnet if
/// a VLAN interface has one.
pub(super) fn tagged<'l>(
    subnet: &Subnet,
    links: &'l [Link],
    all: &[&Link],
) -> anyhow::Result<(&'l Link, Option<Ipv4Addr>)> {
    let mut found: Option<(&Link, Ipv4Addr)> = None;
    for link in all {
        let Some(own) = addresses(link).find(|own| subnet.cidr.contains(own)) else { continue };
        let Some((served, vlan)) = way_down(link, links, all) else { continue };
        anyhow::ensure!(
            vlan == subnet.vlan || found.is_some(),
            "its vlan is {}, but {}, which has an address in it, takes {} from {}: correct one of them",
            shown(subnet.vlan),
            link.name,
            shown(vlan),
            served.name
        );
        // Of several, one that frames come over now.
        let is_better = found
            .is_none_or(|(first, _)| first.state != LinkState::Up && served.state == LinkState::Up);
        if vlan == subnet.vlan && is_better {
            found = Some((served, own));
        }
    }
    if let Some((served, own)) = found {
        return Ok((served, Some(own)));
    }
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    let dev = names.first().copied().unwrap_or("DEV");
    let [outer, inner] = subnet.vlan.ids;
    let last = if inner == 0 { outer } else { inner };
    let make = format!(
        "make a VLAN interface on the one that it is on (`ip link add link {dev} name {dev}.{last} type vlan id \
         {last}`; one for each tag) and give it an address in the subnet",
    );
    match links {
        [only] if subnet.server_address.is_some() => Ok((only, None)),
        [_, _, ..] if subnet.server_address.is_some() => {
            anyhow::bail!("on which of {} its VLAN is cannot be told: {make}", names.join(", "))
        }
        _ => anyhow::bail!(
            "no VLAN interface of {} has an address in it: {make}, or set its server-address",
            names.join(", ")
        ),
    }
}

/// The served interface under VLAN interfaces, and the tags that they take off.
fn way_down<'l>(link: &Link, links: &'l [Link], all: &[&Link]) -> Option<(&'l Link, Vlan)> {
    let served = |index: u32| links.iter().find(|link| link.index == index);
    let inner = match served(link.index) {
        Some(served) => return Some((served, Vlan::NONE)),
        None => link.vlan.as_ref()?,
    };
    if let Some(served) = served(inner.parent) {
        return Some((served, Vlan { ids: [inner.id, 0] }));
    }
    let outer = all.iter().find(|link| link.index == inner.parent)?.vlan.as_ref()?;
    Some((served(outer.parent)?, Vlan { ids: [outer.id, inner.id] }))
}

fn shown(vlan: Vlan) -> String {
    match vlan.ids {
        [0, _] => "none".to_owned(),
        [id, 0] => id.to_string(),
        [outer, inner] => format!("[{outer}, {inner}]"),
    }
}
