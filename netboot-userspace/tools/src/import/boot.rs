//! Rules that name boot files, and the settings that do the same here.

use std::net::Ipv4Addr;

use netboot_ebpf::wire::code;
use netboot_site::{
    config::{Fragment, is_boot_file, is_script_url},
    model::Architecture,
};

use super::note::{NotePlace, Notes};
use crate::import::scope::Scope;

/// What a rule asks of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Option 93.
    Arch(u16),
    /// Option 77.
    Class(String),
    /// The beginning of option 60.
    Vendor(String),
    /// An option of this code is there.
    Has(u8),
    /// A machine is put into a class of this name.
    Member(String),
    Not(Box<Test>),
    /// What netboot does not look at.
    Other(String),
}

/// A file that machines boot which pass all tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) place: NotePlace,
    pub(super) scope: Scope,
    pub(super) tests: Vec<Test>,
    pub(super) file: String,
}

impl Rule {
    /// A script, where an iPXE's class is asked for.
    pub(super) fn is_for_a_class(&self) -> bool {
        let asked = RequestTests::new(&self.tests);
        !asked.classes.is_empty() && !asked.is_other_ipxe(&self.file)
    }

    pub(super) fn is_for_architectures(&self) -> bool {
        !RequestTests::new(&self.tests).architectures.is_empty()
    }
}

/// What is left of the tests.
#[derive(Default)]
struct RequestTests {
    classes: Vec<String>,
    architectures: Vec<u16>,
    is_http: bool,
    other: Option<String>,
}

impl RequestTests {
    fn new(tests: &[Test]) -> Self {
        let mut asked = Self::default();
        for test in tests {
            match test {
                Test::Class(class) => asked.classes.push(class.clone()),
                Test::Arch(code) => asked.architectures.push(*code),
                Test::Vendor(vendor) if vendor.starts_with("HTTPClient") => asked.is_http = true,
                // U-Boot loads what PXE firmware does.
                Test::Vendor(vendor)
                    if vendor == "U-Boot" || "PXEClient".starts_with(vendor.as_str()) => {}
                Test::Vendor(vendor) => match vendor.strip_prefix("PXEClient:Arch:") {
                    Some(arch) => asked.architectures.extend(arch_of_vendor(arch)),
                    None if vendor.starts_with("PXEClient") => {}
                    None => asked.other = Some(format!("vendor class {vendor:?}")),
                },
                // Firmware that boots has both.
                Test::Has(code::VENDOR_CLASS | code::ARCHITECTURE) => {}
                Test::Has(code::USER_CLASS)
                    if tests.iter().any(|test| matches!(test, Test::Class(_))) => {}
                Test::Member(class) => asked.other = Some(format!("the class {class:?}")),
                Test::Has(code) => asked.other = Some(format!("whether there is an option {code}")),
                // The script's classes are asked before all else.
                Test::Not(test)
                    if matches!(
                        **test,
                        Test::Class(_)
                            | Test::Member(_)
                            | Test::Vendor(_)
                            | Test::Arch(_)
                            | Test::Has(code::VENDOR_CLASS | code::USER_CLASS | code::ARCHITECTURE)
                    ) => {}
                Test::Not(test) => asked.other = Some(format!("not {test:?}")),
                Test::Other(what) => asked.other = Some(what.clone()),
            }
        }
        asked
    }
}

impl RequestTests {
    /// netboot lets an iPXE that gets no script load its architecture's binary.
    fn is_other_ipxe(&self, file: &str) -> bool {
        let is_script = file.starts_with("http://") || file.starts_with("https://");
        self.classes == ["iPXE"] && !is_script
    }
}

/// `00007:UNDI:003016`
fn arch_of_vendor(text: &str) -> Option<u16> {
    text.split(':').next()?.parse().ok()
}

/// Puts what the rules say where it belongs.
pub(super) fn conclude(rules: Vec<Rule>, into: &mut Fragment, notes: &mut Notes) {
    // What is for all comes after what is for some architectures: it is for those that no rule names. What an iPXE
    // of another kind loads is judged by all of these.
    let order = |rule: &Rule| {
        let asked = RequestTests::new(&rule.tests);
        match (asked.is_other_ipxe(&rule.file), asked.architectures.is_empty()) {
            (false, false) => 0,
            (false, true) => 1,
            (true, _) => 2,
        }
    };
    let mut rules = rules;
    rules.sort_by_key(order);
    for rule in rules {
        apply(&rule, into, notes);
    }
    gather_scripts(into);
    gather(into);
}

