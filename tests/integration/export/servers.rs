use std::{fs, net::Ipv4Addr, path::Path, process::Command, time::Duration};

use anyhow::{Result, bail, ensure};
use netboot_ebpf::wire::{
    NAK,
    code::{BOOT_FILE, HOSTNAME, IPXE, ROUTER as ROUTERS, TFTP_SERVER_NAME, VENDOR_OPTIONS},
};
use netboot_tests::{
    lab::SERVER,
    namespace::Namespace,
    process::{self, Process},
    wait::wait_for,
};

use super::machine::{Answer, shown};

pub(super) const DEADLINE: Duration = Duration::from_secs(30);
const SEARCH: u8 = 119;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Dnsmasq,
    Kea,
    Dhcpd,
}

/// A running server.
pub(super) struct Running(Process);

impl Running {
    pub(super) fn said(&self) -> String {
        self.0.stdout() + &self.0.stderr()
    }
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::Dnsmasq, Self::Kea, Self::Dhcpd];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "kea",
            Self::Dhcpd => "dhcpd",
        }
    }

    fn command(self, node: &Namespace, directory: &Path, args: &[&str]) -> Command {
        let mut command = node.command(match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "kea-dhcp4",
            Self::Dhcpd => "dhcpd",
        });
        command.env("KEA_PIDFILE_DIR", directory).env("KEA_LOCKFILE_DIR", directory);
        command.args(args);
        command
    }

    /// Has the server check what was exported.
    pub(super) fn check(self, node: &Namespace, directory: &Path, file: &Path) -> Result<()> {
        let args: &[&str] = match self {
            Self::Dnsmasq => &["--test", "-C"],
            Self::Kea => &["-t"],
            Self::Dhcpd => &["-t", "-cf"],
        };
        let mut check = self.command(node, directory, args);
        check.arg(file);
        process::run(check, DEADLINE).map(drop)
    }

    /// Starts the server on what was exported, once it has checked it.
    pub(super) fn start(self, node: &Namespace, directory: &Path, file: &Path) -> Result<Running> {
        self.check(node, directory, file)?;
        let leases = directory.join("leases");
        fs::write(&leases, "")?;
        let (run, ready): (&[&str], _) = match self {
            Self::Dnsmasq => {
                (&["--no-daemon", "--log-dhcp", "--user=root", "-C"], "static leases only")
            }
            Self::Kea => (&["-c"], "DHCP4_STARTED"),
            Self::Dhcpd => (&["-f", "-d", "--no-pid", "-cf"], "Server starting service"),
        };
        let mut command = self.command(node, directory, run);
        command.arg(file);
        if self == Self::Dhcpd {
            command.arg("-lf").arg(&leases);
        }
        let mut running = Running(Process::spawn(command)?.quiet());
        wait_for(self.name(), DEADLINE, || {
            if let Some(status) = running.0.ended()? {
                bail!("it ended with {status}: {}", running.said());
            }
            Ok(running.said().contains(ready).then_some(()))
        })?;
        ensure!(!running.said().contains("ERROR"), "{}", running.said());
        Ok(running)
    }

    /// What this server answers where netboot answers `ours`.
    pub(super) fn instead(self, case: &str, mut ours: Answer) -> Option<Answer> {
        let boots = !ours.file.is_empty() || ours.options.contains_key(&BOOT_FILE);
        match (self, case) {
            // A subnet is joined to an interface or a relay, not to all others.
            (Self::Dnsmasq, "from another subnet") => return None,
            // Machines that know option 121 ignore the routers beside it (RFC 3442).
            (_, "classless routes") => {
                ours.options.insert(ROUTERS, "c0:a8:02:01".to_owned());
            }
            // It looks for the text of a class anywhere in the option.
            (Self::Dnsmasq, "a longer class") => {
                ours.file = "http://192.168.2.200/auto.ipxe".to_owned();
                ours.options.insert(IPXE, "b0:01:01".to_owned());
            }
            // It tells the name to machines that ask for it.
            (Self::Dnsmasq, "asks for a router") => {
                ours.options.remove(&HOSTNAME);
            }
            // It names itself, and no file.
            (Self::Dnsmasq, _) if !boots => ours.siaddr = SERVER,
            // They see the first class of a list only, here iPXE,
            (Self::Kea | Self::Dhcpd, "Tinkerbell, second of two") => {
                ours.file = "tftp://192.168.2.200/ipxe.efi".to_owned();
            }
            // and the first architecture, for which there is no file.
            (Self::Kea | Self::Dhcpd, "two architectures") => {
                ours.file.clear();
                ours.siaddr = Ipv4Addr::UNSPECIFIED;
                ours.options.remove(&VENDOR_OPTIONS);
            }
            _ => {}
        }
        if self == Self::Dnsmasq {
            // It ends these with a NUL, where iPXE's settings end too.
            for code in [TFTP_SERVER_NAME, BOOT_FILE] {
                if let Some(text) = ours.options.get_mut(&code) {
                    *text = shown(format!("{text}\0").as_bytes());
                }
            }
        }
        if self == Self::Kea
            && let Some(search) =
                ours.options.get_mut(&SEARCH).filter(|text| text.ends_with("c0:00"))
        {
            // It writes each name out (RFC 3397 lets names end in another's).
            *search = shown(b"\x07example\x03com\0\x03lab\x07example\x03com\0");
        }
        Some(ours)
    }

    /// The type of this server's answer to a machine that had an address before.
    pub(super) fn reboot_instead(self, case: &str, ours: Option<u8>) -> Option<u8> {
        match (self, case) {
            // It keeps one lease of a machine, which it had in the VLAN last.
            (Self::Dnsmasq, "one of its addresses") => Some(NAK),
            // Known or not: it is in a network where it cannot have that address.
            (Self::Dhcpd, "unknown, an address of another network") => Some(NAK),
            _ => ours,
        }
    }
}
