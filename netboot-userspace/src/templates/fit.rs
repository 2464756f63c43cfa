//! How many bytes the blocks take, before the node's interfaces are known.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::{HOST_OPTIONS, SUBNET_OPTIONS};

use super::{
    boot::BootSets,
    options::{self, subnet_block},
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
}

impl<'c> Fit<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        let server = config.dhcp.server_address.unwrap_or(Ipv4Addr::BROADCAST);
        Self { config, server, sets: BootSets::new(config) }
    }

    /// The bytes of a subnet's options.
    pub(crate) fn subnet(&self, subnet: &Subnet, host: Option<&Host>) -> anyhow::Result<usize> {
        let block = subnet_block(self.config, subnet, self.server, host)?;
        block.padded::<SUBNET_OPTIONS>().map(|(_, len)| len.into())
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