/// The script that most machines of a subnet have is the subnet's.
fn gather_scripts(into: &mut Fragment) {
    for subnet in into.subnets.iter_mut().filter(|subnet| subnet.script_url.is_none()) {
        let mut counts: Vec<(String, usize)> = Vec::new();
        let own = into.hosts.iter().filter(|host| subnet.cidr.contains(&host.ip) && host.netboot);
        let all = own.clone().count();
        for url in own.filter_map(|host| host.script_url.as_ref()) {
            match counts.iter_mut().find(|(known, _)| known == url) {
                Some((_, count)) => *count += 1,
                None => counts.push((url.clone(), 1)),
            }
        }
        // A machine without one would get it, too.
        let is_told = counts.iter().map(|(_, count)| count).sum::<usize>() == all;
        let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
        let Some((url, _)) = most.filter(|_| is_told && into.script_url.is_none()) else {
            continue;
        };
        for host in into.hosts.iter_mut().filter(|host| subnet.cidr.contains(&host.ip)) {
            host.script_url = host.script_url.take().filter(|own| *own != url);
        }
        subnet.script_url = Some(url);
    }
}

/// What all subnets have is that of `[boot]`, and what an architecture falls back to need not be said.
fn gather(into: &mut Fragment) {
    if let Some((first, rest)) = into.subnets.split_first() {
        let files = first.files.iter().filter(|(architecture, file)| {
            let is_everywhere =
                rest.iter().all(|subnet| subnet.files.get(architecture) == Some(file));
            is_everywhere && into.files.get(architecture).is_none_or(|common| common == *file)
        });
        let files: Vec<_> =
            files.map(|(architecture, file)| (*architecture, file.clone())).collect();
        let is_common =
            |url: &&String| rest.iter().all(|subnet| subnet.script_url.as_ref() == Some(url));
        let url = first
            .script_url
            .as_ref()
            .filter(is_common)
            .filter(|_| into.script_url.is_none())
            .cloned();
        for subnet in &mut into.subnets {
            subnet
                .files
                .retain(|architecture, _| !files.iter().any(|(common, _)| common == architecture));
            subnet.script_url = subnet.script_url.take().filter(|_| url.is_none());
        }
        into.files.extend(files);
        into.script_url = into.script_url.take().or(url);
    }
    let common = into.files.clone();
    for files in into.subnets.iter_mut().map(|subnet| &mut subnet.files).chain([&mut into.files]) {
        let own = files.clone();
        files.retain(|architecture, file| {
            let fallback = architecture.fallback();
            let other = fallback.and_then(|other| own.get(&other).or_else(|| common.get(&other)));
            other != Some(file)
        });
    }
    for host in &mut into.hosts {
        host.script_url =
            host.script_url.take().filter(|url| into.script_url.as_ref() != Some(url));
    }
}

fn apply(rule: &Rule, into: &mut Fragment, notes: &mut Notes) {
    let Rule { place, file, .. } = rule;
    let what = format!("boot file {file:?}");
    let asked = RequestTests::new(&rule.tests);
    if let Some(other) = asked.other {
        notes.add(place, what, format!("netboot does not look at {other}"));
        return;
    }
    let is_url = file.starts_with("http://") || file.starts_with("https://");
    if is_url && let Err(why) = is_script_url(file) {
        notes.add(place, what, why);
        return;
    }
    if asked.is_other_ipxe(file) && is_known(rule, &asked.architectures, into) {
        return;
    }
    if !asked.classes.is_empty() {
        if !is_url {
            notes.add(
                place,
                what,
                "netboot tells iPXE the http(s) URL of a script, and no other file",
            );
            return;
        }
        for class in asked.classes {
            if !into.script_user_classes.contains(&class) {
                into.script_user_classes.push(class);
            }
        }
        script_url(rule, into, notes);
        return;
    }
    if is_url && asked.is_http {
        http_boot(rule, &asked.architectures, into, notes);
        return;
    }
    if is_url && !rule.file.ends_with(".efi") {
        script_url(rule, into, notes);
        return;
    }
    let name = under_root(file);
    if let Err(why) = is_boot_file(&name) {
        notes.add(place, what, why);
        return;
    }
    if asked.architectures.is_empty() {
        return for_all(rule, name, into, notes);
    }
    for code in asked.architectures {
        for_architecture(rule, code, &name, into, notes);
    }
}

