//! The option blocks of an answer, and the rows of `SUBNETS`.

use std::{collections::HashMap, net::Ipv4Addr};

use anyhow::Context as _;
use dhcproto::v4::DhcpOption;
use netboot_ebpf::{shared, wire::code};

use super::{
    options::{self, Block},
    place::Place,
};
use crate::{
    config::{Config, NetworkOverrides, Subnet},
    inventory::Host,
};

/// Router and static routes: clients that ask for classless routes must not get them beside those (RFC
/// 3442, "DHCP Client Behavior").
const CLASSFUL: [u8; 2] = [code::ROUTER, STATIC_ROUTES];
const STATIC_ROUTES: u8 = 33;

/// The blocks of a subnet, and of a host in it.
pub(super) struct Blocks {
    pub(super) row: Block,
    /// The row for clients that ask for classless routes, where there are any.
    pub(super) classless: Option<Block>,
    pub(super) host: Block,
}

impl Blocks {
    pub(super) fn new(
        config: &Config,
        subnet: &Subnet,
        server: Ipv4Addr,
        host: Option<&Host>,
    ) -> anyhow::Result<Self> {
        if config.dhcp.mode.is_proxy() {
            let mut row = Block::default();
            row.push(&DhcpOption::ServerIdentifier(server))?;
            return Ok(Self { row, classless: None, host: Block::default() });
        }
        let overrides = host.filter(|host| has_overrides(host));
        let mut row = options::subnet_block(config, subnet, server, overrides)?;
        let mut host = host.map(options::host).transpose()?.unwrap_or_default();
        if !row.has(code::CLASSLESS_ROUTES) && !host.has(code::CLASSLESS_ROUTES) {
            return Ok(Self { row, classless: None, host });
        }
        // A host's block is the same for all its requests.
        for code in CLASSFUL.into_iter().chain([code::CLASSLESS_ROUTES]) {
            row.bytes.extend(host.take(code).bytes);
        }
        let mut classless = Block { bytes: row.bytes.clone() };
        for code in CLASSFUL {
            classless.take(code);
        }
        let classless = (classless.bytes != row.bytes).then_some(classless);
        Ok(Self { row, classless, host })
    }
}

/// Whether a host's subnet options are not those of its subnet.
pub(super) fn has_overrides(host: &Host) -> bool {
    host.lease_time.is_some()
        || !host.options.is_empty()
        || host.network != NetworkOverrides::default()
}

impl Block {
    fn has(&self, code: u8) -> bool {
        self.find(code).is_some()
    }

    /// Moves an option out, if it is there.
    fn take(&mut self, code: u8) -> Self {
        let range = self.find(code).unwrap_or_default();
        Self { bytes: self.bytes.drain(range).collect() }
    }

    fn find(&self, wanted: u8) -> Option<std::ops::Range<usize>> {
        let mut at = 0;
        while let Some([code, len, ..]) = self.bytes.get(at..) {
            let end = at + 2 + usize::from(*len);
            if *code == wanted {
                return Some(at..end.min(self.bytes.len()));
            }
            at = end;
        }
        None
    }
}

/// The rows of `SUBNETS`, each once.
#[derive(Default)]
pub(super) struct SubnetRows {
    pub(super) rows: Vec<shared::Subnet>,
    index: HashMap<(Vec<u8>, [u8; 4], u32), u32>,
}

impl SubnetRows {
    /// The row of a subnet with these blocks; a host with overrides gets one of its own, since no option may
    /// come twice.
    pub(super) fn row(&mut self, place: &Place<'_>, blocks: &Blocks) -> anyhow::Result<u32> {
        let index = self.one(place, &blocks.row)?;
        if let Some(block) = &blocks.classless {
            let classless = self.one(place, block)?;
            if let Some(row) = self.rows.get_mut(index as usize) {
                row.classless = classless;
            }
        }
        Ok(index)
    }

    fn one(&mut self, place: &Place<'_>, block: &Block) -> anyhow::Result<u32> {
        let Place { subnet, link, server } = place;
        let ifindex = link.map_or(0, |link| link.index);
        let key = (block.bytes.clone(), subnet.cidr.network().octets(), ifindex);
        if let Some(&index) = self.index.get(&key) {
            return Ok(index);
        }
        let (options, len) = block.padded().with_context(|| format!("subnet {}", subnet.cidr))?;
        let index = u32::try_from(self.rows.len())?;
        self.rows.push(shared::Subnet {
            network: subnet.cidr.network().octets(),
            mask: subnet.cidr.netmask().octets(),
            server: server.octets(),
            ifindex,
            options_len: u32::from(len),
            classless: 0,
            options,
        });
        self.index.insert(key, index);
        Ok(index)
    }
}
