//! Real servers on exported configurations: they say what netboot itself says, or the test says what they say
//! instead, and why.

mod asks;
mod machine;
mod servers;

use std::{collections::BTreeMap, fs, net::Ipv4Addr};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{Setup, Xdp},
    lab::{INTERFACE, Lab},
    namespace::connect,
    process,
};

use self::{
    asks::{Case, Wire, cases, reboots},
    machine::{Answer, Machine},
    servers::Server,
};

const FILES: [&str; 5] = ["undionly.kpxe", "ipxe.efi", "snp.efi", "snp-arm64.efi", "http.efi"];
/// The interface that stands for that of VLAN 100, on both sides.
const TAGGED: &str = "vlan100";

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

/// The site, with these replaced.
fn setup(changes: &[(&str, &str)]) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    for file in FILES {
        fs::write(root.path().join(file), file)?;
    }
    let site = include_str!("export/site.toml");
    let mut text = site.replace("ROOT", &root.path().display().to_string());
    for (from, to) in changes {
        ensure!(text.contains(from), "{from:?} is not in it");
        text = text.replacen(from, to, 1);
    }
    Setup::new(Xdp::Off, root, &text)
}

/// What each request gets over these wires, in an OFFER; the ACK must say the same.
fn answers(lab: &Lab, wires: &[Wire]) -> Result<Answers> {
    let machine = Machine::new(&lab.client)?;
    cases()
        .into_iter()
        .filter(|case| wires.contains(&case.wire))
        .map(|Case { name, ask, wire }| {
            let answer = machine.boot(&ask, wire).with_context(|| name)?;
            Ok((name, answer))
        })
        .collect()
}

/// The kernel of a test may know no VLANs. Without the VLAN the machine in it would be there twice.
fn ours() -> Result<Answers> {
    const OFF: (&str, &str) = ("mode = \"off\"", "mode = \"reservation\"");
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
        let setup = setup(&changes)?;
        let daemon = setup.start(&lab.server, interface)?.quiet();
        let wrong = if interface == INTERFACE { wrong_reboots(&lab, None)? } else { String::new() };
        ensure!(wrong.is_empty(), "{wrong}");
        all.extend(answers(&lab, wires).with_context(|| daemon.log())?);
    }
    Ok(all)
}

/// What a machine that reboots gets otherwise than expected, of a server or of netboot.
fn wrong_reboots(lab: &Lab, server: Option<Server>) -> Result<String> {
    let machine = Machine::new(&lab.client)?;
    let mut wrong = String::new();
    for (name, ask, ours) in reboots() {
        let expect = server.map_or(ours, |server| server.reboot_instead(name, ours));
        let found = machine.kind(&ask).with_context(|| name)?;
        if found != expect {
            wrong += &format!("{name}: expected {expect:?}, found {found:?}\n");
        }
    }
    Ok(wrong)
}

fn check(server: Server) -> Result<()> {
    let lab = lab()?;
    let setup = setup(&[])?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("exported");
    let mut export = setup.command(&lab.server, &["export", server.name()])?;
    export.arg("--out").arg(&file);
    process::run(export, servers::DEADLINE)?;
    let running = server.start(&lab.server, directory.path(), &file)?;
    let theirs = answers(&lab, &Wire::ALL).with_context(|| running.said())?;
    let mut wrong = wrong_reboots(&lab, Some(server)).with_context(|| running.said())?;
    for (name, ours) in ours()? {
        let expect = ours.map(|ours| server.instead(name, ours));
        let found = theirs.get(name).context("not asked")?;
        if *found != expect {
            wrong += &format!("{name}:\n  expected {expect:?}\n  found    {found:?}\n");
        }
    }
    ensure!(wrong.is_empty(), "{}\n{wrong}", fs::read_to_string(&file)?);
    Ok(())
}

#[test]
fn dnsmasq_answers_as_netboot_does() -> Result<()> {
    check(Server::Dnsmasq)
}

#[test]
fn kea_answers_as_netboot_does() -> Result<()> {
    check(Server::Kea)
}

#[test]
fn dhcpd_answers_as_netboot_does() -> Result<()> {
    check(Server::Dhcpd)
}

#[test]
fn our_own_answers_are_those_that_are_meant() -> Result<()> {
    let answers = ours()?;
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
    check("relayed", [10, 20, 0, 5], "snp.efi")?;
    check("in a VLAN", [192, 168, 3, 144], "ipxe.efi")?;
    ensure!(answers.get("unknown") == Some(&None), "{answers:?}");
    Ok(())
}
