//! Real servers on exported configurations: they say what netboot itself says, or the test says what they say
//! instead, and why.

mod asks;
mod instead;
mod machine;

use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::Path};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{Setup, Xdp},
    dhcp_server::{Running, Server},
    lab::{INTERFACE, Lab},
    namespace::{Namespace, connect},
    program,
};

use self::{
    asks::{Case, Wire, cases, reboots},
    instead::{instead, reboot_instead},
    machine::{Answer, Machine},
};

const BIOS_FILE: &str = "undionly.kpxe";
const UEFI_FILES: [(&str, u16); 4] = [
    ("ipxe.efi", program::X86_64),
    ("snp.efi", program::X86_64),
    ("snp-arm64.efi", program::ARM64),
    ("http.efi", program::X86_64),
];
/// The interface that stands for that of VLAN 100, on both sides.
const TAGGED: &str = "vlan100";

/// netboot itself gives the addresses.
const OFF: (&str, &str) = ("mode = \"off\"", "mode = \"reservation\"");

type Answers = BTreeMap<&'static str, Option<Answer>>;

/// A node and a machine, joined also by VLAN 100; the machine is a relay too.
fn lab() -> Result<Lab> {
    let lab = Lab::new()?;
    connect((&lab.server, TAGGED), (&lab.client, TAGGED))?;
    lab.server.add_address(TAGGED, "192.168.3.1/24")?;
    lab.client.add_address(TAGGED, "192.168.3.250/24")?;
    lab.server.add_address(INTERFACE, "192.168.2.200/24")?;
    lab.server.add_address("lo", "10.20.0.112/32")?;
    lab.client.add_address(INTERFACE, "192.168.2.250/24")?;
    lab.client.add_address(INTERFACE, "10.20.0.1/16")?;
    lab.server.ip(&["route", "add", "10.20.0.0/16", "via", "192.168.2.250"])?;
    Ok(lab)
}

/// With all that can be exported.
const SITE: &str = include_str!("export/site.toml");
/// With options of all forms.
const OPTIONS: &str = include_str!("export/options.toml");

/// The same, where a machine may ask from another subnet.
fn shared() -> String {
    OPTIONS.replace("[dhcp]\n", "[dhcp]\nshared-networks = true\n")
}

/// A site, with these replaced.
fn setup(site: &str, changes: &[(&str, &str)]) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join(BIOS_FILE), "for a BIOS")?;
    for (file, machine) in UEFI_FILES {
        fs::write(root.path().join(file), program::uefi(machine, b""))?;
    }
    let mut text = site.replace("ROOT", &root.path().display().to_string());
    for (from, to) in changes {
        ensure!(text.contains(from), "{from:?} is not in it");
        text = text.replacen(from, to, 1);
    }
    Setup::new(Xdp::Off, root, &text)
}

/// What each request gets over these wires, in an OFFER; the ACK must say the same.
fn answers(lab: &Lab, site: &str, wires: &[Wire]) -> Result<Answers> {
    let machine = Machine::new(&lab.client)?;
    let is_asked = |name: &str| match name {
        "UEFI x64" | "relayed" => true,
        // Elsewhere it is netboot's address in that subnet that counts.
        "from another subnet" => site == shared(),
        _ => site == SITE,
    };
    cases()
        .into_iter()
        .filter(|case| wires.contains(&case.wire) && is_asked(case.name))
        .map(|Case { name, ask, wire }| {
            let answer = machine.boot(&ask, wire).with_context(|| name)?;
            Ok((name, answer))
        })
        .collect()
}

/// What netboot answers at a site.
fn ours(site: &str) -> Result<Answers> {
    if site != SITE {
        let lab = lab()?;
        let daemon = setup(site, &[OFF])?.start(&lab.server, INTERFACE)?.quiet();
        return answers(&lab, site, &Wire::ALL).with_context(|| daemon.log());
    }
    ours_and_tagged()
}

/// The kernel of a test may know no VLANs. Without the VLAN the machine in it would be there twice.
fn ours_and_tagged() -> Result<Answers> {
    const UNTAGGED: (&str, &str) = ("vlan = 100\n\n", "\n");
    let untagged = ("mac = \"52:54:00:ee:0d:0b\"", "mac = \"52:54:00:ee:0d:1b\"");
    let tagged = (
        "mac = \"52:54:00:ee:0d:0b\"\nip = \"192.168.3",
        "mac = \"52:54:00:ee:0d:1b\"\nip = \"192.168.3",
    );
    let mut all = Answers::new();
    for (changes, interface, wires) in [
        ([OFF, UNTAGGED, tagged], INTERFACE, &[Wire::Untagged, Wire::Relayed][..]),
        ([OFF, UNTAGGED, untagged], TAGGED, &[Wire::Tagged]),
    ] {
        let lab = lab()?;
        let setup = setup(SITE, &changes)?;
        let daemon = setup.start(&lab.server, interface)?.quiet();
        let wrong = if interface == INTERFACE { wrong_reboots(&lab, None)? } else { String::new() };
        ensure!(wrong.is_empty(), "{wrong}");
        all.extend(answers(&lab, SITE, wires).with_context(|| daemon.log())?);
    }
    Ok(all)
}

/// What a machine that reboots gets otherwise than expected, of a server or of netboot.
fn wrong_reboots(lab: &Lab, server: Option<Server>) -> Result<String> {
    let machine = Machine::new(&lab.client)?;
    let mut wrong = String::new();
    for (name, ask, ours) in reboots() {
        let expect = server.map_or(ours, |server| reboot_instead(server, name, ours));
        let found = machine.kind(&ask).with_context(|| name)?;
        if found != expect {
            wrong += &format!("{name}: expected {expect:?}, found {found:?}\n");
        }
    }
    Ok(wrong)
}

