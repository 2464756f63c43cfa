use anyhow::{Context as _, Result, ensure};

use super::{DEADLINE, Identity, Lease, lease, read_hook, write_hook};
use crate::{namespace::Namespace, process};

/// busybox's client: options 57 and 61, the user class as a plain string.
pub fn udhcpc(namespace: &Namespace, interface: &str, identity: Identity<'_>) -> Result<Lease> {
    let dir = tempfile::tempdir()?;
    let (hook, seen) = write_hook(dir.path(), "$1\" in bound")?;
    let mut command = namespace.sealed_command("udhcpc");
    command.args(["-f", "-n", "-q", "-t", "5", "-T", "2", "-i", interface, "-s", &hook]);
    if let Some(class) = identity.user_class {
        let hex: String = class.bytes().map(|byte| format!("{byte:02x}")).collect();
        command.args(["-x", &format!("0x4d:{hex}")]);
    }
    if let Some(class) = identity.vendor_class {
        command.args(["-V", class]);
    }
    if let Some(code) = identity.architecture {
        command.args(["-x", &format!("0x5d:{code:04x}")]);
    }
    let output = process::output(command, DEADLINE)?;
    ensure!(output.status.success(), "udhcpc got no lease: {}", output.stderr);
    let seen = read_hook(&seen)?.context("udhcpc did not call its script")?;
    Ok(lease(
        &seen,
        ["ip", "subnet", "router", "dns", "hostname", "serverid", "lease", "siaddr", "boot_file"],
    ))
}

/// The client finds its address in use, by ARP, declines it, and gets no other one.
pub fn udhcpc_declines(namespace: &Namespace, interface: &str) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (hook, _) = write_hook(dir.path(), "$1\" in bound")?;
    let mut command = namespace.sealed_command("udhcpc");
    command.args(["-f", "-n", "-q", "-a", "-A", "1", "-t", "2", "-T", "1", "-i", interface]);
    command.args(["-s", &hook]);
    let output = process::output(command, DEADLINE)?;
    ensure!(!output.status.success(), "udhcpc took its address: {}", output.stderr);
    ensure!(output.stderr.contains("declin"), "udhcpc declined nothing: {}", output.stderr);
    Ok(())
}
