//! The site that the tests configure.

use std::{fs, path::Path};

use anyhow::Result;
use netboot_tests::{
    daemon::{Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, SERVER},
    program,
};
use tempfile::TempDir;

pub(crate) const SCRIPT_URL: &str = "http://192.168.2.112/auto.ipxe";

/// What machines with x86-64 firmware load.
pub(crate) fn uefi_file() -> Vec<u8> {
    program::uefi(program::X86_64, b"for UEFI")
}

/// What `boot.root` is in a test, and the daemon's configuration with it.
pub(crate) struct Site {
    root: TempDir,
    script_user_classes: &'static str,
    decline_time: &'static str,
    dhcp: String,
    subnet: String,
    boot: String,
    boot_files: String,
    hosts: String,
}

impl Site {
    /// One machine is known: the lab's client.
    pub(crate) fn new() -> Result<Self> {
        let root = tempfile::tempdir()?;
        let site = Self {
            root,
            script_user_classes: "\"Tinkerbell\"",
            decline_time: "60s",
            dhcp: String::new(),
            subnet: String::new(),
            boot: String::new(),
            boot_files: String::new(),
            hosts: String::new(),
        };
        let site = site.file("undionly.kpxe", b"for a BIOS")?.file("ipxe.efi", &uefi_file())?;
        Ok(site.host(CLIENT_MAC, &CLIENT.to_string(), "machine1"))
    }

    /// No machine is known.
    pub(crate) fn empty() -> Result<Self> {
        Ok(Self { hosts: String::new(), ..Self::new()? })
    }

    /// One more machine.
    pub(crate) fn host(mut self, mac: &str, ip: &str, hostname: &str) -> Self {
        self.hosts +=
            &format!("[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\nhostname = \"{hostname}\"\n\n");
        self
    }

    /// The last machine has a script of its own.
    pub(crate) fn script(mut self, script: &str) -> Self {
        self.hosts.truncate(self.hosts.trim_end().len());
        self.hosts += &format!("\nscript = '''\n{script}'''\n\n");
        self
    }

    /// What machines of another architecture boot.
    pub(crate) fn boot_file(mut self, architecture: &str, name: &str) -> Self {
        self.boot_files += &format!("{architecture} = \"{name}\"\n");
        self
    }

    /// Machines with a distribution's iPXE get the script too: it has no class of its own.
    pub(crate) fn with_distribution_ipxe(mut self) -> Self {
        self.script_user_classes = "\"Tinkerbell\", \"iPXE\"";
        self
    }

    /// `boot.root`
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Puts a file under `boot.root`.
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Result<Self> {
        fs::write(self.root().join(name), content)?;
        Ok(self)
    }

    /// How long a declined address is held back.
    pub(crate) fn decline_time(mut self, time: &'static str) -> Self {
        self.decline_time = time;
        self
    }

    /// One more setting of `[dhcp]`.
    pub(crate) fn dhcp(mut self, line: &str) -> Self {
        self.dhcp += &format!("{line}\n");
        self
    }

    /// One more setting of the `[[subnet]]`.
    pub(crate) fn subnet(mut self, line: &str) -> Self {
        self.subnet += &format!("{line}\n");
        self
    }

    /// One more setting of the last machine.
    pub(crate) fn host_setting(mut self, line: &str) -> Self {
        self.hosts.truncate(self.hosts.trim_end().len());
        self.hosts += &format!("\n{line}\n\n");
        self
    }

    /// One more setting of `[boot]`.
    pub(crate) fn boot(mut self, line: &str) -> Self {
        self.boot += &format!("{line}\n");
        self
    }

    pub(crate) fn setup(self, xdp: Xdp) -> Result<Setup> {
        let tables = format!(
            r#"[dhcp]
server-address = "{SERVER}"
lease-time = "24h"
decline-time = "{decline_time}"
{dhcp}
[[subnet]]
cidr = "192.168.2.0/24"
routers = ["192.168.2.1"]
dns = ["8.8.8.8", "1.1.1.1"]
{subnet}
[boot]
root = "{root}"
script-user-classes = [{classes}]
script-url = "{SCRIPT_URL}"
{boot}
[boot.files]
x86-bios = "undionly.kpxe"
x86_64-uefi = "ipxe.efi"
{boot_files}
[script]
consoles = ["ttyS0"]

{hosts}"#,
            root = self.root().display(),
            classes = self.script_user_classes,
            decline_time = self.decline_time,
            dhcp = self.dhcp,
            subnet = self.subnet,
            boot = self.boot,
            boot_files = self.boot_files,
            hosts = self.hosts,
        );
        Setup::new(xdp, self.root, &tables)
    }
}
