//! Renewals of busybox's client: how many it takes by unicast, and how many it sends again, by broadcast.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use anyhow::Result;
use netboot_tests::{
    daemon::{Setup, Xdp},
    interrupt,
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    machine::{Firmware, Machine, hook, install_ipxe},
    process::Process,
    wait::wait_for,
};
use serde_json::{Value, json};

use crate::{
    table::{row, table_of},
    usage,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Renewals in each way; each takes some 15 s
    #[arg(long, default_value_t = 10)]
    renewals: usize,
    /// Only the ways whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

/// Where the client is.
#[derive(Clone, Copy)]
enum Place {
    /// On the same kernel, at the other end of a veth.
    Namespace,
    /// In QEMU, by software emulation.
    Machine,
}

struct Row {
    name: &'static str,
    renewals: usize,
    again: usize,
}

const WAYS: [(&str, Place, Xdp); 4] = [
    ("namespace, XDP generic", Place::Namespace, Xdp::Generic),
    ("namespace, XDP off", Place::Namespace, Xdp::Off),
    ("virtual machine, XDP generic", Place::Machine, Xdp::Generic),
    ("virtual machine, XDP off", Place::Machine, Xdp::Off),
];

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!("renewals of udhcpc, a lease of 10 s; {}", usage::machine());
    eprintln!("{header}");
    let mut rows = Vec::new();
    for (name, place, xdp) in WAYS {
        if args.only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        eprintln!("== {name}");
        let log = match place {
            Place::Namespace => in_namespace(xdp, args.renewals)?,
            Place::Machine => in_machine(xdp, args.renewals)?,
        };
        interrupt::check()?;
        rows.push(Row { name, renewals: sent(&log) - 1, again: log.matches(AGAIN).count() });
    }
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "ways": rows }));
    } else {
        let head = row(["client", "renewals", "taken at once", "sent again"]);
        let cells: Vec<_> = [head].into_iter().chain(rows.iter().map(Row::cells)).collect();
        print!("{}", table_of(&cells, &[0]));
    }
    Ok(())
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let taken = self.renewals.saturating_sub(self.again);
        let numbers = [self.renewals, taken, self.again].map(|number| number.to_string());
        [vec![self.name.to_owned()], numbers.to_vec()].concat()
    }

    fn json(&self) -> Value {
        json!({ "client": self.name, "renewals": self.renewals, "sent_again": self.again })
    }
}

/// What udhcpc says of itself.
const AGAIN: &str = "broadcasting renew";

/// Each renewal is over when the next one begins.
fn sent(log: &str) -> usize {
    log.matches("sending renew").count()
}

/// udhcpc waits 15 s at least.
fn deadline(renewals: usize) -> Duration {
    Duration::from_secs(120 + 30 * renewals as u64)
}

fn in_namespace(xdp: Xdp, renewals: usize) -> Result<String> {
    let lab = Lab::new()?;
    let daemon = setup(xdp)?.start(&lab.server, INTERFACE)?;
    let dir = tempfile::tempdir()?;
    let script = dir.path().join("script");
    fs::write(
        &script,
        "#!/bin/sh\n[ \"$1\" = bound ] && ip address add \"$ip/$mask\" dev \"$interface\"\nexit 0\n",
    )?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    let mut command = lab.client.sealed_command("udhcpc");
    command.args(["-f", "-i", INTERFACE, "-s"]).arg(script);
    let client = Process::spawn(command)?.quiet();
    wait_for("the renewals", deadline(renewals), || {
        interrupt::check()?;
        let log = client.stderr();
        Ok((sent(&log) > renewals).then_some(()))
    })?;
    daemon.stop()?;
    Ok(client.stderr())
}

fn in_machine(xdp: Xdp, renewals: usize) -> Result<String> {
    let lab = Lab::with_tap()?;
    let daemon = setup(xdp)?.start(&lab.server, INTERFACE)?;
    let machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, Firmware::Bios)?;
    wait_for("the renewals", deadline(renewals), || {
        interrupt::check()?;
        Ok((sent(&machine.console()) > renewals).then_some(()))
    })?;
    daemon.stop()?;
    Ok(machine.console())
}

/// A site of one machine, whose system renews its lease for ever.
fn setup(xdp: Xdp) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    hook::install(root.path())?;
    install_ipxe(root.path())?;
    let tables = format!(
        r#"[dhcp]
server-address = "{SERVER}"
lease-time = "10s"

[[subnet]]
cidr = "192.168.2.0/24"

[boot]
root = "{root}"
script-user-classes = ["Tinkerbell", "iPXE"]

[boot.files]
x86-bios = "undionly.kpxe"

[script]
consoles = ["ttyS0"]
kernel-params = ["{renews}"]

[[host]]
mac = "{CLIENT_MAC}"
ip = "{CLIENT}"
"#,
        root = root.path().display(),
        renews = hook::RENEWS,
    );
    Setup::new(xdp, root, &tables)
}
