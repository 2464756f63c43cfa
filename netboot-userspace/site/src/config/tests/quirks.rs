//! VLANs and quirks that are refused or warned of.

use super::{SUBNET, check, host};

#[test]
fn vlans() {
    let vlan = |vlan: &str, message: &str| {
        check(
            &format!("{SUBNET}vlan = {vlan}"),
            &[&format!("netboot.toml:3: subnet[0].vlan: {message}")],
        );
    };
    vlan("0", "0 is no VLAN id: 1 to 4094 are");
    vlan("4095", "4095 is no VLAN id: 1 to 4094 are");
    vlan("[7, 0]", "0 is no VLAN id: 1 to 4094 are");
    vlan("\"7\"", "expected a whole number, found \"7\"");
    vlan("[1, 2, 3]", "write one VLAN id, or the outer and the inner one: [200, 100]");
    vlan("[]", "write one VLAN id, or the outer and the inner one: [200, 100]");
    check(
        &host("boot-vlan = 4095"),
        &["netboot.toml:6: host[0].boot-vlan: 4095 is no VLAN id: 1 to 4094 are"],
    );
    // A machine may have a reservation in each VLAN, but each has its own address.
    let second = |ip: &str, vlan: &str| {
        host("vlan = 7")
            + &format!("[[host]]\nmac = \"525400000001\"\nip = \"{ip}\"\nvlan = {vlan}\n")
    };
    check(&second("10.0.0.6", "8"), &[]);
    check(&second("10.0.0.6", "[7, 8]"), &[]);
    check(
        &second("10.0.0.5", "7"),
        &[
            "netboot.toml:8: host[1].mac: 52:54:00:00:00:01 in VLAN 7 is already the MAC at \
             host[0].mac (netboot.toml:4); each machine needs its own",
            "netboot.toml:9: host[1].ip: 10.0.0.5 is already the address at host[0].ip \
             (netboot.toml:5); each machine needs its own",
        ],
    );
    // The second one is in its subnet's VLAN.
    check(
        &format!(
            "{SUBNET}vlan = 7\n[[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n\
             [[host]]\nmac = \"525400000001\"\nip = \"10.0.0.6\"\nvlan = 7"
        ),
        &["netboot.toml:8: host[1].mac: 52:54:00:00:00:01 in VLAN 7 is already the MAC at \
           host[0].mac (netboot.toml:5); each machine needs its own"],
    );
}

#[test]
fn quirks() {
    let row = |row: &str, message: &str| {
        check(&format!("[[quirk]]\n{row}"), &[&format!("netboot.toml:{message}")]);
    };
    row("never-nak = true", "1: quirk[0].oui: is missing");
    for oui in ["b8:27", "b8:27:eb:00", "b827eb", "b8:27:e", "b8:27:+b"] {
        let message = "is not the begin of a MAC; write three octets, as in \"b8:27:eb\"";
        row(&format!("oui = \"{oui}\""), &format!("2: quirk[0].oui: {oui:?} {message}"));
    }
    row(
        "oui = \"01:00:5e\"",
        "2: quirk[0].oui: \"01:00:5e\" begins group addresses, not machines'",
    );
    row(
        "oui = \"b8:27:eb\"\n[[quirk]]\noui = \"B8-27-EB\"",
        "4: quirk[1].oui: b8:27:eb already has its quirks at quirk[0].oui (netboot.toml:2); \
         write them in one place",
    );
    let quirk = |quirk: &str, message: &str| {
        row(&format!("oui = \"b8:27:eb\"\n{quirk}"), &format!("3: quirk[0].{message}"));
    };
    quirk("never-nack = true", "never-nack: unknown key; did you mean \"never-nak\"?");
    for size in ["299", "1501"] {
        let message = "bytes cannot be asked for: 300 to 1500 can";
        quirk(&format!("min-size = {size}"), &format!("min-size: a message of {size} {message}"));
    }
    quirk(
        "architecture = 64",
        "architecture: 64 is not an architecture that can be served: numbers below 64 can",
    );
    quirk("menu = \"\"", "menu: is empty");
    let long = "x".repeat(31);
    for menu in [long.as_str(), "é"] {
        let message = "is not the text of a menu: 1 to 30 ASCII characters";
        quirk(&format!("menu = \"{menu}\""), &format!("menu: {menu:?} {message}"));
    }
    check(
        "[script]\nkernel = \"../../etc/passwd\"",
        &["netboot.toml:2: script.kernel: \"../../etc/passwd\" must not contain \"..\" or \".\""],
    );
    check(
        &format!("{SUBNET}boot-files = {{ rpi = \"ipxe.efi\" }}\n[boot]\nroot = \"boot/sub\""),
        &[
            "netboot.toml:3: subnet[0].boot-files.rpi: boot/sub/ipxe.efi: no such file or directory; \
           put it there, or correct the name",
        ],
    );
}
