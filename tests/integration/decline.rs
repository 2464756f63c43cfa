//! A machine that finds its address in use.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc, udhcpc_declines},
    daemon::{Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
    namespace::{Namespace, connect},
    wait::wait_for,
};

use crate::site::Site;

/// The client's side of the wire.
const BRIDGE: &str = "br0";
const DEADLINE: Duration = Duration::from_secs(20);

fn wait_for_log(daemon: &Daemon, words: &str) -> Result<()> {
    wait_for(words, DEADLINE, || Ok(daemon.log().contains(words).then_some(())))
        .with_context(|| daemon.log())
}

/// It declines, gets no answer for a while, and then its address again.
fn check(xdp: Xdp) -> Result<()> {
    let lab = Lab::with_tap()?;
    lab.client.set_mac(BRIDGE, CLIENT_MAC)?;
    let daemon = Site::new()?.decline_time("5s").setup(xdp)?.start(&lab.server, INTERFACE)?;
    // Another machine on the wire, which is a bridge on the client's side, has it.
    let other = Namespace::new()?;
    connect((&other, INTERFACE), (&lab.client, "other0"))?;
    lab.client.ip(&["link", "set", "other0", "master", BRIDGE, "up"])?;
    let taken = format!("{CLIENT}/24");
    other.add_address(INTERFACE, &taken)?;
    udhcpc_declines(&lab.client, BRIDGE)?;
    wait_for_log(&daemon, "the machine declined its address")?;

    let status = daemon.status(&lab.server)?;
    let held = &status["quarantined"][0];
    ensure!(held["mac"] == CLIENT_MAC && held["ip"] == CLIENT.to_string(), "{held}");
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["decline"].userspace == 1, "{counts:?}");
    let silent = counts["quarantined"];
    let silent = if xdp == Xdp::Off { silent.userspace } else { silent.kernel };
    ensure!(silent > 0, "{counts:?}");

    other.ip(&["address", "delete", &taken, "dev", INTERFACE])?;
    wait_for_log(&daemon, "the declined address is given again")?;
    let lease = udhcpc(&lab.client, BRIDGE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    ensure!(daemon.status(&lab.server)?["quarantined"] == serde_json::json!([]));
    daemon.stop()
}

#[test]
fn an_address_in_use_in_generic_mode() -> Result<()> {
    check(Xdp::Generic)
}

#[test]
fn an_address_in_use_without_xdp() -> Result<()> {
    check(Xdp::Off)
}
