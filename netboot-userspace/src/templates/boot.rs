//! The boot sets: for each server address and boot file override, what each stage and architecture loads.

use std::{collections::HashMap, net::Ipv4Addr};

use dhcproto::v4::DhcpOption;
use netboot_ebpf::{
    client::Stage,
    reply::FILE_NAME,
    shared::{BOOT_NAME, BootFile},
    wire::code,
};

use super::{options::Block, slots::Slots};
use crate::config::{Config, reach};

/// "If a boot file name is present in the offer, boot it: no menu, no prompt, no discovery": without it
/// EDK2 takes the answer for a boot server's list (PXE 2.1 section 2.2.3, PXE_DISCOVERY_CONTROL).
const PXE_DISCOVERY_CONTROL: [u8; 4] = [6, 1, 8, 255];
/// iPXE's `no-pxedhcp`: it does not wait for a ProxyDHCP offer, 2 to 3 s on each DHCP.
const IPXE_NO_PXEDHCP: [u8; 3] = [0xb0, 1, 1];

/// The port at which firmware asks for its boot file.
const TFTP_PORT: u16 = 69;

/// The rows of `BOOT_FILES`.
pub(super) struct BootSets<'c> {
    config: &'c Config,
    pub(super) slots: Slots,
    pub(super) rows: Vec<BootFile>,
    sets: HashMap<(Ipv4Addr, Option<String>), u32>,
}

/// What a machine loads, and from where.
struct Target {
    server: Ipv4Addr,
    /// File name or URL.
    name: String,
}

impl<'c> BootSets<'c> {
    pub(super) fn new(config: &'c Config) -> Self {
        let slots = Slots::new(config);
        Self { config, slots, rows: vec![BootFile::NONE], sets: HashMap::new() }
    }

    /// The first row of the set for machines that reach us at this address.
    pub(super) fn set(&mut self, server: Ipv4Addr, file: Option<&str>) -> anyhow::Result<u32> {
        let key = (server, file.map(str::to_owned));
        if let Some(&first) = self.sets.get(&key) {
            return Ok(first);
        }
        let first = u32::try_from(self.rows.len())?;
        let mut set = vec![BootFile::NONE; self.width()];
        let mut put = |stage: Stage, slot: u32, row: BootFile| {
            if let Some(place) = set.get_mut(stage.row(self.slots.count(), slot) as usize) {
                *place = row;
            }
        };
        if let Some(script) = self.script(server) {
            put(Stage::Script, 0, self.row(&script, Stage::Script)?);
        }
        for (slot, architecture) in self.slots.all() {
            let configured = architecture.and_then(|own| self.config.boot.files.get(&own));
            let Some(name) = file.or(configured.map(String::as_str)) else { continue };
            for stage in [Stage::Pxe, Stage::Http, Stage::Ipxe] {
                if let Some(target) = self.binary(server, name, stage) {
                    put(stage, slot, self.row(&target, stage)?);
                }
            }
        }
        self.rows.extend(set);
        self.sets.insert(key, first);
        Ok(first)
    }

    /// The most bytes that a row of the set adds to an answer's options.
    pub(super) fn longest(
        &mut self,
        server: Ipv4Addr,
        file: Option<&str>,
    ) -> anyhow::Result<usize> {
        let first = self.set(server, file)? as usize;
        let bytes = |row: &BootFile| {
            let name = usize::from(row.name_len);
            let option = if name > FILE_NAME { 2 + name } else { 0 };
            usize::from(row.options_len) + option
        };
        Ok(self.rows.iter().skip(first).take(self.width()).map(bytes).max().unwrap_or(0))
    }

    fn width(&self) -> usize {
        Stage::rows(self.slots.count()) as usize
    }

    /// The script's URL for machines that reach us at this address.
    pub(super) fn script_url(&self, server: Ipv4Addr) -> Option<String> {
        self.script(server).map(|script| script.name)
    }

    fn script(&self, server: Ipv4Addr) -> Option<Target> {
        let given = self.config.boot.script_url.clone();
        given.map(|name| Target { server, name }).or_else(|| self.http(server, "auto.ipxe"))
    }

    /// The binary as this stage loads it.
    fn binary(&self, server: Ipv4Addr, name: &str, stage: Stage) -> Option<Target> {
        let http = || self.http(server, &format!("ipxe/{name}"));
        match stage {
            Stage::Http => http(),
            Stage::Ipxe => self.tftp(server, name).or_else(http),
            _ => self.firmware(server, name),
        }
    }

    fn http(&self, server: Ipv4Addr, path: &str) -> Option<Target> {
        let listen = self.config.http?;
        let server = reach(server, listen)?;
        let name = format!("http://{}/{path}", authority(server, listen.port(), 80));
        Some(Target { server, name })
    }

    fn tftp(&self, server: Ipv4Addr, name: &str) -> Option<Target> {
        let listen = self.config.tftp?;
        let server = reach(server, listen)?;
        let name = format!("tftp://{}/{name}", authority(server, listen.port(), TFTP_PORT));
        Some(Target { server, name })
    }

    fn firmware(&self, server: Ipv4Addr, name: &str) -> Option<Target> {
        let listen = self.config.tftp.filter(|listen| listen.port() == TFTP_PORT)?;
        Some(Target { server: reach(server, listen)?, name: name.to_owned() })
    }

    fn row(&self, target: &Target, stage: Stage) -> anyhow::Result<BootFile> {
        let Target { server, name } = target;
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

/// `address:port` of a URL, without the port where it is the scheme's own.
fn authority(server: Ipv4Addr, port: u16, default_port: u16) -> String {
    if port == default_port { server.to_string() } else { format!("{server}:{port}") }
}
