//! The export for dnsmasq: what a machine is makes tags, and what it gets is chosen by them.

mod boots;
mod syntax;

use std::collections::HashSet;

use netboot_dhcp::DhcpOption;
use netboot_ebpf::{shared::Mac, wire::code};

use self::{
    boots::{write_boots, write_classes},
    syntax::{Lines, option_value, quoted},
};
use super::{
    comments,
    page::Page,
    plan::{Plan, PlannedMachine, PlannedNetwork, shown},
};

/// The shortest lease: dnsmasq takes a shorter one for one of two minutes.
const SHORTEST_LEASE: u64 = 120;

pub(super) fn option_lines(option: &DhcpOption) -> Vec<String> {
    let value = option_value(option, "").ok();
    value.map(|value| format!("dhcp-option={value}")).into_iter().collect()
}

pub(super) fn write(plan: &Plan<'_>) -> anyhow::Result<Page> {
    let mut lines = Lines { page: Page::new("#") };
    comments::head(&mut lines.page, plan, "dnsmasq");
    basics(&mut lines, plan)?;
    write_classes(&mut lines, plan)?;
    let several = in_several(plan);
    for network in &plan.networks {
        write_network(&mut lines, plan, network, &several)?;
    }
    Ok(lines.page)
}

fn basics(lines: &mut Lines, plan: &Plan<'_>) -> anyhow::Result<()> {
    let dhcp = &plan.config.dhcp;
    lines.text("")?;
    lines.page.comment("No DNS. To answer at some interfaces only, add interface=NAME lines.");
    lines.text("port=0")?;
    lines.page.comment("The name stands in the field `file`, where all firmware reads it.");
    lines.text("dhcp-no-override")?;
    lines.text("no-ping")?;
    if dhcp.authoritative {
        lines.page.comment(
            "Wrong addresses are refused. There are reservations only: no leases to keep.",
        );
        lines.text("dhcp-authoritative")?;
        lines.text("leasefile-ro")?;
    }
    let machines = plan.networks.iter().map(|network| network.machines.len()).sum::<usize>();
    lines.text(&format!("dhcp-lease-max={}", machines.max(1000)))?;
    lines.page.comment("Machines without reservation are not answered.");
    lines.text("dhcp-ignore=tag:!known")?;
    let usual = comments::usual_dhcp();
    if dhcp.decline_time != usual.decline_time {
        lines.page.note("dhcp.decline-time: dnsmasq holds a declined address back for 10 minutes");
    }
    if dhcp.shared_networks {
        lines.page.note(
            "dhcp.shared-networks: dnsmasq offers a machine its address only where it asks in its own subnet; \
             a line shared-network=INTERFACE,ADDRESS joins a subnet to an interface",
        );
    }
    comments::settings(&mut lines.page, plan, "dnsmasq");
    Ok(())
}

