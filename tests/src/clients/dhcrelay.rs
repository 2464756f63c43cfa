use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Result, bail};

use crate::{namespace::Namespace, process::Process, wait::wait_for};

/// ISC's relay, from one interface of a router to a server behind another one. `giaddr` is the
/// address of the interface that machines are on; option 82 has that interface's name as circuit id.
pub fn dhcrelay(
    namespace: &Namespace,
    machines: &str,
    servers: &str,
    server: Ipv4Addr,
) -> Result<Process> {
    let mut command = namespace.sealed_command("dhcrelay");
    command.args(["-4", "-d", "--no-pid", "-a", "-id", machines, "-iu", servers]);
    command.arg(server.to_string());
    let mut relay = Process::spawn(command)?;
    wait_for("dhcrelay", Duration::from_secs(10), || {
        if let Some(status) = relay.ended()? {
            bail!("dhcrelay ended with {status}: {}", relay.stderr());
        }
        // The last socket that it opens.
        Ok(relay.stderr().contains("Sending on   Socket/fallback").then_some(()))
    })?;
    Ok(relay)
}
