//! A machine's whole boot, as the requests that it sends.

use std::net::Ipv4Addr;

use netboot_base::printable::printable;
use netboot_ebpf::shared::{Station, Vlan};
use netboot_site::model::Host;

use super::{Explanation, KnownServer, LIMIT, Machine, Message, Site, WithoutXdp, explain};

/// One request of the boot.
pub struct Step {
    /// `firmware`, `iPXE "Tinkerbell"`.
    pub who: String,
    pub frame: Vec<u8>,
    pub explanation: Explanation,
}

/// The requests of a machine: those of its firmware and of the iPXE that it loads, or the one that is
/// named.
#[must_use]
pub fn steps(
    site: &Site,
    without_xdp: &WithoutXdp,
    machine: &Machine,
    message: Option<Message>,
    interface: Option<&str>,
) -> Vec<Step> {
    let vlan = machine.vlan.or_else(|| site.only_vlan(machine.mac));
    let machine = &Machine { vlan: vlan.filter(|_| machine.relay.is_none()), ..machine.clone() };
    let mut phases = vec![(phase(machine), machine.clone())];
    // Without further words it is the machine as it is switched on.
    if message.is_none() && machine.user_classes.is_empty() && boots(machine) {
        let station = Station { mac: machine.mac, vlan: machine.vlan.unwrap_or(Vlan::NONE) };
        let host = site.host(station);
        let link = site.interface(host, interface);
        let row = link.and_then(|link| site.row(station, link.index, machine.relay));
        let classes = site.config.script_classes(row.and_then(|row| site.subnet(row)), host);
        let class = classes.first().map_or("iPXE", String::as_str);
        phases.push((format!("iPXE \"{class}\""), machine.with_user_class(class)));
    }
    let mut steps = Vec::new();
    for (who, machine) in phases {
        for message in message.map_or_else(|| boot(site, &machine), |one| vec![one]) {
            let frame = machine.frame(message, known(site, &machine, message, interface));
            let explained = explain(site, without_xdp, &frame, interface, "assumed request");
            let who = who.clone();
            steps.extend(explained.map(|explanation| Step { who, frame, explanation }));
        }
    }
    steps
}

/// Where another server gives the address, it takes the REQUEST; firmware may then ask us again.
fn boot(site: &Site, machine: &Machine) -> Vec<Message> {
    let mut messages = vec![Message::Discover, Message::Request];
    if site.config.dhcp.mode.is_proxy() && machine.is_pxe_firmware() {
        messages.push(Message::Proxy);
    }
    messages
}

fn boots(machine: &Machine) -> bool {
    machine.code().is_some()
}

fn phase(machine: &Machine) -> String {
    match machine.user_classes.as_slice() {
        [] if boots(machine) => "firmware".to_owned(),
        [] => "machine".to_owned(),
        classes => format!("iPXE \"{}\"", printable(classes.join("\", \"").as_bytes(), LIMIT)),
    }
}

fn known(site: &Site, machine: &Machine, message: Message, interface: Option<&str>) -> KnownServer {
    let host = site.host(Station { mac: machine.mac, vlan: machine.vlan.unwrap_or_default() });
    let link = site.interface(host, interface);
    let [other_server, unknown] = site.others(host);
    let is_proxy = site.config.dhcp.mode.is_proxy();
    KnownServer {
        address: match host {
            Some(Host { ip, .. }) if !ip.is_unspecified() => *ip,
            _ if is_proxy => unknown,
            _ => Ipv4Addr::UNSPECIFIED,
        },
        server: match message {
            Message::Request if is_proxy => other_server,
            _ => site.server(host),
        },
        node: site.server(host),
        server_mac: link.map(|link| link.mac).unwrap_or_default(),
    }
}
