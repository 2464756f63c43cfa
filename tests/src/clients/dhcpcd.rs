use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};

use super::{BOUND, DEADLINE, Identity, Lease, NAMES, lease, read_hook, write_hook};
use crate::{namespace::Namespace, process};

/// Roy Marples' client: user class in instances with a length byte (RFC 3004), option 50 before 53.
/// It does not tell its script the next server.
pub fn dhcpcd(namespace: &Namespace, interface: &str, identity: Identity<'_>) -> Result<Lease> {
    ensure!(identity.architecture.is_none(), "dhcpcd cannot be told to send option 93");
    let dir = tempfile::tempdir()?;
    let (hook, seen) = write_hook(dir.path(), BOUND)?;
    let conf = dir.path().join("conf");
    fs::write(&conf, configuration(interface, identity)?)?;
    let mut command = namespace.sealed_command("dhcpcd");
    command.args(["--oneshot", "--nobackground", "--ipv4only", "--debug", "--timeout", "20"]);
    command.args(["--script", &hook, "--config"]).arg(&conf).arg(interface);
    let output = process::output(command, DEADLINE)?;
    ensure!(output.status.success(), "dhcpcd got no lease: {}", output.stderr);
    let seen = read_hook(&seen)?.context("dhcpcd did not call its script")?;
    Ok(lease(&seen, NAMES))
}

fn configuration(interface: &str, identity: Identity<'_>) -> Result<String> {
    let mut text = format!(
        "allowinterfaces {interface}\nnodev\nnoarp\nnoipv4ll\nnodelay\n\
         option subnet_mask, routers, domain_name_servers, host_name\n",
    );
    if let Some(class) = identity.user_class {
        writeln!(text, "userclass {class}")?;
    }
    if let Some(class) = identity.vendor_class {
        writeln!(text, "vendorclassid {class}")?;
    }
    Ok(text)
}
