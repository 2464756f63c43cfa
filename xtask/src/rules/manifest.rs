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
    Rule {
        says: "the daemon depends on no BPF-side crate",
        package: "netboot-userspace",
        is_allowed: |dependency| {
            !["aya-ebpf", "aya-log-ebpf", "network-types"].contains(&dependency.name)
        },
    },
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
            broken.extend(rules.map(|rule| {
                format!("{package_name}/Cargo.toml: {}: {}", dependency.name, rule.says)
            }));
        }
    }
    Some(broken)
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
        check("netboot-userspace", "netboot-ebpf", None, None, &[]);
        check("netboot-userspace", "network-types", None, None, &["BPF-side"]);
    }
}
