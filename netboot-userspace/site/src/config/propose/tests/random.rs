//! Random edits: what is read in part is what is read as a whole.

use std::{fs, sync::Arc};

use super::{Proposal, Running, Site};
use crate::{
    config::{
        Loaded, Problem, load_to_run,
        propose::{judge::HostCounts, one_source::stations, settings::changed_settings},
        source::MachineBlocks,
    },
    model::Config,
};

const FILES: [&str; 4] = ["netboot.toml", "a.toml", "b.csv", "c.yaml"];
const ROUNDS: u64 = 50;
const EDITS: usize = 40;

/// What edits insert: the borders of each format.
const TOKENS: [&str; 40] = [
    "\n",
    "\r\n",
    "\r",
    "\"",
    "\"\"\"",
    "'''",
    "'",
    "#",
    "# c\n",
    ",",
    ",,\n",
    "[[host]]\n",
    "[host]\n",
    "  [[host]]\n",
    "[host.quirks]\nnever-nak = true\n",
    "[[host.options]]\ncode = 66\ntext = \"x\"\n",
    "[tftp]\nenabled = false\n",
    "[[subnet]]\ncidr = \"10.1.0.0/24\"\n",
    "netboot = false\n",
    "lease-time = \"30s\"\n",
    "vlan = 7\n",
    "boot-file = \"own.efi\"\n",
    "boot-file = \"gone.efi\"\n",
    "script = '''#!ipxe\n[[host]]\n'''\n",
    "hostname = \"a\"\n",
    "\u{feff}",
    "end\n",
    "\"\nend\n",
    "---\n",
    "- x\n",
    "mac,ip\n",
    "mac,ip,hostname,lease-time\n",
    "host = []\n",
    "dns = [\n",
    "]\n",
    "  hostname: b\n",
    "  subnetMask: 255.255.0.0\n",
    "  odd: 1\n",
    "=",
    " ",
];

/// Numbers by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    fn host(&mut self, form: &str) -> String {
        let (mac, ip) = (1 + self.below(60), 1 + self.below(120));
        let mac = format!("52:54:00:00:00:{mac:02x}");
        let more_macs = (0..self.below(5).saturating_sub(2)).map(|_| 1 + self.below(60));
        let more_macs: Vec<_> = more_macs.map(|own| format!("52:54:00:00:00:{own:02x}")).collect();
        let long = "x".repeat(60);
        match form {
            "b.csv" => {
                let quote = self.pick(&["", "", "\""]);
                let mac = [&[mac][..], &more_macs].concat().join(" ");
                format!("{mac},{quote}10.0.0.{ip}{quote}\n")
            }
            "c.yaml" => {
                let mask = self.pick(&["", "  subnetMask: 255.255.255.0\n", "  odd: 1\n"]);
                let net = self.pick(&["0", "0", "0", "7"]);
                format!("{mac}:\n  ipAddress: 10.0.{net}.{ip}\n{mask}")
            }
            _ => {
                let more = [
                    String::new(),
                    String::new(),
                    String::new(),
                    "lease-time = \"30s\"\n".to_owned(),
                    "vlan = 7\n".to_owned(),
                    "boot-file = \"own.efi\"\n".to_owned(),
                    "netboot = false\n".to_owned(),
                    "[host.quirks]\nnever-nak = true\n".to_owned(),
                    format!("search = [{}]\n", format!("\"{long}.example\",").repeat(7)),
                    format!("domain = \"{long}.example\"\nhostname = \"{long}\"\n"),
                    "script = '''#!ipxe\n[[host]]\n'''\n".to_owned(),
                ];
                let more = &more[self.below(more.len())];
                let mac = match &more_macs[..] {
                    [] => format!("{mac:?}"),
                    more => format!("{:?}", [&[mac][..], more].concat()),
                };
                format!("[[host]]\nmac = {mac}\nip = \"10.0.0.{ip}\"\n{more}")
            }
        }
    }

    fn file(&mut self, name: &str) -> String {
        let head = match name {
            "netboot.toml" => super::MAIN,
            "b.csv" => "mac,ip\n",
            _ => "",
        };
        let hosts: String = (0..self.below(6)).map(|_| self.host(name)).collect();
        format!("{head}{hosts}")
    }

    /// A position: of a line or of any byte.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        if self.below(3) > 0 {
            at = text.as_bytes()[..at]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
        }
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn edit(&mut self, name: &str, text: &str) -> String {
        let (a, b) = (self.place(text), self.place(text));
        let (from, to) = (a.min(b), a.max(b));
        match self.below(12) {
            0 => self.file(name),
            1 => format!("{}{}", &text[..from], &text[to..]),
            2 => format!("{}{}{}", &text[..to], &text[from..to], &text[to..]),
            3 => text[..a].to_owned(),
            4 | 5 => format!("{}{}{}", &text[..a], self.pick(&TOKENS), &text[a..]),
            6 => text.replacen("10.0.0.1", &format!("10.0.0.{}", 1 + self.below(200)), 1),
            7 => text.replacen(":00:0", &format!(":00:{}", self.below(9)), 1),
            8 => text.replacen(
                '\n',
                self.pick(&["\r\n", "\n\n", "\n# c\n", "\n  "]),
                1 + self.below(9),
            ),
            9 => format!("{text}{}", self.host(name)),
            // Where hosts begin.
            _ => {
                let mark = match name {
                    "b.csv" | "c.yaml" => "52:",
                    _ => "[[host]]",
                };
                let starts: Vec<_> = text.match_indices(mark).map(|(at, _)| at).collect();
                let Some(&at) = starts.get(self.below(starts.len())) else {
                    return text.to_owned();
                };
                format!("{}{}{}", &text[..at], self.host(name), &text[at..])
            }
        }
    }
}

