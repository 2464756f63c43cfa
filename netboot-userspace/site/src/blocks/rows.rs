//! The option blocks of a subnet's machines and of a host.

use std::net::Ipv4Addr;

use netboot_ebpf::{shared::SUBNET_OPTIONS, wire::code};

use super::options::{self, Block, Overrides, ROUTING};
use crate::model::{Host, Settings, Subnet};

/// The options that clients must not get beside classless routes (RFC 3442, "DHCP Client Behavior").
const CLASSFUL: [u8; 2] = [code::ROUTER, code::STATIC_ROUTES];

/// The blocks of a row.
pub struct RowBlocks {
    /// Without classless routes where all together have no room: who is answered from it does not ask for them.
    pub row: Block,
    /// The row for clients that ask for classless routes, where there are any.
    pub classless: Option<Block>,
    /// The codes of a host's own options that stand here.
    pub in_row: &'static [u8],
}

impl RowBlocks {
    /// Of a subnet, with what hosts have instead.
    pub fn new(
        config: &Settings,
        subnet: &Subnet,
        server: Ipv4Addr,
        overrides: Option<&Overrides<'_>>,
    ) -> anyhow::Result<Self> {
        if config.dhcp.mode.is_proxy() {
            let mut row = Block::default();
            row.push(code::SERVER_ID, &server.into())?;
            return Ok(Self { row, classless: None, in_row: &[] });
        }
        let mut row = options::subnet_block(config, subnet, server, overrides)?;
        let routing = overrides.map_or(&[][..], |own| &own.routing);
        let is_classless = |(code, _): &(u8, &[u8])| *code == code::CLASSLESS_ROUTES;
        if !row.has(code::CLASSLESS_ROUTES) && !routing.iter().any(is_classless) {
            return Ok(Self { row, classless: None, in_row: &[] });
        }
        for (code, value) in routing {
            row.push_raw(*code, value)?;
        }
        let mut classless = Block { bytes: row.bytes.clone() };
        for code in CLASSFUL {
            classless.take(code);
        }
        if row.bytes.len() > SUBNET_OPTIONS {
            row.take(code::CLASSLESS_ROUTES);
        }
        let classless = (classless.bytes != row.bytes).then_some(classless);
        Ok(Self { row, classless, in_row: &ROUTING })
    }
}

/// The block of a host, whose row has these of its options.
pub fn host_block(config: &Settings, host: &Host, in_row: &[u8]) -> anyhow::Result<Block> {
    if config.dhcp.mode.is_proxy() { Ok(Block::default()) } else { options::host(host, in_row) }
}

impl Block {
    pub(crate) fn has(&self, code: u8) -> bool {
        self.find(code).is_some()
    }

    /// Moves an option out, if it is there.
    fn take(&mut self, code: u8) -> Self {
        let range = self.find(code).unwrap_or_default();
        Self { bytes: self.bytes.drain(range).collect() }
    }

    /// Of all its pieces.
    pub fn value(&self, code: u8) -> Option<Vec<u8>> {
        let range = self.find(code)?;
        let mut pieces = self.bytes.get(range)?;
        let mut value = Vec::new();
        while let [_, len, rest @ ..] = pieces {
            let (piece, rest) = rest.split_at_checked(usize::from(*len))?;
            value.extend(piece);
            pieces = rest;
        }
        Some(value)
    }

    /// The place of an option, whose pieces stand side by side.
    fn find(&self, wanted: u8) -> Option<std::ops::Range<usize>> {
        let mut at = 0;
        while let Some([code, len, ..]) = self.bytes.get(at..) {
            if *code == wanted {
                return Some(at..at + Self::pieces(self.bytes.get(at..)?, wanted));
            }
            at += 2 + usize::from(*len);
        }
        None
    }
}
