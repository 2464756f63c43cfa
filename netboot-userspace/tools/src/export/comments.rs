//! Comments and names that all exported configurations have in common.

use std::collections::BTreeSet;

use netboot_ebpf::shared::Vlan;
use netboot_site::{
    config::ShownVlan,
    model::{Architecture, Dhcp, Settings},
};

use super::{
    page::Page,
    plan::{BootStep, Plan, PlannedMachine, PlannedNetwork, Profile},
};

/// The first lines.
pub(super) fn head(page: &mut Page, plan: &Plan<'_>, server: &str) {
    let file = plan.config.path.as_ref();
    let from =
        file.map_or_else(String::new, |path| format!(" from {:?}", path.display().to_string()));
    page.comment(&format!(
        "Made by `netboot export {server}`{from}: change that file, and export again."
    ));
    page.comment(
        "Here machines get their addresses, and are sent to netboot, which serves the files (dhcp.mode = \"off\"): \
         the firmware to the iPXE binary of its architecture, iPXE to the script.",
    );
    for note in &plan.notes {
        page.note(note);
    }
}

/// `[dhcp]` where nothing is said.
pub(super) fn usual_dhcp() -> Dhcp {
    Settings::unconfigured().dhcp
}

/// Settings that have no counterpart.
pub(super) fn settings(page: &mut Page, plan: &Plan<'_>, server: &str) {
    let (dhcp, usual) = (&plan.config.dhcp, usual_dhcp());
    let rates = |dhcp: &Dhcp| [dhcp.machine_rate, dhcp.unknown_rate, dhcp.total_rate];
    if rates(dhcp) != rates(&usual) {
        page.note(&format!(
            "dhcp.machine-rate, unknown-rate and total-rate: {server} does not limit the messages a second"
        ));
    }
    let mut options = plan.networks.iter().flat_map(|network| {
        network.options.iter().chain(network.machines.iter().flat_map(|machine| &machine.options))
    });
    if options.any(|option| option.code == netboot_ebpf::wire::code::CLASSLESS_ROUTES) {
        page.note(&format!(
            "routes: {server} tells machines that ask for classless routes (option 121) the routers too; they \
             ignore them (RFC 3442)"
        ));
    }
}

/// How a server knows a VLAN's machines.
pub(super) fn vlan(page: &mut Page, network: &PlannedNetwork<'_>, server: &str) {
    let subnet = network.subnet;
    if subnet.vlan != Vlan::NONE {
        page.note(&format!(
            "{} is {}: {server} sees no tags, so it must have a VLAN interface with an address in the subnet, \
             or be asked through a relay",
            subnet.cidr,
            ShownVlan(subnet.vlan)
        ));
    }
}

/// Relays that stand for a subnet though they do not lie in it.
pub(super) fn relays(page: &mut Page, network: &PlannedNetwork<'_>, server: &str) {
    let subnet = network.subnet;
    if !subnet.relays.is_empty() {
        page.note(&format!(
            "{}: {server} knows a relay's subnet by its address alone: its relays outside ({}) must have one in it, \
             or tell the link (option 82.5)",
            subnet.cidr,
            subnet.relays.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ));
    }
}

/// What no other server does for a machine.
pub(super) fn of_machine(
    network: &PlannedNetwork<'_>,
    machine: &PlannedMachine<'_>,
) -> Vec<String> {
    let mut notes = Vec::new();
    if machine.host.vlan != network.subnet.vlan {
        notes.push(format!(
            "its frames are in {}, which only netboot looks at: it is answered in the subnet, whatever the tag",
            ShownVlan(machine.host.vlan)
        ));
    }
    let (config, host) = (network.config, machine.host);
    if config.script_classes(Some(network.subnet), Some(host)) != config.boot.script_user_classes {
        notes.push(
            "script-user-classes of its own or of its subnet: here those of [boot] hold".to_owned(),
        );
    }
    if host.netboot && host.boot_file.is_some() {
        notes.push(
            "boot-file: who asks for option 66 or 67 without booting from the network is not told it here".to_owned(),
        );
    }
    if host.network.next_server.or(network.subnet.next_server).is_some() {
        notes.push("next-server: siaddr is not set here for clients that boot nothing".to_owned());
    }
    let quirks = &machine.quirks;
    let mut quirk = |is_set: bool, text: &str| {
        if is_set {
            notes.push(format!("quirk {text}: no setting does this"));
        }
    };
    quirk(quirks.never_nak == Some(true), "never-nak");
    quirk(quirks.min_size.is_some(), "min-size");
    quirk(quirks.delay.is_some_and(|delay| !delay.is_zero()), "delay");
    notes
}

/// What a group of architectures is called.
pub(super) fn architectures(codes: &[u16]) -> String {
    let mut names: Vec<_> = codes.iter().map(|code| Architecture::name(*code)).collect();
    names.dedup();
    names.join(", ")
}

pub(super) fn profiles<'p>(plan: &'p Plan<'_>) -> impl Iterator<Item = &'p Profile> {
    plan.networks.iter().flat_map(|network| network.profiles.iter().flatten())
}

/// The groups of architectures that load the same file.
pub(super) fn all_architectures<'p>(plan: &'p Plan<'_>) -> BTreeSet<&'p Vec<u16>> {
    let boots = profiles(plan).flat_map(|profile| &profile.boots);
    boots.filter_map(|boot| boot.architectures.as_ref()).collect()
}

/// What a group of architectures is called in a configuration.
pub(super) fn architecture_name(codes: &[u16]) -> String {
    let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
    format!("arch-{}", codes.join("-"))
}

/// What a profile of a network is called in tags and classes.
pub(super) fn profile_name(network: &PlannedNetwork<'_>, part: BootStep, at: usize) -> String {
    let number = network.number;
    let name = part.name();
    if at == 0 { format!("net{number}-{name}") } else { format!("net{number}-{name}{}", at + 1) }
}

/// The tags or classes of a machine that boots something else than its subnet's do.
pub(super) fn own_profiles(
    network: &PlannedNetwork<'_>,
    machine: &PlannedMachine<'_>,
) -> Vec<String> {
    let mut names = Vec::new();
    for part in BootStep::ALL {
        let own = machine.profiles.map(|profiles| profiles[part as usize]);
        if own != Some(0) {
            names.push(format!("own-{}", part.name()));
        }
        if let Some(own @ 1..) = own {
            names.push(profile_name(network, part, own));
        }
    }
    names
}
