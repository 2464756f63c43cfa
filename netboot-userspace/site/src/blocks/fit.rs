//! The bytes that the blocks take, before the node's interfaces are known.

use std::{collections::HashMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netboot_dhcp::route;
use netboot_ebpf::wire::code;

use super::{
    boot::BootSets,
    choice::Choice,
    options::{Block, Overrides},
    rows::{RowBlocks, host_block},
};
use crate::model::{Host, Quirks, Settings, Subnet};

/// Renders blocks for their sizes.
pub struct Fit<'c> {
    config: &'c Settings,
    sets: BootSets<'c>,
    known: HashMap<(Ipv4Net, Overrides<'c>), FittedRow>,
}

/// A row of `SUBNETS`.
#[derive(Clone, Default)]
pub struct FittedRow {
    /// The most that a client gets.
    bytes: usize,
    has_routers: bool,
    /// What its clients miss.
    pub missed: Vec<Missed>,
    /// As in [`RowBlocks`].
    in_row: &'static [u8],
}

/// What some machines are not told though it is configured, since another option replaces it or takes its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The default route, by those that take this option, which was given by number and has none.
    DefaultRoute(u8),
    /// Option 33, by those that ask for classless routes.
    StaticRoutes,
    /// Classless routes, by those that do not ask for them.
    ClasslessRoutes,
}

impl<'c> Fit<'c> {
    pub fn new(config: &'c Settings) -> Self {
        Self { config, sets: BootSets::new(config), known: HashMap::new() }
    }

    /// The row of a subnet.
    pub fn subnet(&self, subnet: &Subnet) -> anyhow::Result<FittedRow> {
        self.row(subnet, None)
    }

    /// The same with what the host has instead; `None`: it has nothing of its own.
    pub(crate) fn overridden(
        &mut self,
        subnet: &Subnet,
        host: &'c Host,
    ) -> Option<anyhow::Result<FittedRow>> {
        let key = (subnet.cidr, Overrides::of(host)?);
        if let Some(row) = self.known.get(&key) {
            return Some(Ok(row.clone()));
        }
        let row = self.row(subnet, Some(&key.1));
        if let Ok(row) = &row {
            self.known.insert(key, row.clone());
        }
        Some(row)
    }

    /// The bytes of a host's options and of its row, and what it misses.
    pub(crate) fn host(&self, row: FittedRow, host: &Host) -> anyhow::Result<(usize, Vec<Missed>)> {
        let own = host_block(self.config, host, row.in_row)?;
        let FittedRow { bytes, has_routers, mut missed, .. } = row;
        let has_routers = has_routers || own.has(code::ROUTER);
        missed.extend(without_default(&own, has_routers));
        Ok((bytes + own.len()?, missed))
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
        let choice = Choice { boot_file: file, ..choice }.with_quirks(self.config, &quirks, false);
        self.sets.longest(choice)
    }

    fn row(&self, subnet: &Subnet, overrides: Option<&Overrides<'_>>) -> anyhow::Result<FittedRow> {
        let RowBlocks { row, classless, in_row } =
            RowBlocks::new(self.config, subnet, self.server(subnet), overrides)?;
        let mut bytes = row.len()?;
        if let Some(classless) = &classless {
            bytes = bytes.max(classless.len()?);
        }
        let asked = classless.as_ref().unwrap_or(&row);
        let has_routers = row.has(code::ROUTER);
        let mut missed: Vec<_> = without_default(asked, has_routers).collect();
        if row.has(code::STATIC_ROUTES) && !asked.has(code::STATIC_ROUTES) {
            missed.push(Missed::StaticRoutes);
        }
        if asked.has(code::CLASSLESS_ROUTES) && !row.has(code::CLASSLESS_ROUTES) {
            missed.push(Missed::ClasslessRoutes);
        }
        Ok(FittedRow { bytes, has_routers, missed, in_row })
    }

    /// Ours; where it is not given, the longest as text.
    fn server(&self, subnet: &Subnet) -> Ipv4Addr {
        let given = subnet.server_address.or(self.config.dhcp.server_address);
        given.unwrap_or(Ipv4Addr::BROADCAST)
    }
}

/// The options of a block that take the routers' place and have no default route.
fn without_default(block: &Block, has_routers: bool) -> impl Iterator<Item = Missed> {
    let lacks = move |code: &u8| {
        let routes = block.value(*code).and_then(|value| route::read(&value)).unwrap_or_default();
        has_routers && route::lacks_default(&routes)
    };
    [code::CLASSLESS_ROUTES, route::MICROSOFT].into_iter().filter(lacks).map(Missed::DefaultRoute)
}
