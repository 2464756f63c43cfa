//! The changes that subnets, hosts and quirks make to what machines boot.

use netboot_site::model::{QuirkRow, Quirks};

use super::*;

const PXE: &[u8] = &[6, 1, 8, 255];
const NO_PROXY: &[u8] = &[0xb0, 1, 1];
const NO: &[u8] = &[];

#[test]
fn boot_vlans() {
    const PXE_VLAN: &[u8] = b"\x06\x01\x08\x74\x03100\xff";
    let subnets = |config: &mut Config| edit(config, |own| own.boot_vlan = Some(100), |_| {});
    check(subnets, UEFI, "ipxe.efi", [PXE_VLAN, NO, NO, NO]);
    check(subnets, SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE_VLAN, NO, NO, NO_PROXY]);
    check(subnets, BIOS, "tftp://172.30.0.1/undionly.kpxe", [PXE_VLAN, NO, NO, NO_PROXY]);
    let file = "http://172.30.0.1/ipxe/ipxe.efi";
    check(subnets, HTTP, file, [b"\x74\x03100\xff", b"HTTPClient", NO, NO]);
    let hosts = |config: &mut Config| {
        edit(config, |own| own.boot_vlan = Some(100), |own| own.boot_vlan = Some(7));
    };
    check(hosts, UEFI, "ipxe.efi", [b"\x06\x01\x08\x74\x017\xff", NO, NO, NO]);
}

#[test]
fn menus() {
    const MENU: &[u8] = b"\x06\x01\x08\x09\x14\x00\x00\x11Raspberry Pi Boot\x0a\x04\x00PXE\xff";
    let pi = |config: &mut Config| {
        edit(config, |_| {}, |host| host.quirks.menu = Some("Raspberry Pi Boot".to_owned()));
    };
    check(pi, UEFI, "ipxe.efi", [MENU, NO, NO, NO]);
    check(pi, BIOS, "tftp://172.30.0.1/undionly.kpxe", [PXE, NO, NO, NO_PROXY]);
    // The most that option 43 and 60 can have together fits their block.
    let most = |config: &mut Config| {
        config.dhcp.echo_pxeclient = true;
        edit(
            config,
            |own| own.boot_vlan = Some(4094),
            |own| own.quirks.menu = Some("x".repeat(30)),
        );
    };
    let mut expect = b"\x06\x01\x08\x09\x21\x00\x00\x1e".to_vec();
    expect.extend([b'x'; 30]);
    expect.extend(b"\x0a\x04\x00PXE\x74\x044094\xff");
    check(most, UEFI, "ipxe.efi", [&expect, b"PXEClient", NO, NO]);
}

#[test]
fn option_60_of_quirks() {
    let echo = |site: bool, oui: [u8; 3], own: Option<bool>| {
        move |config: &mut Config| {
            config.dhcp.echo_pxeclient = site;
            let quirks = Quirks { echo_pxeclient: own, ..Quirks::default() };
            config.quirks = vec![QuirkRow { oui, quirks, reason: String::new() }];
        }
    };
    const OWN: [u8; 3] = [0x52, 0x54, 0x00];
    const OTHER: [u8; 3] = [0x52, 0x54, 0x01];
    let bios = "tftp://172.30.0.1/undionly.kpxe";
    check(echo(false, OWN, Some(true)), BIOS, bios, [PXE, b"PXEClient", NO, NO_PROXY]);
    check(echo(false, OTHER, Some(true)), BIOS, bios, [PXE, NO, NO, NO_PROXY]);
    check(echo(true, OWN, None), BIOS, bios, [PXE, b"PXEClient", NO, NO_PROXY]);
    check(echo(true, OWN, Some(false)), BIOS, bios, [PXE, NO, NO, NO_PROXY]);
}

