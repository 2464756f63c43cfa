//! Tests of proposals.

mod boot_files;
mod random;
mod sources;

use std::{fs, path::PathBuf};

use netboot_test_kit::efi;

use super::{Proposal, Sources};
use crate::{config::Problems, model::State};

const MAIN: &str = "inventory = [\"a.toml\", \"b.csv\", \"c.yaml\"]\ninterfaces = [\"lo\"]\nboot.root = \"boot\"\n\
                    [boot.files]\nx86_64-uefi = \"ipxe.efi\"\n\
                    [[subnet]]\ncidr = \"10.0.0.0/24\"\n";

/// A directory with a configuration.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(site.path("boot")).unwrap();
        for name in ["boot/own.efi", "boot/vmlinuz-x86_64", "boot/initramfs-x86_64"] {
            site.write(name, "content");
        }
        site.program(0x8664);
        site.write("netboot.toml", MAIN);
        site.write("a.toml", &[toml(1), toml(2), toml(3)].concat());
        site.write("b.csv", &format!("mac,ip\n{}{}", csv(4), csv(5)));
        site.write("c.yaml", &yaml(6));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The boot file is one for this type of machine.
    fn program(&self, machine: u16) {
        fs::write(self.path("boot/ipxe.efi"), efi(machine)).unwrap();
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    fn open(&self) -> Running {
        let (sources, loaded) = Sources::open(&self.main()).unwrap();
        Running { sources, state: State::new(loaded.config) }
    }

    fn main(&self) -> PathBuf {
        self.path("netboot.toml")
    }
}

/// Sources, and the state that their proposals make.
struct Running {
    sources: Sources,
    state: State,
}

impl Running {
    fn reload(&mut self) -> Result<Proposal, Problems> {
        let proposal = self.sources.reload(&self.state)?;
        self.take_on(&proposal);
        Ok(proposal)
    }

    fn reread(&mut self) -> Result<Proposal, Problems> {
        let proposal = self.sources.reread(&self.state)?;
        self.take_on(&proposal);
        Ok(proposal)
    }

    fn take_on(&mut self, proposal: &Proposal) {
        self.sources.take_over();
        self.state.apply(&proposal.difference);
    }
}

fn toml(number: u8) -> String {
    format!("[[host]]\nmac = \"52:54:00:00:00:{number:02x}\"\nip = \"10.0.0.{number}\"\n")
}

fn csv(number: u8) -> String {
    format!("52:54:00:00:00:{number:02x},10.0.0.{number}\n")
}

fn yaml(number: u8) -> String {
    format!(
        "52:54:00:00:00:{number:02x}:\n  ipAddress: 10.0.0.{number}\n  subnetMask: 255.255.255.0\n"
    )
}

/// In one line: of what a change is, and the warnings.
fn said(site: &Site, change: Result<Proposal, Problems>) -> String {
    let said = match change {
        Ok(Proposal { difference, warnings }) => {
            let summary = difference.summary();
            let told = warnings.kept().iter().map(|warning| format!(" | {warning}"));
            let told = told.collect::<String>();
            match (difference.settings.is_some(), difference.is_empty() && warnings.is_empty()) {
                (true, _) => format!("whole: {summary}"),
                (false, true) => "nothing".to_owned(),
                (false, false) => format!("hosts: {summary}{told}"),
            }
        }
        Err(problems) => format!("refused: {problems}"),
    };
    said.replace(&format!("{}/", site.directory.path().display()), "")
}

