//! The rows of an inventory file's subnets.

use std::fs;

use netboot_site::config;

use super::*;

/// Machines of one subnet may have gateways of their own: a row for each subnet, and one for each gateway.
#[test]
fn gateways_of_hardware() {
    let directory = tempfile::tempdir().unwrap();
    let record = |n: u8, ip: &str, mask: &str, gateway: &str| {
        format!(
            "---\napiVersion: tinkerbell.org/v1alpha1\nkind: Hardware\nmetadata: {{name: n{n}}}\nspec:\n  interfaces:\n  - \
             dhcp: {{mac: '52:54:00:00:00:0{n}', ip: {{address: {ip}, netmask: {mask}, gateway: {gateway}}}}}\n"
        )
    };
    let records = [
        record(1, "10.1.0.11", "255.255.255.0", "10.1.0.1"),
        record(2, "10.2.0.11", "255.255.0.0", "10.2.0.1"),
        record(3, "10.1.0.12", "255.255.255.0", "10.1.0.1"),
    ];
    let path = directory.path().join("netboot.toml");
    fs::write(directory.path().join("a.yaml"), records.concat()).unwrap();
    fs::write(&path, "inventory = [\"a.yaml\"]\ndhcp.server-address = \"192.0.2.1\"\n").unwrap();
    let loaded = config::load_to_run(&path).unwrap();
    assert_eq!(render(&loaded.config, &[], []).unwrap().subnets.len(), 4);
}
