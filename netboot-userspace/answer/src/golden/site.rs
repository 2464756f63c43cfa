//! The site that the golden requests were captured on.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Context as _;
use netboot_base::links::{self, Link};
use netboot_ebpf::shared::Mac;
use netboot_site::model::{Architecture, Config, Host, Subnet};

use crate::{kernel::run::IFINDEX, render, tables::Tables};

/// Machines and their addresses, as they stand in the captured requests.
const HOSTS: [([u8; 6], [u8; 4]); 4] = [
    ([0x52, 0x54, 0x00, 0x12, 0x34, 0x56], [172, 30, 0, 50]),
    ([0xae, 0x0c, 0x64, 0x79, 0x7d, 0x6d], [172, 30, 0, 50]),
    ([0x52, 0x52, 0x52, 0x52, 0x52, 0x52], [172, 30, 0, 50]),
    ([0x02, 0x00, 0x00, 0x00, 0x00, 0x01], [172, 29, 0, 112]),
];

/// The site's configuration.
///
/// # Errors
/// Never: it is a constant.
pub fn config() -> anyhow::Result<Config> {
    let mut config = Config::unconfigured();
    // A few machines ask thousands of times.
    config.dhcp.machine_rate = 0;
    config.dhcp.unknown_rate = 0;
    for (cidr, router) in [("172.30.0.0/24", [172, 30, 0, 1]), ("172.29.0.0/24", [172, 29, 0, 2])] {
        let mut subnet = Subnet::new(cidr.parse()?);
        subnet.routers = vec![Ipv4Addr::from(router)];
        subnet.dns = vec![Ipv4Addr::from(router)];
        subnet.domain = Some("lab.test".to_owned());
        config.subnets.push(subnet);
    }
    let files = [(Architecture::X86Bios, "undionly.kpxe"), (Architecture::X8664Uefi, "ipxe.efi")];
    let arm = (Architecture::Arm64Uefi, "snp-arm64.efi");
    config.boot.files = files
        .into_iter()
        .chain([arm])
        .map(|(architecture, name)| (architecture, name.to_owned()))
        .collect();
    config.hosts = HOSTS.map(|(octets, ip)| Arc::new(host(octets, ip))).to_vec();
    Ok(config)
}

fn host(octets: [u8; 6], ip: [u8; 4]) -> Host {
    Host {
        mac: Mac { octets },
        ip: Ipv4Addr::from(ip),
        hostname: Some("node1".to_owned()),
        ..Host::default()
    }
}

/// The tables of a configuration, on the interface that test frames come over.
///
/// # Errors
/// The rows do not fit, or this node has no loopback device.
pub fn tables_of(config: &Config) -> anyhow::Result<Tables> {
    let link = link()?;
    render::render(config, std::slice::from_ref(&link), [&link])
}

/// The tables of this site.
///
/// # Errors
/// As [`tables_of`].
pub fn tables() -> anyhow::Result<Tables> {
    tables_of(&config()?)
}

fn link() -> anyhow::Result<Link> {
    let loopback = links::all()?.remove("lo").context("this node has no loopback device")?;
    Ok(Link {
        name: "golden".to_owned(),
        index: IFINDEX,
        mac: Mac { octets: [0x02, 0, 0, 0, 0, 0x01] },
        mtu: 1500,
        addresses: vec!["172.30.0.1/24".parse()?, "172.29.0.2/24".parse()?],
        ..loopback
    })
}
