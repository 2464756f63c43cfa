//! `netboot import`, of files in the styles of these servers' manuals and of sites.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, path::Path};

use netboot_site::config;
use netboot_tools::import::{self, Imported, Kind, grouped};

/// With it the expectations are written as they are found.
const WRITE: &str = "NETBOOT_WRITE_IMPORTS";

/// What a file must become stands beside it, in `NAME.toml` and `NAME.notes`.
#[track_caller]
fn check(kind: Kind, path: &str) {
    let path = Path::new("tests/import").join(path);
    let imported = import::read(kind, &path).unwrap();
    let toml = imported.fragment.to_toml().unwrap();
    expect(&path.with_extension("toml"), &toml);
    expect(&path.with_extension("notes"), &grouped(&imported.notes));
    is_accepted(&imported, &toml);
}

#[track_caller]
fn expect(path: &Path, found: &str) {
    if env::var_os(WRITE).is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}: {WRITE}=1 writes it anew", path.display());
}

/// With its boot files in place it is a configuration, and of hosts alone an inventory.
#[track_caller]
fn is_accepted(imported: &Imported, toml: &str) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("boot");
    fs::create_dir(&root).unwrap();
    let fragment = &imported.fragment;
    let of_subnets = fragment.subnets.iter().flat_map(|subnet| subnet.files.values());
    let of_hosts = fragment.hosts.iter().filter_map(|host| host.boot_file.as_ref());
    for name in fragment.files.values().chain(of_subnets).chain(of_hosts) {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let main = directory.path().join("netboot.toml");
    let given_root = format!("[boot]\nroot = \"{}\"\n", root.display());
    let text = if fragment.subnets.is_empty() {
        fs::write(directory.path().join("hosts.toml"), toml).unwrap();
        format!("dhcp.mode = \"off\"\ninventory = [\"hosts.toml\"]\n{given_root}")
    } else if toml.contains("[boot]\n") {
        toml.replacen("[boot]\n", &given_root, 1)
    } else if toml.contains("[boot.files]\n") {
        toml.replacen("[boot.files]\n", &format!("{given_root}[boot.files]\n"), 1)
    } else {
        format!("{toml}\n{given_root}")
    };
    fs::write(&main, text).unwrap();
    let loaded = config::load_to_run(&main).unwrap_or_else(|problems| panic!("{problems}\n{toml}"));
    let machines = loaded.config.hosts.iter().filter(|host| host.is_first());
    assert_eq!(machines.count(), fragment.hosts.len());
    assert_eq!(loaded.config.subnets.len(), fragment.subnets.len());
}

#[test]
fn dnsmasq() {
    for name in
        ["small.conf", "large.conf", "odd.conf", "limits.conf", "exported.conf", "routes.conf"]
    {
        check(Kind::Dnsmasq, &format!("dnsmasq/{name}"));
    }
}

#[test]
fn dhcpd() {
    for name in
        ["small.conf", "large.conf", "odd.conf", "groups.conf", "exported.conf", "routes.conf"]
    {
        check(Kind::Dhcpd, &format!("dhcpd/{name}"));
    }
}

#[test]
fn kea() {
    for name in ["small.conf", "large.conf", "odd.conf", "exported.conf", "routes.conf"] {
        check(Kind::Kea, &format!("kea/{name}"));
    }
}

#[test]
fn inventories() {
    check(Kind::Csv, "csv/rack.csv");
    check(Kind::Hardware, "hardware/hardware.yaml");
}