#[test]
fn files_of_subnets() {
    let subnet = |key: Architecture| {
        move |config: &mut Config| {
            let number = Architecture::Code(7);
            config.boot.files.insert(number, "number.efi".to_owned());
            edit(config, |own| _ = own.files.insert(key, "subnet.efi".to_owned()), |_| {});
        }
    };
    // A subnet's name goes before the number of all.
    check(subnet(Architecture::X8664Uefi), UEFI, "subnet.efi", [PXE, NO, NO, NO]);
    check(subnet(Architecture::Code(7)), UEFI, "subnet.efi", [PXE, NO, NO, NO]);
    check(subnet(Architecture::Arm64Uefi), UEFI, "number.efi", [PXE, NO, NO, NO]);
    let url = |own: Option<&'static str>| {
        move |config: &mut Config| {
            config.boot.script_url = Some("http://a/all".to_owned());
            edit(
                config,
                |subnet| subnet.script_url = Some("http://a/subnet".to_owned()),
                |host| host.script_url = own.map(str::to_owned),
            );
        }
    };
    check(url(None), SCRIPT, "http://a/subnet", [PXE, NO, NO, NO_PROXY]);
    check(url(Some("http://a/host")), SCRIPT, "http://a/host", [PXE, NO, NO, NO_PROXY]);
}

/// The file that firmware of each of these codes gets, as the tables have it.
#[track_caller]
fn check_slots(files: &[(Architecture, &str)], slots: u32, expect: &[(u8, &str)]) {
    let mut config = site::config().unwrap();
    config.boot.files = files.iter().map(|(key, name)| (*key, (*name).to_owned())).collect();
    let tables = site::tables_of(&config).unwrap();
    assert_eq!(tables.settings.slots, slots);
    let set = tables.reservations.values().next().unwrap().boot_set;
    for (code, name) in expect {
        let slot = u32::from(tables.settings.architecture_slots[usize::from(*code)]);
        let row = set + netboot_ebpf::client::Stage::Pxe.row(slots, slot);
        let row = &tables.boot_files[row as usize];
        let found = if slot == 0 { &[] } else { &row.name[..usize::from(row.name_len)] };
        assert_eq!(str::from_utf8(found).unwrap(), *name, "{code}");
    }
}

#[test]
fn slots_are_only_for_what_has_a_file() {
    use Architecture::{Arm64Uboot, Arm64Uefi, Code, Riscv64Uefi, Rpi};
    check_slots(&[], 1, &[(0, ""), (11, "")]);
    let all = [(11, "a"), (19, "a"), (22, "a"), (24, "a"), (41, "a"), (27, ""), (50, "")];
    check_slots(&[(Arm64Uefi, "a")], 2, &all);
    check_slots(&[(Arm64Uefi, "a"), (Rpi, "r")], 3, &[(11, "a"), (22, "a"), (41, "r")]);
    check_slots(&[(Rpi, "r")], 2, &[(11, ""), (22, ""), (41, "r")]);
    check_slots(&[(Arm64Uboot, "u")], 2, &[(11, ""), (22, "u"), (24, "u"), (41, "")]);
    let number = [(Code(24), "n"), (Arm64Uefi, "a")];
    check_slots(&number, 3, &[(11, "a"), (22, "a"), (24, "n"), (41, "a")]);
    check_slots(&[(Riscv64Uefi, "v"), (Code(50), "o")], 3, &[(27, "v"), (28, "v"), (50, "o")]);
}

#[test]
fn quirks_of_reservations() {
    let row = |quirks: Quirks| {
        let mut config = site::config().unwrap();
        edit(&mut config, |_| {}, |host| host.quirks = quirks.clone().into());
        let tables = site::tables_of(&config).unwrap();
        let row = tables.reservations.values().next().unwrap();
        (row.flags, row.architecture, row.min_message, row.delay)
    };
    assert_eq!(row(Quirks::default()), (0, NO_ARCHITECTURE, 0, 0));
    let all = Quirks {
        never_nak: Some(true),
        always_broadcast: Some(true),
        min_size: Some(590),
        delay: Some(Duration::from_secs(10)),
        no_option_67: Some(true),
        assume_pxe: Some(true),
        architecture: Some(41),
        ..Quirks::default()
    };
    assert_eq!(row(all), (15, 41, 590, 10_000));
    let one = |quirks: Quirks| row(quirks).0;
    assert_eq!(one(Quirks { always_broadcast: Some(true), ..Quirks::default() }), 2);
    assert_eq!(one(Quirks { no_option_67: Some(true), ..Quirks::default() }), 4);
    assert_eq!(one(Quirks { never_nak: Some(false), ..Quirks::default() }), 0);
}