/// The server on what is exported for it.
fn start(server: Server, lab: &Lab, site: &str, directory: &Path) -> Result<Running> {
    let file = server.export(&lab.server, &setup(site, &[])?, directory)?;
    server.start(&lab.server, directory, &file)
}

fn check(server: Server, site: &str) -> Result<()> {
    let lab = lab()?;
    let directory = tempfile::tempdir()?;
    let running = start(server, &lab, site, directory.path())?;
    let theirs = answers(&lab, site, &Wire::ALL).with_context(|| running.said())?;
    let mut wrong = String::new();
    if site == SITE {
        wrong = wrong_reboots(&lab, Some(server)).with_context(|| running.said())?;
    }
    for (name, ours) in ours(site)? {
        let expect = ours.and_then(|ours| instead(server, name, ours));
        let found = theirs.get(name).context("not asked")?;
        if *found != expect {
            wrong += &format!("{name}:\n  expected {expect:?}\n  found    {found:?}\n");
        }
    }
    let text = fs::read_to_string(directory.path().join("exported"))?;
    ensure!(wrong.is_empty(), "{text}\n{wrong}");
    Ok(())
}

#[test]
fn dnsmasq_answers_as_netboot_does() -> Result<()> {
    check(Server::Dnsmasq, SITE)?;
    check(Server::Dnsmasq, OPTIONS)?;
    check(Server::Dnsmasq, &shared())
}

#[test]
fn kea_answers_as_netboot_does() -> Result<()> {
    check(Server::Kea, SITE)?;
    check(Server::Kea, OPTIONS)?;
    check(Server::Kea, &shared())
}

#[test]
fn dhcpd_answers_as_netboot_does() -> Result<()> {
    check(Server::Dhcpd, SITE)?;
    check(Server::Dhcpd, OPTIONS)?;
    check(Server::Dhcpd, &shared())
}

/// What a site may have otherwise.
const VARIANTS: [(&str, &[(&str, &str)]); 12] = [
    ("shared networks", &[("[dhcp]\n", "[dhcp]\nshared-networks = true\n")]),
    ("not authoritative", &[("[dhcp]\n", "[dhcp]\nauthoritative = false\n")]),
    ("limits", &[("[dhcp]\n", "[dhcp]\nmachine-rate = 5\ndecline-time = \"120s\"\n")]),
    ("a lease for ever", &[("\"24h\"", "\"4294967295s\"")]),
    ("a short lease", &[("lease-time = \"24h\"", "lease-time = \"60s\"")]),
    ("no user classes", &[("[\"Tinkerbell\", \"own \\\"class\\\", \\\\ # 1\"]", "[]")]),
    ("ProxyDHCP", &[("[dhcp]\n", "[dhcp]\nskip-proxydhcp = false\necho-pxeclient = true\n")]),
    ("no TFTP", &[("[[quirk]]", "[tftp]\nenabled = false\n\n[[quirk]]")]),
    ("no HTTP", &[("[[quirk]]", "[http]\nenabled = false\n\n[[quirk]]")]),
    ("neither", &[("[[quirk]]", "[http]\nenabled = false\n[tftp]\nenabled = false\n\n[[quirk]]")]),
    ("a subnet of two", &[("[boot]\n", "[[subnet]]\ncidr = \"10.30.0.0/31\"\n\n[boot]\n")]),
    ("a proxy", &[("mode = \"off\"", "mode = \"proxy\"")]),
];

#[test]
fn servers_take_what_is_exported() -> Result<()> {
    let node = Namespace::new()?;
    for (name, changes) in VARIANTS {
        let setup = setup(SITE, changes)?;
        for server in Server::ALL {
            let directory = tempfile::tempdir()?;
            let file = server.export(&node, &setup, directory.path())?;
            server.check(&node, directory.path(), &file).with_context(|| {
                format!("{name}: {}", fs::read_to_string(&file).unwrap_or_default())
            })?;
        }
    }
    Ok(())
}

#[test]
fn our_own_answers_are_those_that_are_meant() -> Result<()> {
    let answers = ours(SITE)?;
    let check = |name: &str, address: [u8; 4], file: &str| {
        let answer = answers.get(name).cloned().flatten().context("no answer")?;
        let Answer { yiaddr, .. } = answer;
        ensure!(yiaddr == Ipv4Addr::from(address) && answer.file == file, "{name}: {answer:?}");
        Ok(())
    };
    check("BIOS", [192, 168, 2, 144], "undionly.kpxe")?;
    check("HTTP boot", [192, 168, 2, 144], "http://192.168.2.200/ipxe/http.efi")?;
    check("Tinkerbell", [192, 168, 2, 144], "http://192.168.2.200/auto.ipxe")?;
    check("iPXE", [192, 168, 2, 144], "tftp://192.168.2.200/undionly.kpxe")?;
    check("nothing to boot", [192, 168, 2, 145], "")?;
    check("the first NIC of two", [192, 168, 2, 150], "ipxe.efi")?;
    check("the second NIC of two", [192, 168, 2, 150], "ipxe.efi")?;
    check("relayed", [10, 20, 0, 5], "snp.efi")?;
    check("in a VLAN", [192, 168, 3, 144], "ipxe.efi")?;
    ensure!(answers.get("unknown") == Some(&None), "{answers:?}");
    Ok(())
}
