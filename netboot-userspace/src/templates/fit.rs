//! How many bytes the blocks take, before the node's interfaces are known.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::{HOST_OPTIONS, SUBNET_OPTIONS};

use super::{
    boot::BootSets,
    choice::Choice,
    options::Block,
    rows::{Blocks, has_overrides},
};
use crate::{
    config::{Config, Quirks, Subnet},
    inventory::Host,
};

/// Renders blocks for their sizes.
pub(crate) struct Fit<'c> {
    config: &'c Config,
    sets: BootSets<'c>,
}

impl<'c> Fit<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        Self { config, sets: BootSets::new(config) }
    }

    /// The bytes of a subnet's options.
    pub(crate) fn subnet(&self, subnet: &Subnet) -> anyhow::Result<usize> {
        len::<SUBNET_OPTIONS>(&self.blocks(subnet, None)?.row)
    }

    /// The bytes of a host's options, and of its subnet's as they are with it: `plain` are those without.
    pub(crate) fn host(
        &self,
        subnet: &Subnet,
        plain: usize,
        host: &Host,
    ) -> anyhow::Result<[usize; 2]> {
        let blocks = self.blocks(subnet, Some(host))?;
        let own = len::<HOST_OPTIONS>(&blocks.host)?;
        let row = if has_overrides(host) { len::<SUBNET_OPTIONS>(&blocks.row)? } else { plain };
        Ok([own, row])
    }

    /// The bytes that the longest boot choice of a host adds; `file` is its own.
    pub(crate) fn boot(
        &mut self,
        subnet: &'c Subnet,
        host: &'c Host,
        file: Option<&'c str>,
        quirks: Quirks,
    ) -> anyhow::Result<usize> {
        let choice = Choice::new(self.config, subnet, self.server(subnet)).with_host(host);
        let choice = Choice { boot_file: file, ..choice }.with_quirks(self.config, quirks);
        self.sets.longest(choice)
    }

    fn blocks(&self, subnet: &Subnet, host: Option<&Host>) -> anyhow::Result<Blocks> {
        Blocks::new(self.config, subnet, self.server(subnet), host)
    }

    /// Ours; where it is not given, the longest as text.
    fn server(&self, subnet: &Subnet) -> Ipv4Addr {
        let given = subnet.server_address.or(self.config.dhcp.server_address);
        given.unwrap_or(Ipv4Addr::BROADCAST)
    }
}

fn len<const N: usize>(block: &Block) -> anyhow::Result<usize> {
    block.padded::<N>().map(|(_, len)| len.into())
}