/// Each edit, whether the rest was left unread, and what is said of it.
#[test]
fn reads_what_changed() {
    let site = Site::new();
    let mut running = site.open();
    let mut check = |name: &str, from: &str, to: &str, parts: usize, expect: &str| {
        site.edit(name, from, to);
        let before = running.sources.parts;
        let change = running.reload();
        assert_eq!(said(&site, change), expect, "{name}: {from} -> {to}");
        assert_eq!(running.sources.parts - before, parts, "{name}: {from} -> {to}");
    };
    check("a.toml", "10.0.0.2\"", "10.0.0.22\"", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check("a.toml", "00:02\"", "00:12\"", 1, "hosts: 1 host added, 0 changed, 1 removed");
    check("a.toml", &toml(1), "", 1, "hosts: 0 hosts added, 0 changed, 1 removed");
    check("a.toml", "[[host]]", "# none\n[[host]]", 1, "nothing");
    check(
        "a.toml",
        "\"52:54:00:00:00:03\"",
        "[\"52:54:00:00:00:03\", \"52:54:00:00:00:13\"]",
        1,
        "hosts: 0 hosts added, 1 changed, 0 removed",
    );
    check("a.toml", "10.0.0.3\"", "10.0.0.33\"", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check("a.toml", "10.0.0.33\"", "10.0.0.3\"", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check("a.toml", "\"52:54:00:00:00:03\", ", "", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check(
        "a.toml",
        "[\"52:54:00:00:00:13\"]",
        "[\"52:54:00:00:00:03\", \"52:54:00:00:00:13\"]",
        1,
        "hosts: 0 hosts added, 1 changed, 0 removed",
    );
    let both =
        "[[host]]\nmac = [\"52:54:00:00:00:03\", \"52:54:00:00:00:13\"]\nip = \"10.0.0.3\"\n";
    check("a.toml", both, "", 1, "hosts: 0 hosts added, 0 changed, 1 removed");
    check(
        "a.toml",
        "10.0.0.22\"\n",
        &format!("10.0.0.22\"\n{both}"),
        1,
        "hosts: 1 host added, 0 changed, 0 removed",
    );
    check("a.toml", both, &toml(3), 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check(
        "b.csv",
        "10.0.0.5\n",
        "10.0.0.5\n52:54:00:00:00:07,10.0.0.7\n",
        1,
        "hosts: 1 host added, 0 changed, 0 removed",
    );
    check(
        "b.csv",
        "10.0.0.4\n",
        "\"10.0.0.44\"\n",
        1,
        "hosts: 0 hosts added, 1 changed, 0 removed",
    );
    check("b.csv", "mac,ip\n", "# all\nmac,ip\n", 1, "nothing");
    check("b.csv", "0.44\"", "0.45\"", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check("c.yaml", "10.0.0.6", "10.0.0.66", 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check(
        "netboot.toml",
        "10.0.0.0/24\"\n",
        "10.0.0.0/24\"\nmtu = 1500\n",
        0,
        "whole: 0 hosts added, 0 changed, 0 removed; settings changed: subnet 10.0.0.0/24",
    );
    check(
        "netboot.toml",
        "mtu = 1500\n",
        &toml(9),
        0,
        "whole: 1 host added, 0 changed, 0 removed; settings changed: subnet 10.0.0.0/24",
    );
    check(
        "netboot.toml",
        "\"10.0.0.9\"",
        "\"10.0.0.99\"",
        1,
        "hosts: 0 hosts added, 1 changed, 0 removed",
    );
    check(
        "c.yaml",
        "10.0.0.66",
        "10.1.0.66",
        0,
        "whole: 0 hosts added, 1 changed, 0 removed; settings changed: subnet 10.1.0.0/24",
    );
    check(
        "a.toml",
        "10.0.0.3\"",
        "10.0.0.3\"\nlease-time = \"30s\"",
        1,
        "hosts: 0 hosts added, 1 changed, 0 removed | a.toml:8: host[1].lease-time: a lease of 30s can end while a machine boots; give 60s at least",
    );
    check(
        "b.csv",
        "10.0.0.45",
        "10.0.0.3",
        0,
        "refused: b.csv:3: ip: 10.0.0.3 is already the address at host[1].ip (a.toml:7); each machine needs its own",
    );
    check("b.csv", "10.0.0.3\"", "10.0.0.45\"", 0, "nothing");
    check(
        "netboot.toml",
        "interfaces",
        "user = \"u\"\ninterfaces",
        0,
        "whole: 0 hosts added, 0 changed, 0 removed",
    );
}

#[test]
fn keeps_the_last_good_one() {
    let site = Site::new();
    let mut running = site.open();
    let mut check = |expect: &str| assert_eq!(said(&site, running.reload()), expect);
    fs::rename(site.path("a.toml"), site.path("a.old")).unwrap();
    check(
        "refused: netboot.toml:1: inventory[0]: a.toml: no such file or directory; create it, or correct the name",
    );
    fs::rename(site.path("a.old"), site.path("a.toml")).unwrap();
    check("nothing");
    site.edit("netboot.toml", "\"c.yaml\"", "\"c.yaml\", \"d/d.toml\"");
    check(
        "refused: netboot.toml:1: inventory[3]: d/d.toml: no such file or directory; create it, or correct the name",
    );
    assert!(running.sources.watched().contains(&site.path("d/d.toml")));
    fs::create_dir(site.path("d")).unwrap();
    site.write("d/d.toml", &toml(7));
    let mut check = |expect: &str| assert_eq!(said(&site, running.reload()), expect);
    check("hosts: 1 host added, 0 changed, 0 removed");
    // Two files at once.
    site.edit("a.toml", "10.0.0.1\"", "10.0.0.7\"");
    check(
        "refused: d/d.toml:3: host[0].ip: 10.0.0.7 is already the address at host[0].ip (a.toml:3); each machine needs its own",
    );
    site.edit("d/d.toml", "10.0.0.7\"", "10.0.0.1\"");
    check("hosts: 0 hosts added, 2 changed, 0 removed");
}

/// Who compares hosts by pointer finds those that stay, and no difference but that of the settings.
#[test]
fn hosts_that_stay_are_the_same() {
    let site = Site::new();
    let mut running = site.open();
    let before = running.state.hosts.all();
    site.edit("netboot.toml", "10.0.0.0/24\"\n", "10.0.0.0/24\"\nmtu = 1500\n");
    let proposal = running.reload().unwrap();
    assert_eq!(proposal.difference.hosts(), 0);
    assert_eq!(running.state.settings.subnets[0].mtu, Some(1500));
    for (before, now) in before.iter().zip(&running.state.hosts.all()) {
        assert!(std::sync::Arc::ptr_eq(before, now));
    }
}

/// What is not taken on is proposed again, whatever comes beside it.
#[test]
fn what_is_not_taken_on_stays_a_proposal() {
    let site = Site::new();
    let mut running = site.open();
    let mut check = |expect: &str| {
        let proposal = running.sources.reload(&running.state);
        assert_eq!(said(&site, proposal), expect);
    };
    site.edit("a.toml", "10.0.0.2\"", "10.0.0.22\"");
    check("hosts: 0 hosts added, 1 changed, 0 removed");
    check("hosts: 0 hosts added, 1 changed, 0 removed");
    site.edit("b.csv", "10.0.0.5\n", "10.0.0.55\n");
    check("hosts: 0 hosts added, 2 changed, 0 removed");
    site.edit("netboot.toml", "10.0.0.0/24\"\n", "10.0.0.0/24\"\nmtu = 1500\n");
    let all = "whole: 0 hosts added, 2 changed, 0 removed; settings changed: subnet 10.0.0.0/24";
    check(all);
    site.edit("a.toml", "10.0.0.22\"", "10.0.0.2\"");
    check("whole: 0 hosts added, 1 changed, 0 removed; settings changed: subnet 10.0.0.0/24");
    site.edit("a.toml", "10.0.0.2\"", "10.0.0.22\"");
    assert_eq!(said(&site, running.reload()), all);
    assert_eq!(said(&site, running.reload()), "nothing");
}

#[test]
fn an_empty_file_is_no_configuration() {
    let site = Site::new();
    let mut running = site.open();
    site.write("netboot.toml", "");
    let error = running.reload().unwrap_err().to_string();
    assert!(error.ends_with("netboot.toml: is empty"), "{error}");
    assert_eq!(running.reread().unwrap_err().to_string(), error);
    site.write("netboot.toml", MAIN);
    assert_eq!(said(&site, running.reload()), "nothing");
}

/// What is wrong with a record of others' stops no other, also while it runs.
#[test]
fn a_record_stops_no_other() {
    let site = Site::new();
    site.write("c.yaml", &(yaml(6) + &yaml(7)));
    let mut running = site.open();
    let long = format!("10.0.0.6\n  nameServers: [{}]", vec!["10.0.0.9"; 300].join(", "));
    let mut check = |name: &str, from: &str, to: &str, expect: &str| {
        site.edit(name, from, to);
        assert_eq!(said(&site, running.reload()), expect);
    };
    let out = "c.yaml:1: 52:54:00:00:00:06: its DHCP options take 1252 bytes, 1188 is the limit: \
               leave some out or shorten them; the machine is left out";
    check(
        "c.yaml",
        "10.0.0.6",
        &long,
        &format!("hosts: 0 hosts added, 0 changed, 1 removed | {out}"),
    );
    check("c.yaml", "10.0.0.7", "10.0.0.17", "hosts: 0 hosts added, 1 changed, 0 removed");
    check("netboot.toml", "[boot.files]", "[boot.files] # x", "nothing");
    check("c.yaml", &long, "10.0.0.6", "hosts: 1 host added, 0 changed, 0 removed");
    check(
        "c.yaml",
        "52:54:00:00:00:06:",
        "foo: 1\nfoo: 2\n52:54:00:00:00:06:",
        "hosts: 0 hosts added, 0 changed, 0 removed | c.yaml:2: the record has \"foo\" twice; left out",
    );
}
