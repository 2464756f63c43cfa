//! A machine's whole boot, as the requests that it sends.

use std::net::Ipv4Addr;

use super::{Explanation, Kernel, Known, Machine, Message, Site, explain};
use netboot_ebpf::shared::{Station, Vlan};

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
    kernel: &Kernel,
    machine: &Machine,
    message: Option<Message>,
    interface: Option<&str>,
) -> Vec<Step> {
    let messages = message.map_or(vec![Message::Discover, Message::Request], |one| vec![one]);
    let mut phases = vec![(phase(machine), machine.clone())];
    // Without further words it is the machine as it is switched on.
    if message.is_none() && machine.user_classes.is_empty() && boots(machine) {
        let class = site.config.boot.script_user_classes.first().map_or("iPXE", String::as_str);
        phases.push((format!("iPXE \"{class}\""), machine.with_user_class(class)));
    }
    let mut steps = Vec::new();
    for (who, machine) in phases {
        for message in &messages {
            let frame = machine.frame(*message, known(site, &machine, interface));
            let explained = explain(site, kernel, &frame, interface, "assumed");
            let who = who.clone();
            steps.extend(explained.map(|explanation| Step { who, frame, explanation }));
        }
    }
    steps
}

fn boots(machine: &Machine) -> bool {
    machine.code().is_some()
}

fn phase(machine: &Machine) -> String {
    match machine.user_classes.as_slice() {
        [] if boots(machine) => "firmware".to_owned(),
        [] => "machine".to_owned(),
        classes => format!("iPXE \"{}\"", classes.join("\", \"")),
    }
}

fn known(site: &Site, machine: &Machine, interface: Option<&str>) -> Known {
    let mut vlan = Vlan::NONE;
    if let (Some(id), None) = (machine.vlan, machine.relay) {
        vlan.ids = [id, 0];
    }
    let host = site.host(Station { mac: machine.mac, vlan });
    let link = site.interface(host, interface);
    Known {
        address: host.map_or(Ipv4Addr::UNSPECIFIED, |host| host.ip),
        server: site.server(host),
        server_mac: link.map(|link| link.mac).unwrap_or_default(),
    }
}
