//! The tags that a machine's request gives it, and the boot files that the tags choose.

use netboot_dhcp::DhcpOption;
use netboot_ebpf::{client::Stage, wire::code};
use netboot_site::blocks::BootPart;

use super::syntax::{Lines, option_value, quoted};
use crate::export::{
    comments,
    plan::{BootStep, FILE_NAME, Plan, PlannedNetwork, Profile},
};

/// Tags by user class, vendor class and architecture.
pub(super) fn write_classes(lines: &mut Lines, plan: &Plan<'_>) -> anyhow::Result<()> {
    lines.text("")?;
    lines.page.comment(
        "How far a machine is in its boot. Both encodings of option 77 are looked through.",
    );
    lines.page.note(
        "dnsmasq looks for the text of a user or vendor class anywhere in the option: a class that only contains \
         one of these counts as it",
    );
    for class in &plan.config.boot.script_user_classes {
        let class = quoted(class, "boot", "script-user-classes")?;
        lines.text(&format!("dhcp-userclass=set:script,{class}"))?;
    }
    lines.text("dhcp-userclass=set:ipxe,\"iPXE\"")?;
    lines.text("dhcp-vendorclass=set:http,\"HTTPClient\"")?;
    lines.text("dhcp-vendorclass=set:pxe,\"PXEClient\"")?;
    lines.text("dhcp-vendorclass=set:pxe,\"U-Boot\"")?;
    lines.page.comment("The first of these holds: script, load-http, load-ipxe, load-pxe.");
    lines.text("tag-if=set:load-http,tag:http,tag:!script")?;
    lines.text("tag-if=set:load-ipxe,tag:ipxe,tag:!http,tag:!script")?;
    lines.text("tag-if=set:load-pxe,tag:pxe,tag:!ipxe,tag:!http,tag:!script")?;
    if comments::profiles(plan).any(|profile| profile.assume_pxe) {
        lines.page.comment("Machines that boot from the network also where they do not say so.");
        lines.text("tag-if=set:load-any,tag:!ipxe,tag:!http,tag:!script")?;
    }
    let architectures = comments::all_architectures(plan);
    if architectures.is_empty() {
        return Ok(());
    }
    lines.text("")?;
    lines.page.comment("Architectures by option 93");
    for codes in &architectures {
        lines.page.comment(&comments::architectures(codes));
        for code in *codes {
            let tag = comments::architecture_name(codes);
            lines.text(&format!("dhcp-match=set:{tag},option:client-arch,{code}"))?;
        }
    }
    lines.page.comment("Any of them");
    for codes in architectures {
        lines.text(&format!("tag-if=set:arch,tag:{}", comments::architecture_name(codes)))?;
    }
    Ok(())
}

/// What the machines of a network boot.
pub(super) fn write_boots(
    lines: &mut Lines,
    plan: &Plan<'_>,
    network: &PlannedNetwork<'_>,
) -> anyhow::Result<()> {
    let all = comments::all_architectures(plan).len();
    let profiles = BootStep::ALL.into_iter().zip(&network.profiles);
    let profiles =
        profiles.flat_map(|(part, own)| own.iter().enumerate().map(move |own| (part, own)));
    for (part, (at, profile)) in profiles {
        let tag = comments::profile_name(network, part, at);
        lines.text("")?;
        let what = match part {
            BootStep::Script => "script",
            BootStep::Binary => "binary",
        };
        if at == 0 {
            lines.page.comment(&format!("The {what} of its machines"));
            let (number, own) = (network.number, part.name());
            lines.text(&format!("tag-if=set:{tag},tag:net{number},tag:!own-{own}"))?;
        } else {
            lines.page.comment(&format!("The {what} of those of its machines that have {tag}"));
        }
        for boots in profile.boots.chunk_by(|one, other| one.stage == other.stage) {
            write_stage(lines, &tag, profile, boots, all)?;
        }
    }
    Ok(())
}

/// The files of a stage, then its options. `all` is how many groups of architectures there are: with a file for
/// each, the options are the same for any.
fn write_stage(
    lines: &mut Lines,
    profile_tag: &str,
    profile: &Profile,
    boots: &[BootPart],
    all: usize,
) -> anyhow::Result<()> {
    let Some(first) = boots.first() else { return Ok(()) };
    let stage = match first.stage {
        Stage::Script => "script",
        Stage::Http => "load-http",
        Stage::Ipxe => "load-ipxe",
        _ if profile.assume_pxe => "load-any",
        _ => "load-pxe",
    };
    let stage = format!("tag:{profile_tag},tag:{stage}");
    let tags = |boot: &BootPart| match &boot.architectures {
        Some(codes) => format!("{stage},tag:{}", comments::architecture_name(codes)),
        None => stage.clone(),
    };
    for boot in boots {
        write_file(lines, &tags(boot), boot)?;
    }
    let options = |lines: &mut Lines, tags: &str, boot: &BootPart| {
        boot.options.iter().try_for_each(|option| {
            lines.text(&format!("dhcp-option-force={tags},{}", option_value(option, profile_tag)?))
        })
    };
    if boots.len() == all && first.architectures.is_some() {
        return options(lines, &format!("{stage},tag:arch"), first);
    }
    boots.iter().try_for_each(|boot| options(lines, &tags(boot), boot))
}

fn write_file(lines: &mut Lines, tags: &str, boot: &BootPart) -> anyhow::Result<()> {
    if boot.name.len() <= FILE_NAME {
        let name = quoted(&boot.name, tags, "boot file")?;
        return lines.text(&format!("dhcp-boot={tags},{name},,{}", boot.server));
    }
    lines.page.comment("Too long for the field `file`");
    let name = DhcpOption { code: code::BOOT_FILE, value: boot.name.clone().into_bytes() };
    lines.text(&format!("dhcp-option-force={tags},{}", option_value(&name, tags)?))?;
    lines.text(&format!("dhcp-option={tags},option:server-ip-address,{}", boot.server))
}
