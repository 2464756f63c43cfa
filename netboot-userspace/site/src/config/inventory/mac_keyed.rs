//! Smee's old file: a map from MAC addresses to machines.

use toml::de::{DeString, DeValue};

use super::{
    hardware::{script, url},
    machine::{BesideAddresses, MachineRecord, Machines},
    scalar::{boolean, lease, netmask, vlan},
};
use crate::{
    config::{
        host::mac,
        problem::Placed,
        section::Section,
        value::{hostname, line, text, unicast, word},
    },
    model::{Host, HostScript, NetworkOverrides},
};

/// The machine under a MAC.
pub(super) fn read(key: &DeString<'_>, mut section: Section<'_>, machines: &mut Machines<'_>) {
    let report = machines.report;
    let place = section.place.clone();
    let disabled = section.get("disabled", boolean).filter(|disabled| disabled.value);
    if let Some(disabled) = disabled {
        report.warn(&disabled.place, "the machine is disabled: it is left out");
        return;
    }
    let mac = mac(&DeValue::String(key.clone()));
    let mac = mac.inspect_err(|message| report.error(&place, message.as_str())).ok();
    let mac = mac.map(|value| Placed { value, place: place.clone() });
    let ip = section.require("ipAddress", unicast);
    let domain = section.value("domainName", hostname);
    let before = report.errors();
    let search = section.list("domainSearch", hostname);
    let search = search.map(|names| names.into_iter().map(|name| name.value).collect());
    let search = search.and_then(|names| machines.unless_all_wrong(before, names));
    let network = NetworkOverrides {
        routers: section.value("defaultGateway", unicast).map(|router| vec![router]),
        dns: machines.addresses(&mut section, "nameServers", BesideAddresses::Ipv6),
        ntp: machines.addresses(&mut section, "ntpServers", BesideAddresses::NamesAndIpv6),
        domain,
        search,
        ..NetworkOverrides::default()
    };
    let mut rest = Host {
        hostname: section.value("hostname", hostname),
        netboot: false,
        boot_vlan: section.value("vlanID", vlan).flatten(),
        lease_time: section.value("leaseTime", lease).flatten(),
        network: network.into(),
        ..Host::default()
    };
    rest.script_settings.arch = section.value("arch", word);
    if let Some(netboot) = section.section("netboot") {
        boots(netboot, &mut rest, machines);
    }
    let netmask = section.get("subnetMask", netmask);
    section.ignore(&["broadcastAddress"]);
    machines.finish(section);
    machines.add(MachineRecord { place, mac, ip, netmask, boot_file: None, rest });
}

fn boots(mut netboot: Section<'_>, host: &mut Host, machines: &mut Machines<'_>) {
    host.netboot = netboot.value("allowPxe", boolean).unwrap_or_default();
    let before = machines.report.errors();
    let contents = netboot.value("ipxeScript", text);
    let contents = contents.map(|contents| HostScript::Text(script(contents)));
    host.script = netboot.value("ipxeScriptUrl", url).or(contents);
    machines.boots_only_what_is_right(before, &netboot.place, &mut host.netboot);
    let settings = &mut host.script_settings;
    settings.consoles = netboot.value("console", word).map(|console| vec![console]);
    let facility = netboot.value("facility", line).unwrap_or_default();
    let mut words = facility.split_whitespace().map(str::to_owned);
    settings.facility = words.next();
    settings.kernel_params.extend(words);
    machines.finish(netboot);
}
