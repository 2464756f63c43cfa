//! Real DHCP servers on configurations that netboot exports.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, bail, ensure};

use crate::{
    daemon::Setup,
    namespace::Namespace,
    process::{self, Output, Process},
    wait::wait_for,
};

const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Dnsmasq,
    Kea,
    Dhcpd,
}

/// A running server.
pub struct Running(Process);

impl Running {
    #[must_use]
    pub fn said(&self) -> String {
        self.0.stdout() + &self.0.stderr()
    }
}

impl Server {
    pub const ALL: [Self; 3] = [Self::Dnsmasq, Self::Kea, Self::Dhcpd];

    /// As `netboot export` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "kea",
            Self::Dhcpd => "dhcpd",
        }
    }

    /// Writes its configuration for a site, as of a node.
    pub fn export(self, node: &Namespace, setup: &Setup, directory: &Path) -> Result<PathBuf> {
        let file = directory.join("exported");
        let mut export = setup.command(node, &["export", self.name()])?;
        export.arg("--out").arg(&file);
        process::run(export, DEADLINE)?;
        Ok(file)
    }

    /// What `netboot export` says that it cannot do.
    pub fn notes(self, node: &Namespace, setup: &Setup) -> Result<Vec<String>> {
        let export = setup.command(node, &["export", self.name()])?;
        let Output { status, stderr, .. } = process::output(export, DEADLINE)?;
        ensure!(status.success(), "{status}: {stderr}");
        Ok(stderr.lines().map(str::to_owned).collect())
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
    pub fn check(self, node: &Namespace, directory: &Path, file: &Path) -> Result<()> {
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
    pub fn start(self, node: &Namespace, directory: &Path, file: &Path) -> Result<Running> {
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
}
