//! What the daemon under faults is configured with.

use std::{fs, net::Ipv4Addr, path::Path};

use anyhow::Result;

use crate::{
    daemon::{Setup, Xdp},
    load::Load,
    program,
    replace::replace,
    wire::{MACS, configuration},
};

/// A small file, and one of many blocks.
pub(super) const FILE: &str = "ipxe.efi";
const BIOS_FILE: &str = "undionly.kpxe";
pub(super) const KERNEL: &str = "kernel";
/// Who asks whether all is served.
pub(super) const PROBE_MAC: [u8; 6] = [2, 0xff, 0, 0, 0, 0x99];
pub(super) const PROBE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 250);
/// The machine that boots: the client's interface.
pub(super) const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 200);

/// The virtual machine that boots.
pub(super) const GUEST_MAC: &str = "02:ff:00:00:00:77";
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 201);

pub(super) const HOSTS: &str = "hosts.csv";

/// The hosts of an inventory file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosts {
    pub(super) load: Load,
    /// Beside those that ask.
    pub(super) further: u32,
    /// In every host's name.
    pub(super) edition: u32,
}

impl Hosts {
    /// The name that a host has in this edition.
    pub(super) fn probe_name(&self) -> String {
        format!("probe-{}", self.edition)
    }

    pub(super) fn csv(&self) -> String {
        let edition = self.edition;
        let probe = PROBE_MAC.map(|byte| format!("{byte:02x}")).join(":");
        let mut text = format!(
            "mac,ip,hostname\n{probe},{PROBE},{}\n{},{MACHINE},machine-{edition}\n\
             {GUEST_MAC},{GUEST},guest-{edition}\n",
            self.probe_name(),
            MACS[1]
        );
        for (index, (mac, ip)) in self.load.machines().enumerate() {
            text += &format!("{mac},{ip},load{index}-{edition}\n");
        }
        for index in 0..self.further {
            let [a, b, c, d] = index.to_be_bytes();
            let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 100, 0, 1)) + index);
            text += &format!("02:01:{a:02x}:{b:02x}:{c:02x}:{d:02x},{ip},more{index}-{edition}\n");
        }
        text
    }
}

/// A configuration with the hosts in a file beside it.
pub(super) fn setup(xdp: Xdp, hosts: &Hosts) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join(FILE), program::uefi(program::X86_64, b"a binary"))?;
    fs::write(root.path().join(BIOS_FILE), "a binary")?;
    fs::write(root.path().join(KERNEL), vec![7; 300_001])?;
    let tables = tables(root.path());
    let setup = Setup::new(xdp, root, &tables)?;
    let text = fs::read_to_string(setup.path())?;
    replace(&setup.path(), &format!("inventory = [\"{HOSTS}\"]\n{text}"))?;
    write(&setup, hosts)?;
    Ok(setup)
}

/// Replaces the inventory's file.
pub(super) fn write(setup: &Setup, hosts: &Hosts) -> Result<()> {
    replace(&setup.path().with_file_name(HOSTS), &hosts.csv())
}

fn tables(root: &Path) -> String {
    let boot = "script-user-classes = [\"Tinkerbell\", \"iPXE\"]";
    let head = configuration(root, "", boot);
    format!(
        r#"{head}
[boot.files]
x86-bios = "{BIOS_FILE}"
x86_64-uefi = "{FILE}"

[script]
consoles = ["ttyS0"]

[[subnet]]
cidr = "10.100.0.0/14"
"#,
    )
}
