//! The site that the cases are about, as a configuration file: the one that the golden requests were
//! captured on, a subnet behind a relay, and what a suite adds.

use std::fs;

use anyhow::Result;

use crate::{
    daemon::{Setup, Xdp},
    program,
};

/// Both our addresses are on one link here.
pub use netboot_test_kit::site::{
    ADDRESS, INTERFACE_MAC, MAC, OTHER_SERVER, RELAY, SERVER, STRANGER,
};

/// A relay in 172.28.0.0/24, where we have no address.
pub const FAR_RELAY: [u8; 4] = [172, 28, 0, 3];
/// A machine of 172.29.0.0/24, of which next to nothing is configured.
pub const OTHER: [u8; 6] = [0x52, 0x54, 0, 0x29, 0, 0x60];
pub const OTHER_ADDRESS: [u8; 4] = [172, 29, 0, 60];
/// A machine of 172.28.0.0/24.
pub const FAR: [u8; 6] = [0x52, 0x54, 0, 0x28, 0, 0x60];
pub const FAR_ADDRESS: [u8; 4] = [172, 28, 0, 60];
/// A machine that gets its lease only (`netboot = false`).
pub const LEASE_ONLY: [u8; 6] = [0x52, 0x54, 0, 0x30, 0, 0x61];
pub const LEASE_ONLY_ADDRESS: [u8; 4] = [172, 30, 0, 61];
/// An address of nobody here.
pub const FOREIGN: [u8; 4] = [10, 9, 8, 7];
/// A machine that asks after each case: its answer ends the wait for the case's.
pub(super) const SENTINEL: [u8; 6] = [2, 0x5e, 0, 0, 0, 1];

/// Every boot file that a suite names.
const FILES: [&str; 4] = ["undionly.kpxe", "start4.elf", "hook.iso", LONG_FILE];
/// Of 100 bytes.
pub const LONG_FILE: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
/// Those for UEFI, and PE's number of their machines.
const UEFI_FILES: [(&str, u16); 6] = [
    ("ipxe-i386.efi", program::X86),
    ("ipxe.efi", program::X86_64),
    ("snp-arm32.efi", program::ARM32),
    ("snp-arm64.efi", program::ARM64),
    ("riscv64.efi", program::RISCV64),
    ("own.efi", program::X86_64),
];

/// A configuration file in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    mac: [u8; 6],
    /// More MACs of the known machine.
    nics: Vec<[u8; 6]>,
    dhcp: String,
    subnet: String,
    boot: String,
    files: String,
    host: String,
    tables: String,
    pub(super) declined: bool,
}

impl Site {
    #[must_use]
    pub fn new() -> Self {
        Self {
            mac: MAC,
            nics: Vec::new(),
            dhcp: String::new(),
            subnet: String::new(),
            boot: String::new(),
            files: String::new(),
            host: String::new(),
            tables: String::new(),
            declined: false,
        }
    }

    /// The known machine has this Ethernet address.
    #[must_use]
    pub fn machine(self, mac: [u8; 6]) -> Self {
        Self { mac, ..self }
    }

    /// The known machine has this Ethernet address, too.
    #[must_use]
    pub fn nic(mut self, mac: [u8; 6]) -> Self {
        self.nics.push(mac);
        self
    }

    /// Lines of `[dhcp]`.
    #[must_use]
    pub fn dhcp(self, lines: &str) -> Self {
        Self { dhcp: self.dhcp + lines + "\n", ..self }
    }

    /// Lines of the known machine's `[[subnet]]`.
    #[must_use]
    pub fn subnet(self, lines: &str) -> Self {
        Self { subnet: self.subnet + lines + "\n", ..self }
    }

    /// Lines of `[boot]`.
    #[must_use]
    pub fn boot(self, lines: &str) -> Self {
        Self { boot: self.boot + lines + "\n", ..self }
    }

    /// Lines of `[boot.files]`.
    #[must_use]
    pub fn files(self, lines: &str) -> Self {
        Self { files: self.files + lines + "\n", ..self }
    }

    /// Lines of the known machine's `[[host]]`.
    #[must_use]
    pub fn host(self, lines: &str) -> Self {
        Self { host: self.host + lines + "\n", ..self }
    }

    /// Whole tables, at the end of the file.
    #[must_use]
    pub fn tables(self, tables: &str) -> Self {
        Self { tables: self.tables + tables + "\n", ..self }
    }

    /// One more machine, with lines of its `[[host]]`.
    #[must_use]
    pub fn known(self, mac: [u8; 6], address: [u8; 4], lines: &str) -> Self {
        self.tables(&entry(&[mac], address, lines))
    }

    /// The known machine has declined its address.
    #[must_use]
    pub fn declined(self) -> Self {
        Self { declined: true, ..self }
    }

    /// The known machine's address in the configuration.
    pub(super) fn station(&self) -> [u8; 6] {
        self.mac
    }

    /// The file, with what it names.
    pub(super) fn setup(&self) -> Result<Setup> {
        let root = tempfile::tempdir()?;
        for file in FILES {
            fs::write(root.path().join(file), file)?;
        }
        for (file, machine) in UEFI_FILES {
            fs::write(root.path().join(file), program::uefi(machine, b""))?;
        }
        let text = self.text(&root.path().display().to_string());
        Setup::new(Xdp::Off, root, &text)
    }

    fn text(&self, root: &str) -> String {
        let Self { dhcp, subnet, boot, files, tables, .. } = self;
        let macs = [&[self.mac][..], &self.nics].concat();
        let machine = entry(&macs, ADDRESS, &format!("hostname = \"machine1\"\n{}", self.host));
        let others = [
            entry(&[OTHER], OTHER_ADDRESS, ""),
            entry(&[FAR], FAR_ADDRESS, ""),
            entry(&[LEASE_ONLY], LEASE_ONLY_ADDRESS, "netboot = false"),
            entry(&[SENTINEL], [172, 30, 0, 250], ""),
        ]
        .concat();
        format!(
            r#"[dhcp]
lease-time = "24h"
machine-rate = 0
unknown-rate = 0
{dhcp}
[[subnet]]
cidr = "172.30.0.0/24"
routers = ["172.30.0.1"]
dns = ["8.8.8.8"]
domain = "lab.test"
{subnet}
[[subnet]]
cidr = "172.29.0.0/24"
routers = ["172.29.0.2"]

[[subnet]]
cidr = "172.28.0.0/24"
routers = ["172.28.0.3"]

[boot]
root = "{root}"
{boot}
[boot.files]
x86-bios = "undionly.kpxe"
x86-uefi = "ipxe-i386.efi"
x86_64-uefi = "ipxe.efi"
arm32-uefi = "snp-arm32.efi"
arm64-uefi = "snp-arm64.efi"
{files}
{machine}{others}{tables}"#
        )
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// A `[[host]]`.
fn entry(macs: &[[u8; 6]], address: [u8; 4], lines: &str) -> String {
    let text = |mac: &[u8; 6]| format!("{:?}", mac.map(|octet| format!("{octet:02x}")).join(":"));
    let mac = match macs {
        [one] => text(one),
        several => format!("[{}]", several.iter().map(text).collect::<Vec<_>>().join(", ")),
    };
    let address = std::net::Ipv4Addr::from(address);
    format!("[[host]]\nmac = {mac}\nip = \"{address}\"\n{lines}\n\n")
}
