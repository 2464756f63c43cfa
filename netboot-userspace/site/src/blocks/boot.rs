//! The boot sets: for each [`Choice`], what each stage and architecture loads.

use std::{collections::HashMap, net::Ipv4Addr};

use netboot_ebpf::{
    client::Stage,
    reply::FILE_NAME,
    shared::{BOOT_NAME, BootFile},
    wire::code,
};

use super::{
    choice::Choice,
    options::Block,
    slots::{Slot, Slots},
    vendor::vendor_options,
};
use crate::{
    boot_program::is_disk_image,
    model::{Architecture, Settings, reach},
};

/// iPXE's `no-pxedhcp`: it does not wait for a ProxyDHCP offer, 2 to 3 s on each DHCP.
const IPXE_NO_PXEDHCP: [u8; 3] = [0xb0, 1, 1];

/// The port at which firmware asks for its boot file.
const TFTP_PORT: u16 = 69;

/// The rows of `BOOT_FILES`.
pub struct BootSets<'c> {
    config: &'c Settings,
    pub slots: Slots,
    pub rows: Vec<BootFile>,
    sets: HashMap<Choice<'c>, u32>,
}

/// What a machine loads, and from where.
struct BootTarget {
    server: Ipv4Addr,
    /// File name or URL.
    name: String,
}

impl<'c> BootSets<'c> {
    pub fn new(config: &'c Settings) -> Self {
        let slots = Slots::new(config);
        Self { config, slots, rows: vec![BootFile::NONE], sets: HashMap::new() }
    }

    /// The first row of the set of a choice.
    pub fn set(&mut self, choice: Choice<'c>) -> anyhow::Result<u32> {
        if let Some(&first) = self.sets.get(&choice) {
            return Ok(first);
        }
        let first = u32::try_from(self.rows.len())?;
        let mut set = vec![BootFile::NONE; self.width()];
        let mut put = |stage: Stage, slot: u32, row: BootFile| {
            if let Some(place) = set.get_mut(stage.row(self.slots.count(), slot) as usize) {
                *place = row;
            }
        };
        if let Some(script) = self.script(&choice) {
            put(Stage::Script, 0, self.row(&choice, &script, Stage::Script, false)?);
        }
        let own = choice.boot_file.and_then(|name| self.binary(choice.server, name, Stage::Plain));
        if let Some(target) = own {
            put(Stage::Plain, 1, self.row(&choice, &target, Stage::Plain, false)?);
        }
        for (slot, architectures) in self.slots.all() {
            let Some(name) = self.file(&choice, architectures) else { continue };
            let has_menu = choice.menu_of.is_none_or(|code| self.slots.of(code) == slot);
            for stage in [Stage::Pxe, Stage::Http, Stage::Ipxe] {
                if let Some(target) = self.binary(choice.server, name, stage) {
                    put(stage, slot, self.row(&choice, &target, stage, has_menu)?);
                }
            }
        }
        self.rows.extend(set);
        self.sets.insert(choice, first);
        Ok(first)
    }

    /// The name of the binary for a slot.
    fn file<'s>(&'s self, choice: &Choice<'s>, slot: Option<&Slot>) -> Option<&'s str> {
        let tables = [choice.files, &self.config.boot.files];
        let find = |group: &[Architecture]| {
            let mut keys = tables.iter().flat_map(|table| group.iter().map(|key| table.get(key)));
            keys.find_map(|name| name.map(String::as_str))
        };
        choice.boot_file.or_else(|| slot?.groups().into_iter().find_map(find))
    }

    /// The most bytes that a row of the set adds to an answer's options.
    pub(crate) fn longest(&mut self, choice: Choice<'c>) -> anyhow::Result<usize> {
        let first = self.set(choice)? as usize;
        let bytes = |row: &BootFile| {
            let name = usize::from(row.name_len);
            let is_in_option = name > FILE_NAME || row.flags & BootFile::IN_OPTION != 0;
            let option = if is_in_option { 2 + name } else { 0 };
            usize::from(row.options_len) + option
        };
        Ok(self.rows.iter().skip(first).take(self.width()).map(bytes).max().unwrap_or(0))
    }

    fn width(&self) -> usize {
        Stage::rows(self.slots.count()) as usize
    }

    /// The script's URL.
    pub fn script_url(&self, choice: &Choice<'_>) -> Option<String> {
        self.script(choice).map(|script| script.name)
    }

