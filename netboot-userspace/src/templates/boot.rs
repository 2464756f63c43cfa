//! The boot sets: for each server address and boot file override, what each stage and architecture loads.

use std::{collections::HashMap, net::Ipv4Addr};

use dhcproto::v4::DhcpOption;
use netboot_ebpf::{
    client::Stage,
    shared::{BOOT_NAME, BootFile},
    wire::code,
};

use super::{Slots, authority, options::Block};
use crate::config::Config;

/// "If a boot file name is present in the offer, boot it: no menu, no prompt, no discovery": without it
/// EDK2 takes the answer for a boot server's list (PXE 2.1 section 2.2.3, PXE_DISCOVERY_CONTROL).
const PXE_DISCOVERY_CONTROL: [u8; 4] = [6, 1, 8, 255];
/// iPXE's `no-pxedhcp`: it does not wait for a ProxyDHCP offer, 2 to 3 s on each DHCP.
const IPXE_NO_PXEDHCP: [u8; 3] = [0xb0, 1, 1];

/// The rows of `BOOT_FILES`.
pub(super) struct BootSets<'c> {
    config: &'c Config,
    slots: &'c Slots,
    pub(super) rows: Vec<BootFile>,
    sets: HashMap<(Ipv4Addr, Option<String>), u32>,
}

impl<'c> BootSets<'c> {
    pub(super) fn new(config: &'c Config, slots: &'c Slots) -> Self {
        Self { config, slots, rows: vec![BootFile::NONE], sets: HashMap::new() }
    }

    /// The first row of the set for machines that reach us at this address.
    pub(super) fn set(&mut self, server: Ipv4Addr, file: Option<&str>) -> anyhow::Result<u32> {
        let key = (server, file.map(str::to_owned));
        if let Some(&first) = self.sets.get(&key) {
            return Ok(first);
        }
        let first = u32::try_from(self.rows.len())?;
        let mut set = vec![BootFile::NONE; Stage::rows(self.slots.count()) as usize];
        let mut put = |stage: Stage, slot: u32, row: BootFile| {
            if let Some(place) = set.get_mut(stage.row(self.slots.count(), slot) as usize) {
                *place = row;
            }
        };
        if let Some(url) = self.script_url(server) {
            put(Stage::Script, 0, self.row(server, &url, Stage::Script)?);
        }
        for (slot, architecture) in (1..).zip(&self.slots.architectures) {
            let Some(name) =
                file.or_else(|| self.config.boot.files.get(architecture).map(String::as_str))
            else {
                continue;
            };
            for stage in [Stage::Pxe, Stage::Http, Stage::Ipxe] {
                if let Some(name) = self.name(server, name, stage) {
                    put(stage, slot, self.row(server, &name, stage)?);
                }
            }
        }
        self.rows.extend(set);
        self.sets.insert(key, first);
        Ok(first)
    }

    fn script_url(&self, server: Ipv4Addr) -> Option<String> {
        let own = || {
            self.config
                .http
                .map(|listen| format!("http://{}/auto.ipxe", authority(server, listen, 80)))
        };
        self.config.boot.script_url.clone().or_else(own)
    }

    /// The binary as this stage loads it.
    fn name(&self, server: Ipv4Addr, name: &str, stage: Stage) -> Option<String> {
        let http = || {
            self.config
                .http
                .map(|listen| format!("http://{}/ipxe/{name}", authority(server, listen, 80)))
        };
        let tftp = || {
            self.config
                .tftp
                .map(|listen| format!("tftp://{}/{name}", authority(server, listen, 69)))
        };
        match stage {
            Stage::Http => http(),
            Stage::Ipxe => tftp().or_else(http),
            _ => Some(name.to_owned()),
        }
    }

    fn row(&self, server: Ipv4Addr, name: &str, stage: Stage) -> anyhow::Result<BootFile> {
        let mut block = Block::default();
        if stage == Stage::Http {
            // EDK2 goes on with HTTP boot only where this is echoed.
            block.push(&DhcpOption::ClassIdentifier(b"HTTPClient".to_vec()))?;
        } else {
            block.push(&DhcpOption::VendorExtensions(PXE_DISCOVERY_CONTROL.to_vec()))?;
            if self.config.dhcp.echo_pxeclient {
                block.push(&DhcpOption::ClassIdentifier(b"PXEClient".to_vec()))?;
            }
        }
        if self.config.dhcp.skip_proxydhcp && matches!(stage, Stage::Ipxe | Stage::Script) {
            block.push_raw(code::IPXE, &IPXE_NO_PXEDHCP)?;
        }
        let (options, options_len) = block.padded()?;
        let mut bytes = [0; BOOT_NAME];
        // One less: a NUL ends the name in iPXE's and EDK2's buffers.
        anyhow::ensure!(name.len() < BOOT_NAME, "{name:?} is longer than {} bytes", BOOT_NAME - 1);
        bytes.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
        Ok(BootFile {
            siaddr: server.octets(),
            name_len: name.len() as u16,
            options_len,
            name: bytes,
            options,
        })
    }
}
