//! How many bytes the blocks take, before the node's interfaces are known.

use std::{collections::HashMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::{HOST_OPTIONS, SUBNET_OPTIONS};

use super::{
    boot::BootSets,
    choice::Choice,
    options::{Block, Overrides},
    rows::{Blocks, host_block},
};
use crate::{
    config::{Config, Quirks, Subnet},
    inventory::Host,
};

/// Renders blocks for their sizes.
pub(crate) struct Fit<'c> {
    config: &'c Config,
    sets: BootSets<'c>,
    known: HashMap<(Ipv4Net, Overrides<'c>), Row>,
}

/// A row of `SUBNETS`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Row {
    bytes: usize,
    /// As in [`Blocks`].
    in_row: &'static [u8],
}

impl<'c> Fit<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        Self { config, sets: BootSets::new(config), known: HashMap::new() }
    }

    /// The row of a subnet.
    pub(crate) fn subnet(&self, subnet: &Subnet) -> anyhow::Result<Row> {
        self.row(subnet, None)
    }

    /// The same with what the host has instead; `None`: it has nothing of its own.
    pub(crate) fn overridden(
        &mut self,
        subnet: &Subnet,
        host: &'c Host,
    ) -> Option<anyhow::Result<Row>> {
        let key = (subnet.cidr, Overrides::of(host)?);
        if let Some(row) = self.known.get(&key) {
            return Some(Ok(*row));
        }
        let row = self.row(subnet, Some(&key.1));
        if let Ok(row) = &row {
            self.known.insert(key, *row);
        }
        Some(row)
    }

    /// The bytes of a host's options and of its row.
    pub(crate) fn host(&self, row: Row, host: &Host) -> anyhow::Result<usize> {
        let own = host_block(self.config, host, row.in_row)?;
        Ok(row.bytes + len::<HOST_OPTIONS>(&own)?)
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

    fn row(&self, subnet: &Subnet, overrides: Option<&Overrides<'_>>) -> anyhow::Result<Row> {
        let Blocks { row, in_row, .. } =
            Blocks::new(self.config, subnet, self.server(subnet), overrides)?;
        Ok(Row { bytes: len::<SUBNET_OPTIONS>(&row)?, in_row })
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