fn hosts(running: &Running) -> Vec<Arc<crate::model::Host>> {
    let inventory = &running.state.hosts;
    let sources = running.sources.judge.sources.iter();
    let stations = sources.flat_map(|source| stations(inventory, source.machines()));
    stations.map(|station| inventory.by_station(station).unwrap()).collect()
}

/// What is kept is what a fresh start would keep.
fn check_state(running: &Running, loaded: &Loaded) {
    assert_eq!(hosts(running), loaded.config.hosts);
    assert_eq!(running.state.hosts.all().len(), loaded.config.hosts.len());
    assert!(changed_settings(&running.state.settings, &loaded.config).is_empty());
    let machines = loaded.config.hosts.iter().zip(&loaded.origins);
    let machines = machines.filter(|(host, _)| host.is_first());
    let origins: Vec<_> = machines.map(|(_, origin)| origin).collect();
    let judge = &running.sources.judge;
    for (source, name) in judge.sources.iter().zip(&loaded.files) {
        let blocks = source.as_file().unwrap();
        let bytes = fs::read(name).unwrap();
        let lines: Vec<_> =
            origins.iter().filter(|origin| *origin.file == **name).map(|o| o.line).collect();
        let fresh =
            MachineBlocks::new(name.clone(), blocks.form, bytes, blocks.hosts.clone(), &lines);
        assert_eq!(blocks.starts, fresh.starts, "{}", String::from_utf8_lossy(&blocks.bytes));
        assert!(blocks.bytes == fresh.bytes);
    }
    assert_eq!(judge.draft.config.subnets, loaded.config.subnets);
    assert_eq!(judge.draft.subnets.len(), loaded.config.subnets.len());
    assert_eq!(
        judge.own,
        HostCounts::of(&loaded.config, loaded.config.hosts.iter().map(|host| &**host))
    );
}

/// Warnings of hosts that were not read again are not repeated, and nothing new is left out.
fn check_warnings(said: &[Problem], before: &[Problem], now: &[Problem]) {
    let is_of_all = |problem: &&Problem| problem.message.starts_with("an answer can have");
    let key = |problem: &Problem| (problem.file.clone(), problem.message.clone());
    for warning in said.iter().filter(|warning| !is_of_all(warning)) {
        assert!(now.contains(warning), "{warning} of {now:#?}");
    }
    for warning in now.iter().filter(|warning| !is_of_all(warning)) {
        let is_old = before.iter().any(|old| key(old) == key(warning));
        assert!(is_old || said.contains(warning), "{warning} not in {said:#?}");
    }
    if now.iter().any(|warning| is_of_all(&warning)) && !before.iter().any(|old| is_of_all(&old)) {
        assert!(said.iter().any(|warning| is_of_all(&warning)));
    }
}

