//! The export for ISC dhcpd: hosts stand in groups by what they boot, and a group decides by the request.

mod boots;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use netboot_dhcp::DhcpOption;
use netboot_ebpf::wire::code;

use self::{
    boots::write_boots,
    syntax::{definitions, quoted, statement},
};
use super::{
    comments,
    page::Page,
    plan::{Plan, PlannedMachine, PlannedNetwork, shown},
};

pub(super) fn option_lines(option: &DhcpOption) -> Vec<String> {
    let mut lines = definitions(std::iter::once(option));
    lines.push(statement(option));
    lines
}

pub(super) fn write(plan: &Plan<'_>) -> anyhow::Result<Page> {
    let mut page = Page::new("#");
    comments::head(&mut page, plan, "dhcpd");
    basics(&mut page, plan);
    page.line("");
    if plan.config.dhcp.shared_networks {
        page.comment("A machine is offered its address also where it asks from another subnet.");
        page.open("shared-network netboot {");
    }
    for network in &plan.networks {
        write_subnet(&mut page, network);
    }
    if plan.config.dhcp.shared_networks {
        page.close("}");
    }
    for network in &plan.networks {
        write_groups(&mut page, plan, network);
    }
    Ok(page)
}

fn basics(page: &mut Page, plan: &Plan<'_>) {
    let dhcp = &plan.config.dhcp;
    page.line("");
    page.comment("Whether wrong addresses are refused");
    page.line(if dhcp.authoritative { "authoritative;" } else { "not authoritative;" });
    page.line("ddns-update-style none;");
    page.comment("RFC 6842");
    page.line("echo-client-id on;");
    page.comment("Machines without reservation are not answered.");
    page.line("deny unknown-clients;");
    if dhcp.authoritative {
        page.note(
            "dhcpd refuses (NAK) also machines without reservation, where they ask for an address of another network",
        );
    }
    if dhcp.decline_time != comments::usual_dhcp().decline_time {
        page.note(
            "dhcp.decline-time: dhcpd offers a reserved address again at once after a DECLINE",
        );
    }
    comments::settings(page, plan, "dhcpd");
    page.note(
        "dhcpd compares option 77 as a whole, or the first of the classes in it with their lengths (RFC 3004): a \
         class that is not the first is not seen",
    );
    page.note("dhcpd looks at the first architecture of option 93 only");
    page.line("");
    page.line("option client-architecture code 93 = unsigned integer 16;");
    page.comment("What iPXE reads: this tells it not to wait for a ProxyDHCP.");
    page.line("option space ipxe;");
    page.line("option ipxe-encap code 175 = encapsulate ipxe;");
    page.line("option ipxe.no-pxedhcp code 176 = unsigned integer 8;");
    let all = plan.networks.iter().flat_map(|network| {
        network.options.iter().chain(network.machines.iter().flat_map(|own| &own.options))
    });
    for line in definitions(all) {
        page.line(&line);
    }
}

fn write_subnet(page: &mut Page, network: &PlannedNetwork<'_>) {
    let cidr = network.subnet.cidr;
    comments::vlan(page, network, "dhcpd");
    comments::relays(page, network, "dhcpd");
    page.open(&format!("subnet {} netmask {} {{", cidr.network(), cidr.netmask()));
    write_lease(page, network.lease);
    for option in &network.options {
        page.line(&statement(option));
    }
    page.close("}");
}

fn write_lease(page: &mut Page, seconds: u64) {
    page.line(&format!("default-lease-time {seconds};"));
    page.line(&format!("min-lease-time {seconds};"));
    page.line(&format!("max-lease-time {seconds};"));
}

/// The machines of a network, by what they boot.
fn write_groups(page: &mut Page, plan: &Plan<'_>, network: &PlannedNetwork<'_>) {
    let mut groups: BTreeMap<Option<[usize; 2]>, Vec<&PlannedMachine<'_>>> = BTreeMap::new();
    for machine in &network.machines {
        groups.entry(machine.profiles).or_default().push(machine);
    }
    for (at, machines) in groups {
        let profiles: Vec<_> = at
            .into_iter()
            .flat_map(|at| network.profiles.iter().zip(at))
            .filter_map(|(profiles, at)| profiles.get(at))
            .collect();
        page.line("");
        let what = if at.is_some() { "" } else { " that get nothing to boot" };
        page.comment(&format!("Machines of {}{what}", network.subnet.cidr));
        page.open("group {");
        page.comment("They get these options whether they ask for them or not, as from netboot.");
        let boots = profiles.iter().flat_map(|own| &own.boots).flat_map(|boot| &boot.options);
        let own = machines.iter().flat_map(|machine| &machine.options);
        let mut codes: BTreeSet<u8> =
            network.options.iter().chain(boots).chain(own).map(|option| option.code).collect();
        codes.insert(code::HOSTNAME);
        let codes: Vec<_> = codes.iter().map(|code| format!("{code:02x}")).collect();
        let asked = "option dhcp-parameter-request-list";
        page.line(&format!("{asked} = concat({asked}, {});", codes.join(":")));
        write_boots(page, plan, &profiles);
        for machine in machines {
            write_host(page, network, machine);
        }
        page.close("}");
    }
}

fn write_host(page: &mut Page, network: &PlannedNetwork<'_>, machine: &PlannedMachine<'_>) {
    let host = machine.host;
    for note in comments::of_machine(network, machine) {
        page.host_note(&shown(host), &note);
    }
    let mac = host.mac.to_string();
    page.open(&format!("host net{}-{} {{", network.number, mac.replace(':', "")));
    page.line(&format!("hardware ethernet {mac};"));
    page.line(&format!("fixed-address {};", host.ip));
    if let Some(name) = &host.hostname {
        page.line(&format!("option host-name {};", quoted(name.as_bytes())));
    }
    if let Some(seconds) = machine.lease {
        write_lease(page, seconds);
    }
    if machine.quirks.always_broadcast == Some(true) {
        page.line("always-broadcast on;");
    }
    for option in &machine.options {
        page.line(&statement(option));
    }
    page.close("}");
}