/// Sets the URL that iPXE is told, unless another rule did.
fn script_url(rule: &Rule, into: &mut Fragment, notes: &mut Notes) {
    let common = into.script_url.clone();
    let Some(target) = (match rule.scope {
        Scope::All => Some(&mut into.script_url),
        Scope::Subnet(at) => into.subnets.get_mut(at).map(|subnet| &mut subnet.script_url),
        Scope::Host(at) => into.hosts.get_mut(at).map(|host| &mut host.script_url),
    }) else {
        return;
    };
    match target {
        Some(url) if *url != rule.file => notes.add(
            &rule.place,
            format!("script {:?}", rule.file),
            format!("all script classes get one URL, and {url:?} is named before"),
        ),
        Some(_) => {}
        None if rule.scope != Scope::All && common.as_ref() == Some(&rule.file) => {}
        None => *target = Some(rule.file.clone()),
    }
}

/// Whether this is what the machines boot anyway.
fn is_known(rule: &Rule, architectures: &[u16], into: &Fragment) -> bool {
    let name = under_root(&rule.file);
    if let Scope::Host(at) = rule.scope {
        return into.hosts.get(at).and_then(|host| host.boot_file.as_ref()) == Some(&name);
    }
    let own = match rule.scope {
        Scope::Subnet(at) => into.subnets.get(at).map(|subnet| &subnet.files),
        _ => None,
    };
    let file = |architecture| {
        own.and_then(|files| files.get(&architecture)).or_else(|| into.files.get(&architecture))
    };
    let known = |code: &u16| {
        file(Architecture::Code(*code)).or_else(|| file(Architecture::of(*code)?)) == Some(&name)
    };
    !architectures.is_empty() && architectures.iter().all(known)
}

/// netboot makes the URLs of HTTP boot itself, of the architecture's file: is it that one?
fn http_boot(rule: &Rule, architectures: &[u16], into: &mut Fragment, notes: &mut Notes) {
    let path = rule.file.splitn(4, '/').nth(3).unwrap_or_default();
    let name = path.strip_prefix("ipxe/").unwrap_or(path);
    if let Err(why) = is_boot_file(name) {
        notes.add(&rule.place, format!("boot file {:?}", rule.file), why);
        return;
    }
    if matches!(rule.scope, Scope::Host(_)) && architectures.is_empty() {
        return for_all(rule, name.to_owned(), into, notes);
    }
    // Without an option 93 in the rule: only x86-64 machines and some arm64 ones boot by HTTP.
    let codes = if architectures.is_empty() { &[16] } else { architectures };
    for code in codes {
        for_architecture(rule, *code, name, into, notes);
    }
}

fn for_architecture(rule: &Rule, code: u16, name: &str, into: &mut Fragment, notes: &mut Notes) {
    let common = into.files.clone();
    let files = match rule.scope {
        Scope::All => &mut into.files,
        Scope::Subnet(at) => match into.subnets.get_mut(at) {
            Some(subnet) => &mut subnet.files,
            None => return,
        },
        Scope::Host(_) => {
            let why = "a host has one boot file for every architecture";
            notes.add(&rule.place, format!("boot file {name:?} for architecture {code}"), why);
            return;
        }
    };
    let named = Architecture::of(code).unwrap_or(Architecture::Code(code));
    if rule.scope != Scope::All
        && !files.contains_key(&named)
        && common.get(&named).is_some_and(|file| file == name)
    {
        return;
    }
    match files.get(&named) {
        None => drop(files.insert(named, name.to_owned())),
        Some(first) if first == name => {}
        Some(first) => match files.get(&Architecture::Code(code)) {
            None if Architecture::of(code).is_some_and(|named| named.code() != Some(code)) => {
                files.insert(Architecture::Code(code), name.to_owned());
            }
            _ => {
                let why = format!("architecture {code} boots {first:?}, which is named before");
                notes.add(&rule.place, format!("boot file {name:?}"), why);
            }
        },
    }
}

