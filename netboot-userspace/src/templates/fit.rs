//! How many bytes the blocks take, before the node's interfaces are known.

use std::{collections::HashMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::{HOST_OPTIONS, SUBNET_OPTIONS};

use super::{
    boot::BootSets,
    options::{self, Overrides, subnet_block},
};
use crate::{
    config::{Config, Subnet},
    inventory::Host,
};

/// Renders blocks for their sizes.
pub(crate) struct Fit<'c> {
    config: &'c Config,
    /// Ours; where it is not given, the longest as text.
    server: Ipv4Addr,
    sets: BootSets<'c>,
    known: HashMap<(Ipv4Net, Overrides<'c>), usize>,
}

impl<'c> Fit<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        let server = config.dhcp.server_address.unwrap_or(Ipv4Addr::BROADCAST);
        Self { config, server, sets: BootSets::new(config), known: HashMap::new() }
    }

    /// The bytes of a subnet's options.
    pub(crate) fn subnet(&self, subnet: &Subnet) -> anyhow::Result<usize> {
        bytes(self.config, subnet, self.server, None)
    }

    /// The same with what the host has instead; `None`: it has nothing of its own.
    pub(crate) fn overridden(
        &mut self,
        subnet: &Subnet,
        host: &'c Host,
    ) -> Option<anyhow::Result<usize>> {
        let key = (subnet.cidr, Overrides::of(host)?);
        if let Some(bytes) = self.known.get(&key) {
            return Some(Ok(*bytes));
        }
        let bytes = bytes(self.config, subnet, self.server, Some(&key.1));
        if let Ok(bytes) = &bytes {
            self.known.insert(key, *bytes);
        }
        Some(bytes)
    }

    /// The bytes of a host's own options.
    pub(crate) fn host(host: &Host) -> anyhow::Result<usize> {
        options::host(host)?.padded::<HOST_OPTIONS>().map(|(_, len)| len.into())
    }

    /// The bytes that the longest boot choice adds; `file` is the host's own.
    pub(crate) fn boot(&mut self, file: Option<&str>) -> anyhow::Result<usize> {
        self.sets.longest(self.server, file)
    }
}

fn bytes(
    config: &Config,
    subnet: &Subnet,
    server: Ipv4Addr,
    overrides: Option<&Overrides<'_>>,
) -> anyhow::Result<usize> {
    let block = subnet_block(config, subnet, server, overrides)?;
    block.padded::<SUBNET_OPTIONS>().map(|(_, len)| len.into())
}
