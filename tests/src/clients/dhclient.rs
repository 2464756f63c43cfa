use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Result, bail, ensure};
use tempfile::TempDir;

use super::{BOUND, DEADLINE, Identity, Lease, NAMES, lease, read_hook, write_hook};
use crate::{
    namespace::Namespace,
    process::{self, Process},
    wait::wait_for,
};

/// A lease of ISC's client, and what it needs to go on with it.
pub struct Bound {
    pub lease: Lease,
    dir: TempDir,
}

/// ISC's client: no options 57 and 61, the user class as a plain string.
pub fn dhclient(namespace: &Namespace, interface: &str, identity: Identity<'_>) -> Result<Bound> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("conf"), configuration(identity)?)?;
    fs::write(dir.path().join("leases"), "")?;
    let lease = bind(namespace, interface, &dir)?;
    Ok(Bound { lease, dir })
}

impl Bound {
    /// Starts again with the lease that it remembers: a REQUEST without a DISCOVER (INIT-REBOOT).
    pub fn reboot(&self, namespace: &Namespace, interface: &str) -> Result<Lease> {
        bind(namespace, interface, &self.dir)
    }

    /// Starts again with the lease that it remembers, and stays to renew it. The interface must have
    /// the address. What it does stands in its standard error.
    pub fn stay(&self, namespace: &Namespace, interface: &str) -> Result<Process> {
        let (hook, _) = write_hook(self.dir.path(), BOUND)?;
        let mut command = command(namespace, self.dir.path(), &hook);
        command.args(["-d", interface]);
        Process::spawn(command)
    }

    /// Sends a RELEASE. The interface must have the address: it is sent like any datagram.
    pub fn release(&self, namespace: &Namespace, interface: &str) -> Result<()> {
        let (hook, _) = write_hook(self.dir.path(), "$reason\" in RELEASE")?;
        let mut command = command(namespace, self.dir.path(), &hook);
        command.args(["-r", interface]);
        process::run(command, DEADLINE).map(drop)
    }
}

fn bind(namespace: &Namespace, interface: &str, dir: &TempDir) -> Result<Lease> {
    let (hook, seen) = write_hook(dir.path(), BOUND)?;
    if seen.exists() {
        fs::remove_file(&seen)?;
    }
    let mut command = command(namespace, dir.path(), &hook);
    // Without -d it would go on in the background.
    command.args(["-1", "-d", interface]);
    let mut client = Process::spawn(command)?;
    let seen = wait_for("a lease for dhclient", DEADLINE, || {
        if let Some(status) = client.ended()? {
            bail!("dhclient got no lease ({status}): {}", client.stderr());
        }
        // Its last word: by then it has written its lease down.
        if !client.stderr().contains("bound to ") {
            return Ok(None);
        }
        read_hook(&seen)
    })?;
    // It goes on without what it does not understand.
    ensure!(!client.stderr().contains("expecting a statement"), "dhclient: {}", client.stderr());
    Ok(lease(&seen, NAMES))
}

fn command(namespace: &Namespace, dir: &Path, hook: &str) -> Command {
    let mut command = namespace.sealed_command("dhclient");
    command.args(["-4", "-v", "-sf", hook, "-cf"]).arg(dir.join("conf"));
    command.arg("-lf").arg(dir.join("leases")).arg("-pf").arg(dir.join("pid"));
    command
}

fn configuration(identity: Identity<'_>) -> Result<String> {
    let mut text = String::from(
        "timeout 20;\ninitial-interval 1;\nbackoff-cutoff 1;\nreboot 5;\n\
         request subnet-mask, routers, domain-name-servers, host-name;\n",
    );
    if let Some(class) = identity.user_class {
        writeln!(text, "send user-class \"{class}\";")?;
    }
    if let Some(class) = identity.vendor_class {
        writeln!(text, "send vendor-class-identifier \"{class}\";")?;
    }
    if let Some(code) = identity.architecture {
        writeln!(text, "send pxe-system-type {code};")?;
    }
    Ok(text)
}