fn round(seed: u64) -> (usize, usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut refusals = Random(seed | 1 << 63);
    let site = Site::new();
    for name in FILES {
        let before = fs::read_to_string(site.path(name)).unwrap();
        site.write(name, &random.file(name));
        if load_to_run(&site.main()).is_err() {
            site.write(name, &before);
        }
    }
    let mut own = site.open();
    let mut running = load_to_run(&site.main()).unwrap();
    let mut good = 0;
    for _ in 0..EDITS {
        let before: Vec<_> = FILES.map(|name| fs::read_to_string(site.path(name)).unwrap()).into();
        let edits = if random.below(10) == 0 { 2 } else { 1 };
        for _ in 0..edits {
            let name = random.pick(&FILES);
            let text = fs::read_to_string(site.path(name)).unwrap();
            site.write(name, &random.edit(name, &text));
        }
        // Now and then what is proposed is not taken on.
        if refusals.below(6) == 0 {
            let _ = own.sources.reload(&own.state);
        }
        let before_change = own.state.hosts.all();
        let change = own.sources.reload(&own.state);
        if let Ok(proposal) = &change {
            own.take_on(proposal);
            let mut back = own.state.clone();
            back.hosts = crate::model::Inventory::new(own.state.hosts.all());
            back.apply(&proposal.difference.flip());
            assert_eq!(back.hosts.all(), before_change);
        }
        match (change, load_to_run(&site.main())) {
            (Err(problems), Ok(_)) if fs::read(site.main()).unwrap().is_empty() => {
                assert!(problems.to_string().ends_with("netboot.toml: is empty"), "{problems}");
                assert_eq!(hosts(&own), running.config.hosts);
                for (name, text) in FILES.iter().zip(before) {
                    site.write(name, &text);
                }
            }
            (Err(problems), Err(expect)) => {
                assert_eq!(problems, expect);
                assert_eq!(hosts(&own), running.config.hosts);
                if random.below(4) > 0 {
                    for (name, text) in FILES.iter().zip(before) {
                        site.write(name, &text);
                    }
                }
            }
            (Ok(change), Ok(loaded)) => {
                good += 1;
                check_change(&change, &running, &loaded);
                check_state(&own, &loaded);
                running = loaded;
                // Nothing is read in part while a machine is left out.
                if own.sources.judge.draft.left_out {
                    for (name, text) in FILES.iter().zip(before) {
                        site.write(name, &text);
                    }
                }
            }
            (change, loaded) => panic!("{change:?}\n{loaded:?}"),
        }
    }
    (good, own.sources.parts)
}

fn check_change(change: &Proposal, before: &Loaded, now: &Loaded) {
    let settings = changed_settings(&before.config, &now.config);
    let Proposal { difference, warnings } = change;
    let summary = difference.summary();
    assert_eq!(summary.settings, settings);
    assert_eq!(difference.settings.is_some(), !settings.is_empty());
    check_warnings(warnings.kept(), before.warnings.kept(), now.warnings.kept());
    let by_station = |config: &Config| -> std::collections::BTreeMap<_, _> {
        config.hosts.iter().map(|host| (host.station(), Arc::clone(host))).collect()
    };
    let (mut applied, now) = (by_station(&before.config), by_station(&now.config));
    let count = applied.len();
    // Those of several MACs can become several machines, or be one by another MAC.
    let is_single = applied.values().chain(now.values()).all(|host| host.nics.is_empty());
    for host in difference.unset() {
        assert_eq!(applied.remove(&host.station()).as_ref(), Some(host));
    }
    for changed in &difference.changed {
        assert_eq!(changed.before.station(), changed.after.station());
        assert_ne!(changed.before, changed.after);
    }
    for host in difference.set() {
        assert_eq!(applied.insert(host.station(), Arc::clone(host)), None);
    }
    assert_eq!(applied, now);
    assert!(summary.changed + summary.added <= difference.set().count());
    assert!(summary.removed <= difference.removed.len());
    if is_single {
        assert_eq!(summary.changed, difference.changed.len());
        assert_eq!(summary.removed, difference.removed.len());
        assert_eq!(count + summary.added - summary.removed, now.len());
    }
}

#[test]
fn parts_are_as_the_whole() {
    let (mut good, mut parts) = (0, 0);
    for seed in 0..ROUNDS {
        let (round_good, round_parts) =
            std::panic::catch_unwind(|| round(seed)).unwrap_or_else(|_| panic!("seed {seed}"));
        good += round_good;
        parts += round_parts;
    }
    // Or the comparison says nothing.
    assert!(good > 300 && parts * 4 > good, "{parts} of {good}");
}