    fn script(&self, choice: &Choice<'_>) -> Option<BootTarget> {
        let server = choice.server;
        let given = choice.script_url.map(|url| BootTarget { server, name: url.to_owned() });
        // Where another server gives the addresses, they do not tell the machine. iPXE puts its MAC in.
        let path = if self.config.dhcp.mode.is_proxy() { "${mac}/auto.ipxe" } else { "auto.ipxe" };
        given.or_else(|| self.http(server, path))
    }

    /// The binary as this stage loads it.
    fn binary(&self, server: Ipv4Addr, name: &str, stage: Stage) -> Option<BootTarget> {
        let http = || self.http(server, &format!("ipxe/{name}"));
        match stage {
            _ if name.starts_with("tftp://") && is_disk_image(name) => None,
            _ if name.contains("://") => Some(BootTarget { server, name: name.to_owned() }),
            Stage::Http => http(),
            // Firmware and iPXE would load all of it into memory, block by block.
            Stage::Ipxe | Stage::Plain if is_disk_image(name) => http(),
            _ if is_disk_image(name) => None,
            Stage::Ipxe => self.tftp(server, name).or_else(http),
            Stage::Plain => self.firmware(server, name).or_else(http),
            _ => self.firmware(server, name),
        }
    }

    fn http(&self, server: Ipv4Addr, path: &str) -> Option<BootTarget> {
        let listen = self.config.http?;
        let server = reach(server, listen)?;
        let name = format!("http://{}/{path}", authority(server, listen.port(), 80));
        Some(BootTarget { server, name })
    }

    fn tftp(&self, server: Ipv4Addr, name: &str) -> Option<BootTarget> {
        let listen = self.config.tftp.listen?;
        let server = reach(server, listen)?;
        let name = format!("tftp://{}/{name}", authority(server, listen.port(), TFTP_PORT));
        Some(BootTarget { server, name })
    }

    fn firmware(&self, server: Ipv4Addr, name: &str) -> Option<BootTarget> {
        let listen = self.config.tftp.listen.filter(|listen| listen.port() == TFTP_PORT)?;
        Some(BootTarget { server: reach(server, listen)?, name: name.to_owned() })
    }

    fn row(
        &self,
        choice: &Choice<'_>,
        target: &BootTarget,
        stage: Stage,
        has_menu: bool,
    ) -> anyhow::Result<BootFile> {
        if stage == Stage::Plain {
            let row = Self::filled(target, &Self::named(choice, target)?)?;
            return Ok(BootFile { flags: BootFile::IN_OPTION, ..row });
        }
        let mut block = Block::default();
        if let Some(value) = vendor_options(stage, choice, has_menu) {
            block.push_raw(code::VENDOR_OPTIONS, &value)?;
        }
        if stage == Stage::Http {
            // EDK2 goes on with HTTP boot only where this is echoed.
            block.push_raw(code::VENDOR_CLASS, b"HTTPClient")?;
        } else if choice.echo_pxeclient {
            block.push_raw(code::VENDOR_CLASS, b"PXEClient")?;
        }
        if self.config.dhcp.skip_proxydhcp && matches!(stage, Stage::Ipxe | Stage::Script) {
            block.push_raw(code::IPXE, &IPXE_NO_PXEDHCP)?;
        }
        Self::filled(target, &block)
    }

    /// What stands beside a name that is asked for by number.
    fn named(
        choice: &Choice<'_>,
        BootTarget { server, name }: &BootTarget,
    ) -> anyhow::Result<Block> {
        let mut block = Block::default();
        if !choice.has_server_name && !name.contains("://") {
            block.push_raw(code::TFTP_SERVER_NAME, server.to_string().as_bytes())?;
        }
        Ok(block)
    }

    fn filled(BootTarget { server, name }: &BootTarget, block: &Block) -> anyhow::Result<BootFile> {
        let (options, options_len) = block.padded()?;
        let mut bytes = [0; BOOT_NAME];
        // One less: a NUL ends the name in iPXE's and EDK2's buffers.
        anyhow::ensure!(name.len() < BOOT_NAME, "{name:?} is longer than {} bytes", BOOT_NAME - 1);
        bytes.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
        Ok(BootFile {
            siaddr: server.octets(),
            name_len: name.len() as u16,
            options_len,
            flags: 0,
            name: bytes,
            options,
        })
    }
}

/// `address:port` of a URL, without the port where it is the scheme's own.
fn authority(server: Ipv4Addr, port: u16, default_port: u16) -> String {
    if port == default_port { server.to_string() } else { format!("{server}:{port}") }
}
