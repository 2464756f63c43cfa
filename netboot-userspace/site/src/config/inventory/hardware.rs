//! Tinkerbell's Hardware, `tinkerbell.org/v1alpha1`, without what it has for other services.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netboot_ebpf::wire::code;
use toml::{Spanned, de::DeValue};

use super::{
    machine::{BesideAddresses, MachineRecord, Machines, is_ipv6},
    scalar::{boolean, lease, netmask, vlan},
};
use crate::{
    config::{
        host::mac,
        section::Section,
        value::{
            address, hostname, http_url, is_http_url, line, network, own_boot_file, text, unicast,
            word,
        },
    },
    model::{DhcpOption, Host, HostScript, NetworkOverrides, ScriptSettings},
};

const API: &str = "tinkerbell.org/v1alpha1";

/// The machines of an object: each of its interfaces is one.
pub(super) fn read(mut object: Section<'_>, machines: &mut Machines<'_>) {
    let report = machines.report;
    let kind = object.get("kind", text);
    let api = object.get("apiVersion", text);
    match kind {
        Some(kind) if kind.value != "Hardware" => {
            let message = format!("{} is no Hardware: left out", kind.value);
            report.quoting_warning(&kind.place, message, "is no Hardware: left out");
            return;
        }
        None if !object.has("spec") => {
            let message = "is neither Tinkerbell's Hardware nor a map from MAC addresses";
            report.error(&object.place, message);
            return;
        }
        _ => {}
    }
    if let Some(api) = api.filter(|api| api.value != API) {
        let message = format!("{:?} is not supported: {API} is", api.value);
        report.quoting_error(&api.place, message, "another apiVersion than is supported");
        return;
    }
    object.ignore(&["metadata", "status"]);
    let Some(mut spec) = object.section("spec") else {
        if !object.has("spec") {
            report.error(&object.place, "has no spec");
        }
        return;
    };
    machines.is_any = true;
    machines.finish(object);
    let settings = settings(&mut spec, machines);
    let interfaces = spec.sections("interfaces");
    let place = spec.place_of("interfaces");
    if !spec.has("interfaces") || spec.peek("interfaces").is_some_and(is_empty_list) {
        report.warn(&place, "has no interfaces: there is no machine in it");
    }
    for section in interfaces {
        interface(section, &settings, machines);
    }
    spec.ignore(&["auto", "bmcRef", "disks", "references", "resources", "storage"]);
    spec.ignore(&["tinkVersion", "userData", "vendorData"]);
    machines.finish(spec);
}

/// What all interfaces share: the worker's name and the facility.
fn settings(spec: &mut Section<'_>, machines: &mut Machines<'_>) -> ScriptSettings {
    let mut settings =
        ScriptSettings { worker_id: spec.value("agentID", word), ..ScriptSettings::default() };
    let Some(mut metadata) = spec.section("metadata") else { return settings };
    if let Some(mut facility) = metadata.section("facility") {
        let code = facility.value("facility_code", line).unwrap_or_default();
        // Kernel arguments are known to follow it.
        let mut words = code.split_whitespace().map(str::to_owned);
        settings.facility = words.next();
        settings.kernel_params.extend(words);
        facility.ignore(&["plan_slug", "plan_version_slug"]);
        machines.finish(facility);
    }
    metadata.ignore(&["bonding_mode", "custom", "instance", "manufacturer", "state"]);
    machines.finish(metadata);
    settings
}

fn interface(mut section: Section<'_>, settings: &ScriptSettings, machines: &mut Machines<'_>) {
    let report = machines.report;
    let place = section.place.clone();
    section.ignore(&["isoboot"]);
    let disabled = section.get("disableDhcp", boolean).filter(|disabled| disabled.value);
    let dhcp = section.section("dhcp");
    let netboot = section.section("netboot");
    let has_dhcp = section.has("dhcp");
    machines.finish(section);
    if let Some(disabled) = disabled {
        report.warn(&disabled.place, "DHCP is disabled for this interface: it is left out");
        return;
    }
    let Some(dhcp) = dhcp else {
        if !has_dhcp {
            report.warn(&place, "the interface has no dhcp: it is left out");
        }
        return;
    };
    let rest = Host { netboot: false, script_settings: settings.clone().into(), ..Host::default() };
    let (mac, ip, boot_file) = (None, None, None);
    let mut machine = MachineRecord { place, mac, ip, netmask: None, boot_file, rest };
    let is_allowed = netboot.is_some_and(|netboot| boots(netboot, &mut machine, machines));
    if lease_of(dhcp, &mut machine, is_allowed, machines) {
        machines.add(machine);
    }
}

