//! The parts of our answers, for the configuration of another server.

use std::net::Ipv4Addr;

use netboot_ebpf::{
    client::Stage,
    shared::{BootFile, MAX_ARCHITECTURES},
    wire::code,
};

use super::{
    boot::BootSets,
    choice::Choice,
    options::{self, Overrides},
};
use crate::model::{DhcpOption, Host, Settings, Subnet, quirks};

/// What every DHCP server makes by itself, from its own address, the lease time and the subnet's mask.
const BY_ITSELF: [u8; 5] = [
    code::SERVER_ID,
    code::SUBNET_MASK,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
];

/// Renders parts.
pub struct Parts<'c> {
    config: &'c Settings,
    sets: BootSets<'c>,
}

/// What machines of a stage and of some architectures load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootPart {
    pub stage: Stage,
    /// Codes of option 93; `None`: whatever it says, and where it is missing.
    pub architectures: Option<Vec<u16>>,
    /// The server that the file is loaded from.
    pub server: Ipv4Addr,
    /// File name or URL.
    pub name: String,
    pub options: Vec<DhcpOption>,
}

impl<'c> Parts<'c> {
    pub fn new(config: &'c Settings) -> Self {
        Self { config, sets: BootSets::new(config) }
    }

    /// The options of a subnet's machines, or of one of its hosts, but for those that every server makes.
    pub fn options(
        &self,
        subnet: &Subnet,
        server: Ipv4Addr,
        host: Option<&Host>,
    ) -> anyhow::Result<Vec<DhcpOption>> {
        let overrides = host.and_then(Overrides::of);
        let block = options::subnet_block(self.config, subnet, server, overrides.as_ref())?;
        let mut options = split(&block.bytes);
        options.retain(|option| !BY_ITSELF.contains(&option.code));
        options.extend(host.into_iter().flat_map(|host| host.options.iter().cloned()));
        Ok(options)
    }

    /// What the machines of a subnet boot, or one of its hosts, the stages that go before others first.
    pub fn boots(
        &mut self,
        subnet: &'c Subnet,
        server: Ipv4Addr,
        host: Option<&'c Host>,
    ) -> anyhow::Result<Vec<BootPart>> {
        let mut choice = Choice::new(self.config, subnet, server);
        let mut architecture = None;
        if let Some(host) = host {
            if !host.netboot {
                return Ok(Vec::new());
            }
            let (quirks, applied) = quirks::of(self.config, host);
            architecture = quirks.architecture;
            let is_of_rom = quirks::is_of_rom(&applied);
            choice = choice.with_host(host).with_quirks(self.config, &quirks, is_of_rom);
        }
        let any = choice.boot_file.is_some();
        let first = self.sets.set(choice)?;
        let mut boots: Vec<_> = self.boot(first, Stage::Script, 0, None).into_iter().collect();
        for stage in [Stage::Http, Stage::Ipxe, Stage::Pxe] {
            if any {
                boots.extend(self.boot(first, stage, self.sets.slots.count(), None));
            } else if let Some(code) = architecture {
                let slot = self.sets.slots.by_code.get(usize::from(code)).copied().unwrap_or(0);
                boots.extend(self.boot(first, stage, slot.into(), None).filter(|_| slot != 0));
            } else {
                boots.extend(self.sets.slots.all().filter_map(|(slot, own)| {
                    own?;
                    self.boot(first, stage, slot, Some(self.codes(slot)))
                }));
            }
        }
        Ok(boots)
    }

    /// The codes of option 93 of a slot.
    fn codes(&self, slot: u32) -> Vec<u16> {
        let all = (0..MAX_ARCHITECTURES as u16).zip(self.sets.slots.by_code);
        all.filter(|(_, own)| u32::from(*own) == slot).map(|(code, _)| code).collect()
    }

    fn boot(
        &self,
        first: u32,
        stage: Stage,
        slot: u32,
        architectures: Option<Vec<u16>>,
    ) -> Option<BootPart> {
        let row = first + stage.row(self.sets.slots.count(), slot);
        let BootFile { siaddr, name_len, options_len, flags: _, name, options } =
            self.sets.rows.get(row as usize)?;
        let name = name.get(..usize::from(*name_len)).filter(|name| !name.is_empty())?;
        if architectures.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        Some(BootPart {
            stage,
            architectures,
            server: Ipv4Addr::from(*siaddr),
            name: String::from_utf8_lossy(name).into_owned(),
            options: split(options.get(..usize::from(*options_len)).unwrap_or_default()),
        })
    }
}

/// Encoded options, one by one.
fn split(mut rest: &[u8]) -> Vec<DhcpOption> {
    let mut options: Vec<DhcpOption> = Vec::new();
    while let [code, len, after @ ..] = rest {
        let (value, after) = after.split_at(usize::from(*len).min(after.len()));
        match options.last_mut() {
            // A piece of it (RFC 3396).
            Some(DhcpOption { code: last, value: whole }) if last == code => whole.extend(value),
            _ => options.push(DhcpOption { code: *code, value: value.to_vec() }),
        }
        rest = after;
    }
    options
}