/// A file for whoever is left: by its name for the BIOS or for UEFI.
fn for_all(rule: &Rule, name: String, into: &mut Fragment, notes: &mut Notes) {
    if let Scope::Host(at) = rule.scope {
        let Some(host) = into.hosts.get_mut(at) else { return };
        match &host.boot_file {
            Some(first) if *first != name => {
                let why = format!("a host has one boot file, and {first:?} is named before");
                notes.add(&rule.place, format!("boot file {name:?}"), why);
            }
            _ => host.boot_file = Some(name),
        }
        return;
    }
    let (code, architecture) = if name.to_ascii_lowercase().ends_with(".efi") {
        (7, Architecture::X8664Uefi)
    } else {
        (0, Architecture::X86Bios)
    };
    let files = match rule.scope {
        Scope::Subnet(at) => into.subnets.get(at).map(|subnet| &subnet.files),
        _ => Some(&into.files),
    };
    if files.is_some_and(|files| files.get(&architecture).is_none()) {
        notes.add(
            &rule.place,
            format!("boot file {name:?} for all other machines"),
            format!("it is taken over for {architecture} alone: netboot has a file for each architecture"),
        );
    }
    for_architecture(rule, code, &name, into, notes);
}

/// A name as it is under `boot.root`: the server's own root is left out.
fn under_root(file: &str) -> String {
    let path =
        ["tftp://", "http://", "https://"].iter().find_map(|scheme| file.strip_prefix(scheme));
    let path = path.map_or(file, |rest| rest.split_once('/').map_or("", |(_, path)| path));
    path.trim_start_matches('/').to_owned()
}

/// The address of a server that boot files come from, where it is one.
pub(super) fn server(text: &str) -> Option<Ipv4Addr> {
    text.trim().parse().ok().filter(|ip: &Ipv4Addr| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn rule(tests: &[Test], file: &str) -> Rule {
        let place = NotePlace { file: Path::new("a").into(), line: 1 };
        Rule { place, scope: Scope::All, tests: tests.to_vec(), file: file.to_owned() }
    }

    #[track_caller]
    fn check(rules: &[(&[Test], &str)], expect: &str, notes: usize) {
        let (mut fragment, mut found) = (Fragment::default(), Notes::default());
        let rules = rules.iter().map(|(tests, file)| rule(tests, file)).collect();
        conclude(rules, &mut fragment, &mut found);
        let toml = fragment.to_toml().unwrap();
        assert_eq!(
            toml.split('\n').filter(|line| line.contains('=')).collect::<Vec<_>>().join("; "),
            expect
        );
        let found = found.into_sorted();
        assert_eq!(found.len(), notes, "{found:?}");
    }

    #[test]
    fn rules_become_settings() {
        let class = |class: &str| Test::Class(class.to_owned());
        let vendor = |vendor: &str| Test::Vendor(vendor.to_owned());
        check(&[], "", 0);
        check(&[(&[], "pxelinux.0")], "x86-bios = \"pxelinux.0\"", 1);
        check(&[(&[], "/boot/grub.EFI")], "x86_64-uefi = \"boot/grub.EFI\"", 1);
        check(&[(&[Test::Arch(0)], "a"), (&[], "a")], "x86-bios = \"a\"", 0);
        check(&[(&[Test::Arch(7)], "a"), (&[Test::Arch(9)], "a")], "x86_64-uefi = \"a\"", 0);
        check(
            &[(&[Test::Arch(7)], "a"), (&[Test::Arch(9)], "b")],
            "9 = \"b\"; x86_64-uefi = \"a\"",
            0,
        );
        check(&[(&[Test::Arch(7)], "a"), (&[Test::Arch(7)], "b")], "x86_64-uefi = \"a\"", 1);
        check(&[(&[vendor("PXEClient:Arch:00007:UNDI")], "a")], "x86_64-uefi = \"a\"", 0);
        let http = [vendor("HTTPClient"), Test::Arch(16)];
        check(&[(&http, "http://10.0.0.1/ipxe/a.efi")], "x86_64-uefi = \"a.efi\"", 0);
        check(&[(&http[..1], "http://10.0.0.1/a.efi")], "x86_64-uefi = \"a.efi\"", 0);
        let script = "http://10.0.0.1/auto.ipxe";
        check(
            &[(&[class("Tinkerbell")], script), (&[class("iPXE")], script)],
            "script-user-classes = [; script-url = \"http://10.0.0.1/auto.ipxe\"",
            0,
        );
        check(&[(&[class("iPXE")], "menu.ipxe")], "", 1);
        check(&[(&[class("iPXE")], "http://a b/")], "", 1);
        check(&[(&[Test::Arch(0)], "../a")], "", 1);
        check(&[(&http, "http://10.0.0.1/")], "", 1);
        check(
            &[(&[Test::Not(Box::new(class("iPXE")))], "undionly.kpxe")],
            "x86-bios = \"undionly.kpxe\"",
            1,
        );
        check(&[(&[Test::Other("the time of day".to_owned())], "a")], "", 1);
    }
}
