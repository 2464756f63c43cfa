use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use super::DEADLINE;
use crate::{
    namespace::Namespace,
    process::{self, Process},
    wait::wait_for,
};

/// A client that is left to configure its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configures {
    /// busybox's, with a script that takes the routes that it is told, else the router, as RFC 3442 has it.
    Udhcpc,
    /// The same, without option 121 on its list.
    UdhcpcUnasked,
    /// ISC's, with Debian's scripts.
    Dhclient,
    Dhcpcd,
}

/// Each of them.
pub const CONFIGURES: [Configures; 4] =
    [Configures::Udhcpc, Configures::UdhcpcUnasked, Configures::Dhclient, Configures::Dhcpcd];

/// Lets a client configure an interface, and returns its routes through routers, sorted: `default via 192.0.2.1`.
pub fn routes(client: Configures, namespace: &Namespace, interface: &str) -> Result<Vec<String>> {
    match client {
        Configures::Udhcpc => udhcpc(namespace, interface, &["-O", "121"])?,
        Configures::UdhcpcUnasked => udhcpc(namespace, interface, &[])?,
        Configures::Dhclient => dhclient(namespace, interface)?,
        Configures::Dhcpcd => dhcpcd(namespace, interface)?,
    }
    let shown = namespace.ip(&["-4", "route", "show", "dev", interface])?;
    let routes = shown.lines().filter(|line| line.contains(" via ")).map(|line| {
        let words: Vec<_> = line.split_whitespace().take(3).collect();
        words.join(" ")
    });
    let mut routes: Vec<_> = routes.collect();
    routes.sort();
    Ok(routes)
}

const UDHCPC_SCRIPT: &str = r#"#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
set -- $staticroutes
if [ $# -eq 0 ]; then
    for one in $router; do ip route add default via "$one" dev "$interface"; break; done
fi
while [ $# -gt 1 ]; do
    ip route add "$1" via "$2" dev "$interface"
    shift 2
done
"#;

/// A program that a client calls.
fn write_script(dir: &Path, text: &str) -> Result<PathBuf> {
    let script = dir.join("script");
    let mut file = File::create(&script)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

fn udhcpc(namespace: &Namespace, interface: &str, asks: &[&str]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let script = write_script(dir.path(), UDHCPC_SCRIPT)?;
    let mut command = namespace.sealed_command("udhcpc");
    command.args(["-f", "-n", "-q", "-t", "5", "-T", "2", "-i", interface]).args(asks);
    command.arg("-s").arg(&script);
    let output = process::output(command, DEADLINE)?;
    ensure!(output.status.success(), "udhcpc got no lease: {}", output.stderr);
    Ok(())
}

/// Name servers and names are written to `/etc`, which is sealed: Debian's script then fails, and the address is
/// declined.
const DHCLIENT_SCRIPT: &str = "#!/bin/sh\nunset new_domain_name_servers new_domain_name new_domain_search \
                               new_host_name\nexec /sbin/dhclient-script\n";

fn dhclient(namespace: &Namespace, interface: &str) -> Result<()> {
    const CONFIGURATION: &str = "timeout 20;\ninitial-interval 1;\nbackoff-cutoff 1;\n\
        option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;\n\
        request subnet-mask, broadcast-address, routers, rfc3442-classless-static-routes;\n";
    let dir = tempfile::tempdir()?;
    let conf = dir.path().join("conf");
    fs::write(&conf, CONFIGURATION)?;
    let script = write_script(dir.path(), DHCLIENT_SCRIPT)?;
    let mut command = namespace.sealed_command("dhclient");
    command.args(["-4", "-v", "-1", "-d", "-cf"]).arg(&conf).arg("-sf").arg(script);
    command.arg("-lf").arg(dir.path().join("leases")).arg("-pf").arg(dir.path().join("pid"));
    command.arg(interface);
    let mut client = Process::spawn(command)?;
    wait_for("a lease for dhclient", DEADLINE, || {
        if let Some(status) = client.ended()? {
            bail!("dhclient got no lease ({status}): {}", client.stderr());
        }
        // Its last word: its scripts have ended by then.
        Ok(client.stderr().contains("bound to ").then_some(()))
    })
}

fn dhcpcd(namespace: &Namespace, interface: &str) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let conf = dir.path().join("conf");
    let text = format!(
        "allowinterfaces {interface}\nnodev\nnoarp\nnoipv4ll\nnodelay\npersistent\n\
         option subnet_mask, routers, classless_static_routes\n"
    );
    fs::write(&conf, text)?;
    let mut command = namespace.sealed_command("dhcpcd");
    command.args(["--oneshot", "--nobackground", "--ipv4only", "--timeout", "20", "--config"]);
    command.arg(&conf).args(["--script", "/bin/true"]).arg(interface);
    let output = process::output(command, DEADLINE)?;
    ensure!(output.status.success(), "dhcpcd got no lease: {}", output.stderr);
    Ok(())
}
