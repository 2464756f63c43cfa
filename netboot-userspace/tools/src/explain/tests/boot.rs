//! Reasons for what a machine boots.

use netboot_ebpf::wire::code;

use super::*;

const PI: &str = "dc:a6:32:00:00:01";

/// The cause of the boot choice, and what to do, of a machine that says these codes.
#[track_caller]
fn check_cause(config: &str, mac: &str, codes: &[u16], expect: (Option<&str>, &str, Option<&str>)) {
    let (_directory, loaded) = load(config);
    let site = Site::here(loaded).unwrap();
    let machine = Machine {
        architecture: codes.first().map(|code| Architecture::Code(*code)),
        ..machine(mac)
    };
    explained(&site, &machine, codes, expect);
}

#[track_caller]
fn explained(
    site: &Site,
    machine: &Machine,
    codes: &[u16],
    expect: (Option<&str>, &str, Option<&str>),
) {
    let mut frame =
        steps(site, &WithoutXdp::new(), machine, Some(Message::Discover), None).remove(0).frame;
    if codes.len() > 1 {
        // The longer option 93 stands in the place of option 97.
        let at = |code, len| frame.windows(2).position(|pair| *pair == [code, len]).unwrap();
        let (short, id) = (at(code::ARCHITECTURE, 2), at(code::MACHINE_ID, 17));
        let list: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
        frame[short..short + 4].fill(code::PAD);
        frame[id..id + 19].fill(code::PAD);
        frame[id..id + 2].copy_from_slice(&[code::ARCHITECTURE, list.len() as u8]);
        frame[id + 2..id + 2 + list.len()].copy_from_slice(&list);
    }
    let own = explain(site, &WithoutXdp::new(), &frame, None, "assumed").unwrap();
    let found = (own.boot.file.as_deref(), own.boot.because.as_str(), own.advice.as_deref());
    assert_eq!(found, expect, "{codes:?}");
}

fn config(files: &str, rest: &str) -> String {
    let host = |mac: &str, ip| format!("[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\n");
    format!(
        "interfaces = [\"nonesuch0\"]\n{rest}\n[boot]\nroot = \".\"\n[boot.files]\n{files}\n\
         [[subnet]]\ncidr = \"10.0.0.0/24\"\n[subnet.boot-files]\nriscv64-uefi = \"ipxe.efi\"\n{}{}",
        host(ONE, "10.0.0.10"),
        host(PI, "10.0.0.11")
    )
}

#[test]
fn the_setting_that_names_the_file() {
    let file = Some("ipxe.efi");
    let x86 = config("x86_64-uefi = \"ipxe.efi\"", "");
    let check = |codes: &[u16], expect| check_cause(&x86, ONE, codes, expect);
    check(&[7], (file, "boot.files.x86_64-uefi", None));
    check(&[27], (file, "boot-files.riscv64-uefi of the subnet", None));
    let later = "boot.files.x86_64-uefi (the first known code of option 93 is x86_64-uefi (9))";
    check(&[0, 9], (file, later, None));
    let name = Some("name a file for its architecture in [boot.files]");
    check(&[0, 11], (None, "boot.files has nothing for x86-bios (0), arm64-uefi (11)", name));

    let arm = config("arm64-uefi = \"ipxe.efi\"\n9 = \"ipxe.efi\"", "");
    let check = |mac, codes: &[u16], expect| check_cause(&arm, mac, codes, expect);
    check(ONE, &[22], (file, "boot.files.arm64-uefi", None));
    check(ONE, &[9], (file, "boot.files.9", None));
    check(PI, &[0], (file, "boot.files.arm64-uefi (its quirks say that it is rpi (41))", None));
    let none = "boot.files has nothing for rpi (41), which its quirks say that it is";
    check_cause(&x86, PI, &[0], (None, none, name));
    let both =
        config("arm64-uefi = \"other.efi\"\nrpi = \"ipxe.efi\"\nx86-bios = \"other.efi\"", "");
    let own = "boot.files.rpi (its quirks say that it is rpi (41))";
    check_cause(&both, PI, &[0], (file, own, None));
}

#[test]
fn services_that_are_off() {
    let named = |rest| config("x86_64-uefi = \"ipxe.efi\"", rest);
    let tftp_off = named("[tftp]\nenabled = false");
    let because = "boot.files.x86_64-uefi, but TFTP is off";
    let on = Some("turn TFTP on ([tftp] listen)");
    check_cause(&tftp_off, ONE, &[7], (None, because, on));
    let file = Some("http://10.0.0.1/ipxe/ipxe.efi");
    check_cause(&tftp_off, ONE, &[16], (file, "boot.files.x86_64-uefi", None));
    let other_port = named("[tftp]\nlisten = \"0.0.0.0:6969\"");
    let because = "boot.files.x86_64-uefi, but TFTP is not at port 69, where firmware asks";
    let port = Some("let TFTP listen at port 69 ([tftp] listen)");
    check_cause(&other_port, ONE, &[7], (None, because, port));
    let http_off = named("[http]\nenabled = false");
    let because = "boot.files.x86_64-uefi, but HTTP is off";
    check_cause(&http_off, ONE, &[16], (None, because, Some("turn HTTP on ([http] listen)")));

    let (_directory, loaded) = load(&http_off);
    let site = Site::here(loaded).unwrap();
    let because = "no boot.script-url, and HTTP is off";
    let set = Some("set boot.script-url, or turn HTTP on ([http] listen)");
    explained(&site, &machine(ONE).with_user_class("Tinkerbell"), &[7], (None, because, set));
}

/// A Raspberry Pi's REQUEST has no option 60.
#[test]
fn a_machine_that_is_taken_for_one_that_boots() {
    let (_directory, loaded) = load(&config("rpi = \"ipxe.efi\"", ""));
    let site = Site::here(loaded).unwrap();
    let machine = Machine { vendor_class: Some(String::new()), ..machine(PI) };
    let step = steps(&site, &WithoutXdp::new(), &machine, Some(Message::Request), None).remove(0);
    has_lines(
        &render(&step.explanation),
        &[
            "  stage        pxe: no option 60, but its quirks",
            "  boots        ipxe.efi from 10.0.0.1: boot.files.rpi (its quirks say",
        ],
    );
}
