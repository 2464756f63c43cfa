//! What the status says of a machine's messages.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_answer::golden::{self, PXE_DISCOVER};
use netboot_tests::{
    daemon::{Daemon, Xdp},
    lab::{INTERFACE, Lab},
    packets::send_frames,
    wait::wait_for,
};
use serde_json::Value;

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(20);

/// A DISCOVER with these options beside its type.
fn discover(golden: &[u8], options: &[u8]) -> Result<Vec<u8>> {
    let mut message = golden.get(42..42 + 240).context("a short golden frame")?.to_vec();
    message.extend([53, 1, 1]);
    message.extend(options);
    message.push(255);
    message.resize(message.len().max(300), 0);
    golden::Headers::BROADCAST.frame(&message)
}

/// The machine, once its last message had this architecture.
fn machine(daemon: &Daemon, lab: &Lab, architecture: Value) -> Result<Value> {
    wait_for(&format!("a message with architecture {architecture}"), DEADLINE, || {
        let status = daemon.status(&lab.server)?;
        let row = &status["machines"][0];
        let seen = row["last"]["step"] == "dhcp" && row["last"]["architecture"] == architecture;
        Ok(seen.then(|| row.clone()))
    })
}

/// What the kernel leaves to the daemon is one message, with the daemon's verdict.
#[test]
fn a_message_is_told_of_once() -> Result<()> {
    const IDENTIFIER: u8 = 200;
    let lab = Lab::new()?;
    let frames = golden::frames()?;
    let golden = frames.iter().find(|golden| golden.name == PXE_DISCOVER);
    let golden = &golden.context("no such golden frame")?.frame;
    let [a, b, c, d, e, f] = golden[6..12] else { anyhow::bail!("a short golden frame") };
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    let site = Site::empty()?.host(&mac, "192.168.2.150", "machine2");
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;

    let long = [&[93, 2, 0, 7, 61, IDENTIFIER][..], &[0; IDENTIFIER as usize]].concat();
    send_frames(&lab.client, INTERFACE, std::iter::once(discover(golden, &long)?))?;
    let row = machine(&daemon, &lab, 7.into())?;
    ensure!(row["last"]["verdict"] == "offer", "{row}");
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["echo-too-long"].kernel == 1 && counts["offer"].userspace == 1, "{counts:?}");

    send_frames(&lab.client, INTERFACE, std::iter::once(discover(golden, &[])?))?;
    let row = machine(&daemon, &lab, Value::Null)?;
    ensure!(row["requests"] == 2, "{row}");
    ensure!(daemon.counts(&lab.server)?["offer"].kernel == 1, "{counts:?}");
    daemon.stop()
}
