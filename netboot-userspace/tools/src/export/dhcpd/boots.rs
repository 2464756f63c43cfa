//! Boot files in dhcpd's configuration, by the request.

use netboot_dhcp::{DhcpOption, value::hex};
use netboot_ebpf::{client::Stage, wire::code};
use netboot_site::blocks::BootPart;

use super::syntax::{quoted, statement};
use crate::export::{
    comments,
    page::Page,
    plan::{FILE_NAME, Plan, Profile},
};

/// One branch for each stage: the first that holds.
pub(super) fn write_boots(page: &mut Page, plan: &Plan<'_>, profiles: &[&Profile]) {
    if profiles.iter().all(|profile| profile.boots.is_empty()) {
        return;
    }
    page.comment("How far a machine is in its boot. Both encodings of option 77 count.");
    let assume_pxe = profiles.iter().any(|profile| profile.assume_pxe);
    let mut word = "if";
    for stage in [Stage::Script, Stage::Http, Stage::Ipxe, Stage::Pxe] {
        let test = match stage {
            Stage::Pxe if assume_pxe => None,
            stage => Some(test(stage, plan)).filter(|test| !test.is_empty()),
        };
        let boots: Vec<_> = profiles
            .iter()
            .flat_map(|profile| &profile.boots)
            .filter(|boot| boot.stage == stage)
            .collect();
        match test {
            Some(test) => page.open(&format!("{word} {test} {{")),
            None if stage == Stage::Pxe => page.open("} else {"),
            // No user class gets the script.
            None => continue,
        }
        word = "} elsif";
        write_stage(page, &boots);
        page.leave();
    }
    page.line("}");
}

fn test(stage: Stage, plan: &Plan<'_>) -> String {
    let vendor = |name: &str| {
        format!("substring(option vendor-class-identifier, 0, {}) = \"{name}\"", name.len())
    };
    match stage {
        Stage::Script => {
            let classes = plan.config.boot.script_user_classes.iter();
            classes.map(|class| user_class(class)).collect::<Vec<_>>().join(" or ")
        }
        Stage::Http => vendor("HTTPClient"),
        Stage::Ipxe => user_class("iPXE"),
        _ => format!("{} or {}", vendor("PXEClient"), vendor("U-Boot")),
    }
}

/// As text alone, and with its length before it.
fn user_class(name: &str) -> String {
    let bytes = name.as_bytes();
    let counted: Vec<u8> = [bytes.len() as u8].into_iter().chain(bytes.iter().copied()).collect();
    format!(
        "option user-class = {} or substring(option user-class, 0, {}) = {}",
        quoted(bytes),
        counted.len(),
        hex(&counted, ":")
    )
}

fn write_stage(page: &mut Page, boots: &[&BootPart]) {
    let mut word = "if";
    for boot in boots {
        let Some(codes) = &boot.architectures else {
            write_boot(page, boot);
            continue;
        };
        let test = |code: &u16| {
            let [high, low] = code.to_be_bytes();
            format!("substring(option client-architecture, 0, 2) = {high:02x}:{low:02x}")
        };
        let tests: Vec<_> = codes.iter().map(test).collect();
        page.open(&format!("{word} {} {{", tests.join(" or ")));
        page.comment(&comments::architectures(codes));
        write_boot(page, boot);
        page.leave();
        word = "} elsif";
    }
    if word != "if" {
        page.line("}");
    }
}

fn write_boot(page: &mut Page, boot: &BootPart) {
    page.line(&format!("next-server {};", boot.server));
    if boot.name.len() <= FILE_NAME {
        page.line(&format!("filename {};", quoted(boot.name.as_bytes())));
    } else {
        let value = boot.name.clone().into_bytes();
        page.line(&statement(&DhcpOption { code: code::BOOT_FILE, value }));
    }
    for option in &boot.options {
        match option.code {
            code::IPXE => page.line("option ipxe.no-pxedhcp 1;"),
            _ => page.line(&statement(option)),
        }
    }
}