/// `dhcp`; whether the machine has an address that can be given to it.
fn lease_of(
    mut dhcp: Section<'_>,
    machine: &mut MachineRecord,
    is_allowed: bool,
    machines: &mut Machines<'_>,
) -> bool {
    let report = machines.report;
    machine.mac = dhcp.require("mac", mac);
    let host = &mut machine.rest;
    host.hostname = dhcp.value("hostname", hostname);
    host.lease_time = dhcp.value("lease_time", lease).flatten();
    host.boot_vlan = dhcp.value("vlan_id", vlan).flatten();
    host.script_settings.arch = dhcp.value("arch", word);
    let domain = dhcp.value("domain_name", hostname);
    host.network = NetworkOverrides {
        routers: None,
        dns: machines.addresses(&mut dhcp, "name_servers", BesideAddresses::Ipv6),
        ntp: machines.addresses(&mut dhcp, "time_servers", BesideAddresses::NamesAndIpv6),
        search: domain.clone().map(|domain| vec![domain]),
        domain,
        routes: routes(&mut dhcp, machines),
        mtu: None,
        next_server: None,
    }
    .into();
    other_server(&mut dhcp, machine, is_allowed, machines);
    dhcp.ignore(&["iface_name", "uefi"]);
    let place = dhcp.place.clone();
    let has_ip = dhcp.has("ip");
    let ip = dhcp.section("ip");
    machines.finish(dhcp);
    let Some(mut ip) = ip else {
        if !has_ip {
            report.error(&place, "has no ip: give ip.address and ip.netmask");
        }
        return false;
    };
    if is_ipv6(ip.peek("address")) {
        report.warn(&ip.place, "DHCP is for IPv4 here: the interface is left out");
        return false;
    }
    machine.ip = ip.require("address", unicast);
    machine.netmask = ip.get("netmask", netmask);
    machine.rest.network.routers = ip.value("gateway", unicast).map(|router| vec![router]);
    ip.ignore(&["family"]);
    machines.finish(ip);
    true
}

/// Option 66, and the boot file, as the record has them. Firmware mostly asks the server that the answer names, which is
/// this one, for a file that is no URL.
fn other_server(
    dhcp: &mut Section<'_>,
    machine: &mut MachineRecord,
    is_allowed: bool,
    machines: &Machines<'_>,
) {
    let server = dhcp.get("tftp_server_name", word);
    let before = machines.report.errors();
    if let Some(file) = dhcp.get("boot_file_name", own_boot_file) {
        if !is_allowed {
            let message = "is not booted: netboot.allowPXE is not true";
            machines.report.warn(&file.place, message);
        }
        machine.boot_file = Some(file);
    }
    machines.boots_only_what_is_right(before, &machine.place, &mut machine.rest.netboot);
    if let Some(server) = server {
        let value = server.value.into_bytes();
        machine.rest.options.push(DhcpOption { code: code::TFTP_SERVER_NAME, value });
    }
}

fn routes(dhcp: &mut Section<'_>, machines: &mut Machines<'_>) -> Option<Vec<(Ipv4Net, Ipv4Addr)>> {
    if !dhcp.has("classless_static_routes") {
        return None;
    }
    let before = machines.report.errors();
    let mut routes = Vec::new();
    for mut route in dhcp.sections("classless_static_routes") {
        let destination = route.require("destination_descriptor", network);
        let router = route.require("router", address);
        machines.finish(route);
        if let (Some(destination), Some(router)) = (destination, router) {
            routes.push((destination.value, router.value));
        }
    }
    machines.unless_all_wrong(before, routes)
}

/// `netboot`; whether the record has it that the machine boots.
fn boots(
    mut netboot: Section<'_>,
    machine: &mut MachineRecord,
    machines: &mut Machines<'_>,
) -> bool {
    let host = &mut machine.rest;
    let is_allowed = netboot.value("allowPXE", boolean).unwrap_or_default();
    host.netboot = is_allowed;
    let before = machines.report.errors();
    if let Some(mut ipxe) = netboot.section("ipxe") {
        let contents = ipxe.value("contents", text);
        let contents = contents.map(|contents| HostScript::Text(script(contents)));
        host.script = ipxe.value("url", url).or(contents);
        machine.boot_file = ipxe.get("binary", own_boot_file);
        machines.finish(ipxe);
    }
    if let Some(mut osie) = netboot.section("osie") {
        let settings = &mut host.script_settings;
        settings.download_url = osie.value("baseURL", http_url);
        settings.kernel = osie.value("kernel", word);
        settings.initrd = osie.value("initrd", word);
        for param in osie.list("kernelParams", param).unwrap_or_default() {
            if param.value.is_none() {
                machines.report.warn(&param.place, "is empty: left out");
            }
            settings.kernel_params.extend(param.value);
        }
        machines.finish(osie);
    }
    machines.boots_only_what_is_right(before, &machine.place, &mut host.netboot);
    netboot.ignore(&["allowWorkflow", "pxelinux", "rpi"]);
    machines.finish(netboot);
    is_allowed
}

/// `None`: it is empty, which takes nothing from what the machine boots.
fn param(value: &DeValue<'_>) -> Result<Option<String>, String> {
    if value.as_str().is_some_and(str::is_empty) { Ok(None) } else { line(value).map(Some) }
}

fn is_empty_list(value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().as_array().is_some_and(|list| list.iter().next().is_none())
}

/// A URL that is chained to.
pub(super) fn url(value: &DeValue<'_>) -> Result<HostScript, String> {
    let url = text(value)?;
    is_http_url(&url)?;
    Ok(HostScript::Url(url))
}

/// The text as iPXE takes it for a script.
pub(super) fn script(text: String) -> String {
    if text.starts_with("#!ipxe") { text } else { format!("#!ipxe\n{text}") }
}
