//! Client classes: who asks, and what is booted.

use std::collections::BTreeSet;

use netboot_dhcp::{DhcpOption, value::hex};
use netboot_ebpf::{client::Stage, wire::code};
use netboot_site::blocks::BootPart;

use super::json::{Item, array, is_plain, object, option_data, text, write_items};
use crate::export::{
    comments,
    page::Page,
    plan::{BootStep, FILE_NAME, Plan, PlannedNetwork, Profile},
};

pub(super) fn write_classes(page: &mut Page, plan: &Plan<'_>) {
    page.note(
        "Kea compares option 77 as a whole, or the first of the classes in it with their lengths (RFC 3004): a class \
         that is not the first is not seen",
    );
    page.note("Kea looks at the first architecture of option 93 only");
    let mut classes = vec![Item::new(
        "Machines without reservation are not answered.",
        class("DROP", "member('UNKNOWN')"),
    )];
    classes.extend(stages(plan));
    for codes in comments::all_architectures(plan) {
        let test: Vec<_> = codes
            .iter()
            .map(|code| format!("substring(option[93].hex, 0, 2) == 0x{code:04x}"))
            .collect();
        let json = class(&comments::architecture_name(codes), &test.join(" or "));
        classes.push(Item::new(&comments::architectures(codes), json));
    }
    let class = |name: &str| object(&[("name", text(name))]);
    let comment = "Machines that do not boot what their subnet's do";
    classes.push(Item::new(comment, class("own-script")));
    classes.push(Item::of(class("own-boot")));
    for network in &plan.networks {
        let own = profiles(network).filter(|(_, at, _)| *at != 0);
        classes.extend(
            own.map(|(part, at, _)| Item::of(class(&comments::profile_name(network, part, at)))),
        );
    }
    classes.extend(leases(plan));
    for network in &plan.networks {
        let boots = profiles(network)
            .flat_map(|(part, at, own)| own.boots.iter().map(move |boot| (part, at, own, boot)));
        for (first, (part, at, profile, boot)) in boots.enumerate() {
            let json = boot_class(network, (part, at, profile), boot);
            let comment = format!("What machines of {} boot", network.subnet.cidr);
            let comments = if first == 0 { vec![comment] } else { Vec::new() };
            classes.push(Item { comments, json });
        }
    }
    write_items(page, ["\"client-classes\": [", "],"], classes);
}

/// The class of a lease time.
pub(super) fn lease_class(seconds: u64) -> String {
    format!("lease-{seconds}")
}

/// The profiles of a network, and their numbers among those of their part.
fn profiles<'n>(
    network: &'n PlannedNetwork<'_>,
) -> impl Iterator<Item = (BootStep, usize, &'n Profile)> {
    let parts = BootStep::ALL.into_iter().zip(&network.profiles);
    parts.flat_map(|(part, own)| own.iter().enumerate().map(move |(at, own)| (part, at, own)))
}

/// The names of the classes of what is booted in a network.
pub(super) fn boot_classes(network: &PlannedNetwork<'_>) -> Vec<String> {
    let boots = profiles(network)
        .flat_map(|(part, at, own)| own.boots.iter().map(move |boot| (part, at, boot)));
    boots.map(|(part, at, boot)| boot_class_name(network, part, at, boot)).collect()
}

fn class(name: &str, test: &str) -> String {
    object(&[("name", text(name)), ("test", text(test))])
}

fn stages(plan: &Plan<'_>) -> Vec<Item> {
    let classes = &plan.config.boot.script_user_classes;
    let script = classes.iter().map(|class| user_class(class)).collect::<Vec<_>>();
    let vendor = |name: &str| format!("substring(option[60].hex, 0, {}) == '{name}'", name.len());
    // A test is never empty: this is true of no request.
    let script =
        if script.is_empty() { "not member('ALL')".to_owned() } else { script.join(" or ") };
    let http = format!("{} and not member('script')", vendor("HTTPClient"));
    let others = "not member('http') and not member('script')";
    let ipxe = format!("({}) and {others}", user_class("iPXE"));
    let others = format!("not member('ipxe') and {others}");
    let pxe = format!("({} or {}) and {others}", vendor("PXEClient"), vendor("U-Boot"));
    let mut items = vec![
        Item::new(
            "How far a machine is in its boot: the first of these holds. Both encodings of option 77 count.",
            class("script", &script),
        ),
        Item::of(class("http", &http)),
        Item::of(class("ipxe", &ipxe)),
        Item::of(class("pxe", &pxe)),
    ];
    if comments::profiles(plan).any(|profile| profile.assume_pxe) {
        let comment = "Machines that boot from the network also where they do not say so";
        items.push(Item::new(comment, class("any", &others)));
    }
    items
}

/// As text alone, and with its length before it.
fn user_class(name: &str) -> String {
    let bytes = hex(name.as_bytes(), "");
    let plain = if is_plain(name) { format!("'{name}'") } else { format!("0x{bytes}") };
    let len = name.len();
    format!(
        "option[77].hex == {plain} or substring(option[77].hex, 0, {}) == 0x{len:02x}{bytes}",
        len + 1
    )
}

fn leases(plan: &Plan<'_>) -> Vec<Item> {
    let machines = plan.networks.iter().flat_map(|network| &network.machines);
    let leases: BTreeSet<u64> = machines.filter_map(|machine| machine.lease).collect();
    let class = |seconds: u64| {
        object(&[("name", text(&lease_class(seconds))), ("valid-lifetime", seconds.to_string())])
    };
    leases.into_iter().map(|seconds| Item::of(class(seconds))).collect()
}

fn boot_class_name(
    network: &PlannedNetwork<'_>,
    part: BootStep,
    at: usize,
    boot: &BootPart,
) -> String {
    let profile = comments::profile_name(network, part, at);
    // A script's profile has nothing else.
    let stage = match boot.stage {
        Stage::Script => "url",
        stage => stage.as_str(),
    };
    let codes = boot.architectures.as_ref();
    let codes =
        codes.map_or_else(String::new, |codes| format!("-{}", comments::architecture_name(codes)));
    format!("{profile}-{stage}{codes}")
}

fn boot_class(
    network: &PlannedNetwork<'_>,
    (part, at, profile): (BootStep, usize, &Profile),
    boot: &BootPart,
) -> String {
    let stage = match boot.stage {
        Stage::Pxe if profile.assume_pxe => "any",
        stage => stage.as_str(),
    };
    let who = match at {
        0 => format!("not member('own-{}')", part.name()),
        own => format!("member('{}')", comments::profile_name(network, part, own)),
    };
    let mut test = format!("member('{stage}') and {who}");
    if let Some(codes) = &boot.architectures {
        test += &format!(" and member('{}')", comments::architecture_name(codes));
    }
    let mut fields = vec![
        ("name", text(&boot_class_name(network, part, at, boot))),
        ("only-if-required", "true".to_owned()),
        ("test", text(&test)),
        ("next-server", text(&boot.server.to_string())),
    ];
    let mut options: Vec<_> = boot.options.iter().map(option_data).collect();
    if boot.name.len() <= FILE_NAME {
        fields.push(("boot-file-name", text(&boot.name)));
    } else {
        let value = boot.name.clone().into_bytes();
        options.push(option_data(&DhcpOption { code: code::BOOT_FILE, value }));
    }
    fields.push(("option-data", array(&options)));
    object(&fields)
}