fn write_network(
    lines: &mut Lines,
    plan: &Plan<'_>,
    network: &PlannedNetwork<'_>,
    several: &HashSet<Mac>,
) -> anyhow::Result<()> {
    let PlannedNetwork { number, subnet, lease, .. } = network;
    let cidr = subnet.cidr;
    lines.text("")?;
    lines.page.comment(&format!("Subnet {cidr}"));
    comments::vlan(&mut lines.page, network, "dnsmasq");
    comments::relays(&mut lines.page, network, "dnsmasq");
    let tag = format!("net{number}");
    let (network_address, mask) = (cidr.network(), cidr.netmask());
    let time = lease_time(lines, *lease);
    lines.text(&format!("dhcp-range=set:{tag},{network_address},static,{mask},{time}"))?;
    if network.options.iter().all(|option| option.code != code::ROUTER) {
        lines.page.comment("No router: without this line it would name itself.");
        lines.text(&format!("dhcp-option=tag:{tag},option:router"))?;
    }
    // dnsmasq computes the broadcast address itself.
    for option in network.options.iter().filter(|option| option.code != code::BROADCAST_ADDRESS) {
        let value = option_value(option, &format!("subnet {cidr}"))?;
        lines.text(&format!("dhcp-option-force=tag:{tag},{value}"))?;
    }
    write_boots(lines, plan, network)?;
    if !network.machines.is_empty() {
        lines.text("")?;
        lines
            .page
            .comment(&format!("The machines of {cidr}; their names are told to those that ask"));
    }
    for (at, machine) in (1..).zip(&network.machines) {
        let of_machine = |other: &&PlannedMachine<'_>| machine.is_by_another_mac(other);
        if !machine.host.is_first()
            && network.machines.iter().any(|own| of_machine(&own) && own.host.is_first())
        {
            continue;
        }
        let others: Vec<_> = network.machines.iter().filter(of_machine).collect();
        for other in others.iter().filter(|other| !other.is_told_as(machine)) {
            let note = format!(
                "dnsmasq tells it the same whichever MAC asks: what {} has by the quirks of its manufacturer is left out",
                other.host.mac
            );
            lines.page.host_note(&shown(machine.host), &note);
        }
        if several.contains(&machine.host.mac) {
            let note = "it is in several subnets: dnsmasq keeps one lease of a machine, and where it reboots with the \
                        address that it had in another subnet, refuses it until it asks anew";
            lines.page.host_note(&shown(machine.host), note);
        }
        let macs = [machine].into_iter().chain(others).map(|own| own.host.mac);
        write_machine(lines, network, at, machine, macs)?;
    }
    Ok(())
}

fn write_machine(
    lines: &mut Lines,
    network: &PlannedNetwork<'_>,
    at: usize,
    machine: &PlannedMachine<'_>,
    macs: impl Iterator<Item = Mac>,
) -> anyhow::Result<()> {
    let host = machine.host;
    let who = shown(host);
    for note in comments::of_machine(network, machine) {
        lines.page.host_note(&who, &note);
    }
    let mut fields: Vec<_> = macs.map(|mac| mac.to_string()).collect();
    let own = comments::own_profiles(network, machine);
    fields.extend(own.iter().map(|name| format!("set:{name}")));
    let tag = format!("net{}-host{at}", network.number);
    let mut more = Vec::new();
    for option in machine.options.iter().filter(|option| option.code != code::BROADCAST_ADDRESS) {
        more.push(format!("dhcp-option-force=tag:{tag},{}", option_value(option, &who)?));
    }
    if machine.quirks.always_broadcast == Some(true) {
        more.push(format!("dhcp-broadcast=tag:{tag}"));
    }
    let name = host.hostname.as_deref();
    if let Some(name) = name.filter(|name| !is_plain_name(name)) {
        let value = quoted(name, &who, "hostname")?;
        more.push(format!("dhcp-option-force=tag:{tag},{},{value}", code::HOSTNAME));
    }
    if !more.is_empty() {
        fields.push(format!("set:{tag}"));
    }
    fields.push(host.ip.to_string());
    fields.extend(name.filter(|name| is_plain_name(name)).map(str::to_owned));
    if let Some(lease) = machine.lease {
        fields.push(lease_time(lines, lease));
    }
    lines.text(&format!("dhcp-host={}", fields.join(",")))?;
    for line in more {
        lines.text(&line)?;
    }
    Ok(())
}

/// Machines with a reservation in more than one subnet.
fn in_several(plan: &Plan<'_>) -> HashSet<Mac> {
    let mut seen = HashSet::new();
    let macs = plan.networks.iter().flat_map(|network| &network.machines).map(|own| own.host.mac);
    macs.filter(|mac| !seen.insert(*mac)).collect()
}

/// One label that dnsmasq does not take for a lease time or a keyword.
fn is_plain_name(name: &str) -> bool {
    let is_letter = |first: char| first.is_ascii_alphabetic();
    name.starts_with(is_letter)
        && !name.contains('.')
        && !["ignore", "infinite"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

fn lease_time(lines: &mut Lines, seconds: u64) -> String {
    if seconds < SHORTEST_LEASE {
        lines.page.note(&format!("a lease of {seconds} s becomes one of two minutes with dnsmasq"));
    }
    if seconds >= u32::MAX.into() { "infinite".to_owned() } else { seconds.to_string() }
}
