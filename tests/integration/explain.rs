//! `netboot explain` beside a running daemon: the program with its tables is asked too.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_answer::golden;
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Count, Daemon, Setup, Xdp, wait_until_ready},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
    process::{Output, Process},
};
use serde_json::Value;

use crate::{maps::the_reservation, site::Site};

const DEADLINE: Duration = Duration::from_secs(30);

fn explain(setup: &Setup, lab: &Lab, args: &[&str]) -> Result<Output> {
    let args = [&["explain"][..], args].concat();
    Process::spawn(setup.command(&lab.server, &args)?)?.finish(DEADLINE)
}

/// It must exit like this, and say these words.
fn says(setup: &Setup, lab: &Lab, args: &[&str], code: i32, words: &[&str]) -> Result<()> {
    let output = explain(setup, lab, args)?;
    let text = &output.stdout;
    ensure!(output.status.code() == Some(code), "{}:\n{text}{}", output.status, output.stderr);
    for word in words {
        ensure!(text.contains(word), "it does not say {word:?}:\n{text}{}", output.stderr);
    }
    Ok(())
}

fn edit(setup: &Setup, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(setup.path())?;
    ensure!(text.contains(from), "{text}");
    fs::write(setup.path(), text.replace(from, to))?;
    Ok(())
}

#[test]
fn the_running_program_is_asked_and_left_alone() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let counts = daemon.counts(&lab.server)?;
    let setup = daemon.setup();

    let same = "the running daemon's program does the same";
    let discover = [CLIENT_MAC, "--message", "discover"];
    let kernel = ["answered by  the kernel (XDP)", "OFFER, yiaddr 192.168.2.144", same];
    says(setup, &lab, &discover, 0, &kernel)?;
    says(setup, &lab, &[CLIENT_MAC], 0, &["kernel", "http://192.168.2.112/auto.ipxe", same])?;
    says(setup, &lab, &[CLIENT_MAC, "--relay", "10.9.9.9"], 4, &["wrong-subnet", same])?;
    let stranger = "52:54:00:00:00:99";
    says(setup, &lab, &[stranger], 4, &["nobody", "netboot host add", same])?;

    unchanged(&daemon, &lab, &counts, stranger)?;
    let row = the_reservation(&daemon)?;
    ensure!(row["value"]["full_at"] == 0, "it counted against the machine: {row:#}");
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    daemon.stop()
}

/// The copy of the program counts for itself.
fn unchanged(
    daemon: &Daemon,
    lab: &Lab,
    before: &BTreeMap<String, Count>,
    stranger: &str,
) -> Result<()> {
    let status = daemon.status(&lab.server)?;
    ensure!(daemon.counts(&lab.server)? == *before, "it counted: {status:#}\nbefore: {before:#?}");
    ensure!(!status.to_string().contains(stranger), "it remembers a machine that is not: {status}");
    Ok(())
}

#[test]
fn an_edited_file_differs_from_what_runs() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    // Of its own file, the daemon would notice it.
    let setup = &Site::new()?.setup(Xdp::Generic)?;
    fs::write(setup.path(), fs::read_to_string(daemon.setup().path())?)?;
    edit(setup, "192.168.2.144", "192.168.2.145")?;
    let words = [
        "program DIFFERS",
        "it sends yiaddr 192.168.2.144, not 192.168.2.145",
        "netboot.toml was edited since the daemon started: its log says",
    ];
    says(setup, &lab, &[CLIENT_MAC, "--message", "discover"], 5, &words)?;
    let output = explain(setup, &lab, &[CLIENT_MAC, "--message", "discover", "--json"])?;
    let json: Value = serde_json::from_str(&output.stdout).context(output.stdout)?;
    ensure!(json[0]["running"]["same"] == false, "{json:#}");
    ensure!(json[0]["answer"]["yiaddr"] == "192.168.2.145", "{json:#}");

    edit(setup, CLIENT_MAC, "52:54:00:00:00:77")?;
    let words = ["the machine has no reservation", "program DIFFERS [offer]"];
    says(setup, &lab, &[CLIENT_MAC, "--message", "discover"], 5, &words)?;
    daemon.stop()
}

#[test]
fn without_xdp_the_daemon_answers() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Off)?.start(&lab.server, INTERFACE)?;
    let words =
        ["answered by  the daemon: XDP is off at eth0", "not compared with the running daemon"];
    says(daemon.setup(), &lab, &[CLIENT_MAC, "--message", "discover"], 0, &words)?;
    daemon.stop()
}

#[test]
fn what_a_daemon_left_behind_is_not_compared() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let mut killed = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut killed)?;
    drop(killed);
    ensure!(setup.pin_path().exists(), "a daemon that is killed cannot remove its pins");
    let words = ["no daemon runs with this configuration", "OFFER 192.168.2.144"];
    says(&setup, &lab, &[CLIENT_MAC, "--iface", INTERFACE], 0, &words)
}

/// Requests of real firmware, as tcpdump writes them.
#[test]
fn a_capture_is_explained() -> Result<()> {
    let lab = Lab::new()?;
    let setup =
        Site::new()?.host("52:54:00:12:34:56", "192.168.2.150", "bios").setup(Xdp::Generic)?;
    let golden = golden::frames()?;
    let mut capture = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    for golden in &golden {
        let length = u32::try_from(golden.frame.len())?;
        capture.extend([0, 0, length, length].map(u32::to_le_bytes).concat());
        capture.extend(&golden.frame);
    }
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), capture)?;
    let name = file.path().display().to_string();

    let words =
        ["(frame 1)", "script: user class \"Tinkerbell\"", "unknown-machine", "other-server"];
    says(&setup, &lab, &["--pcap", &name, "--iface", INTERFACE], 4, &words)?;
    let output = explain(&setup, &lab, &["--pcap", &name, "--json"])?;
    let json: Value = serde_json::from_str(&output.stdout).context(output.stdout)?;
    ensure!(json.as_array().map(Vec::len) == Some(golden.len()), "{json:#}");

    let words = ["has 30 frames, but no DHCP request of 52:54:00:ee:0d:0b"];
    says(&setup, &lab, &[CLIENT_MAC, "--pcap", &name, "--iface", INTERFACE], 4, &words)
}
