//! Who may depend on whom, read from cargo's own view of the manifests.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{cargo::cargo, shell};

struct Rule {
    says: &'static str,
    package: &'static str,
    is_allowed: fn(&Dependency<'_>) -> bool,
}

struct Dependency<'a> {
    name: &'a str,
    kind: Kind,
    target: Option<&'a str>,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Normal,
    Build,
    Test,
}

const RULES: &[Rule] = &[
    Rule {
        says: "the library depends on zerocopy, the program's crates are for the BPF target",
        package: "netboot-ebpf",
        is_allowed: |dependency| {
            let for_bpf =
                dependency.target.is_some_and(|target| target.contains("target_arch = \"bpf\""));
            dependency.kind != Kind::Normal || dependency.name == "zerocopy" || for_bpf
        },
    },
    Rule {
        says: "xtask depends on no part of the product",
        package: "xtask",
        is_allowed: |dependency| !dependency.name.starts_with("netboot"),
    },
];

/// The floors of the daemon, and which of ours each may use beside `netboot-ebpf`: those below it.
const FLOORS: &[(&str, &[&str])] = &[
    ("netboot-test-kit", &[]),
    ("netboot-base", &[]),
    ("netboot-dhcp", &["netboot-base"]),
    ("netboot-site", &["netboot-base", "netboot-dhcp"]),
    ("netboot-machines", &["netboot-base", "netboot-dhcp", "netboot-site"]),
    ("netboot-answer", &["netboot-base", "netboot-dhcp", "netboot-site", "netboot-machines"]),
    ("netboot-serve", &["netboot-base", "netboot-dhcp", "netboot-site", "netboot-machines"]),
    (
        "netboot-tools",
        &["netboot-base", "netboot-dhcp", "netboot-site", "netboot-machines", "netboot-answer"],
    ),
];

/// What only some of ours may name.
const OWNED: &[(&str, &[&str])] = &[
    ("aya", &["netboot-answer", "netboot-tests"]),
    ("aya-log", &["netboot-answer"]),
    ("aya-ebpf", &["netboot-ebpf"]),
    ("aya-log-ebpf", &["netboot-ebpf"]),
    ("network-types", &["netboot-ebpf"]),
    ("axum", &["netboot-serve", "netboot-userspace"]),
    ("async-tftp", &["netboot-serve"]),
];

pub(super) fn findings() -> Result<Vec<String>> {
    let text = shell::read(&mut cargo(&["metadata", "--no-deps", "--format-version=1"]))?;
    broken(&serde_json::from_str(&text).context("cargo metadata is no JSON")?)
        .context("cargo metadata names no packages")
}

fn broken(metadata: &Value) -> Option<Vec<String>> {
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array()? {
        let package_name = package["name"].as_str()?;
        for dependency in package["dependencies"].as_array()? {
            let dependency = read(dependency)?;
            let rules = RULES
                .iter()
                .filter(|rule| rule.package == package_name && !(rule.is_allowed)(&dependency));
            let rules = rules.map(|rule| rule.says).chain(floors(package_name, &dependency));
            broken.extend(
                rules.map(|says| format!("{package_name}/Cargo.toml: {}: {says}", dependency.name)),
            );
        }
    }
    Some(broken)
}

/// What an arrow between floors breaks.
fn floors(package: &str, dependency: &Dependency<'_>) -> Option<&'static str> {
    let find = |rows: &[(&str, &'static [&'static str])], name: &str| {
        rows.iter().find(|(row, _)| *row == name).map(|(_, may)| *may)
    };
    let is_ours = dependency.name.starts_with("netboot") && dependency.name != "netboot-ebpf";
    let below = find(FLOORS, package).filter(|_| is_ours && dependency.kind != Kind::Test);
    if below.is_some_and(|below| !below.contains(&dependency.name)) {
        return Some("a floor uses those below it");
    }
    let owners = find(OWNED, dependency.name)?;
    (!owners.contains(&package)).then_some("this crate has its place")
}

fn read(dependency: &Value) -> Option<Dependency<'_>> {
    let kind = match dependency["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some(_) => Kind::Test,
    };
    Some(Dependency {
        name: dependency["name"].as_str()?,
        kind,
        target: dependency["target"].as_str(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_bites_where_it_should() {
        fn check(
            package: &str,
            name: &str,
            kind: Option<&str>,
            target: Option<&str>,
            expect: &[&str],
        ) {
            let dependencies = [json!({ "name": name, "kind": kind, "target": target })];
            let metadata =
                json!({ "packages": [{ "name": package, "dependencies": dependencies }] });
            let broken = broken(&metadata).unwrap();
            assert_eq!(broken.len(), expect.len(), "{broken:?}");
            for (line, words) in broken.iter().zip(expect) {
                assert!(line.contains(words), "{line}");
            }
        }
        let bpf = Some("cfg(target_arch = \"bpf\")");
        check("netboot-ebpf", "zerocopy", None, None, &[]);
        check("netboot-ebpf", "aya-ebpf", None, bpf, &[]);
        check("netboot-ebpf", "proptest", Some("dev"), None, &[]);
        check("netboot-ebpf", "aya-ebpf", None, None, &["netboot-ebpf/Cargo.toml: aya-ebpf"]);
        check("netboot-ebpf", "log", None, Some("cfg(unix)"), &["log"]);
        check("xtask", "anyhow", None, None, &[]);
        check("xtask", "netboot-ebpf", Some("dev"), None, &["no part of the product"]);
        check("netboot-test-kit", "netboot-ebpf", None, None, &[]);
        check("netboot-test-kit", "netboot-userspace", None, None, &["those below"]);
        check("netboot-userspace", "netboot-ebpf", None, None, &[]);
        check("netboot-userspace", "network-types", None, None, &["has its place"]);
        check("netboot-userspace", "netboot-tools", None, None, &[]);
        check("netboot-serve", "netboot-site", None, None, &[]);
        check("netboot-serve", "netboot-answer", None, None, &["those below"]);
        check("netboot-serve", "netboot-tools", Some("dev"), None, &[]);
        check("netboot-site", "netboot-ebpf", None, None, &[]);
        check("netboot-site", "aya", None, None, &["has its place"]);
        check("netboot-base", "netboot-dhcp", None, None, &["those below"]);
    }
}
