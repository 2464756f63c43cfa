//! What the kernel keeps of a daemon that dies, and gives to the next: as `cargo xtask test-vm` tries it on 6.1, here on
//! this kernel.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::shared::map;
use netboot_tests::{
    clients::{Identity, Lease, udhcpc},
    daemon::{self, Daemon, Setup, Xdp, wait_until_ready},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
    namespace::Namespace,
    process::{self, Process},
    wait::wait_for,
};
use serde_json::Value;

use crate::{self_check::program, site::Site};

const DEADLINE: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(20);
const STRANGER: &str = "52:54:00:00:00:99";
const FOREIGN: &str = "a program in another network namespace answers from this xdp.pin-path";

#[test]
fn the_selftest_of_adoption_passes() -> Result<()> {
    let namespace = Namespace::new()?;
    let mut command = namespace.command(&daemon::binary()?.display().to_string());
    command.args(["selftest", "adopt"]);
    let output = Process::spawn(command)?.finish(DEADLINE)?;
    let report: Value = serde_json::from_str(&output.stdout).context(output.stderr)?;
    let checks = report["checks"].as_array().context("no checks")?;
    let failed: Vec<_> = checks.iter().filter(|check| check["ok"] != true).collect();
    ensure!(failed.is_empty() && output.status.success(), "{}: {failed:#?}", output.status);
    ensure!(checks.len() >= 9, "it made {} checks", checks.len());
    Ok(())
}

fn edit(setup: &Setup, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(setup.path())?;
    ensure!(text.contains(from), "{text}");
    Ok(fs::write(setup.path(), text.replacen(from, to, 1))?)
}

fn ask(lab: &Lab) -> Result<Lease> {
    let pxe = Identity {
        vendor_class: Some("PXEClient:Arch:00007"),
        architecture: Some(7),
        ..Identity::default()
    };
    udhcpc(&lab.client, INTERFACE, pxe)
}

/// A daemon serves, and dies; the kernel goes on.
fn serve_and_die(lab: &Lab, setup: &Setup) -> Result<u64> {
    let mut process = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut process)?;
    drop(process);
    program(lab)
}

fn detach(lab: &Lab, setup: &Setup) -> Result<process::Output> {
    process::output(setup.command(&lab.server, &["detach"])?, SOON)
}

#[test]
fn another_namespace_keeps_its_program() -> Result<()> {
    let [lab, other] = [Lab::new()?, Lab::new()?];
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let left = serve_and_die(&lab, &setup)?;
    let pin = setup.pin_path().join("links");
    let pin = pin.to_str().context("a pin's name")?;

    let shared = Site::new()?.setup(Xdp::Auto)?;
    let own = shared.pin_path().display().to_string();
    edit(&shared, &own, &setup.pin_path().display().to_string())?;
    let daemon = shared.start(&other.server, INTERFACE)?;
    let status = daemon.status(&other.server)?;
    let note = status["interfaces"][0]["note"].as_str().unwrap_or_default();
    ensure!(note.contains(FOREIGN) && note.contains(pin), "{status}");
    ensure!(note.contains("`netboot detach` in that one"), "{note}");
    ensure!(status["interfaces"][0]["mode"] == "off", "{status}");
    ensure!(ask(&other)?.boot_file == "ipxe.efi", "the daemon does not answer");
    // It can be told something else.
    edit(daemon.setup(), "machine1", "machine7")?;
    wait_for("a reload", SOON, || Ok(daemon.log().contains("reloaded: ").then_some(())))
        .with_context(|| daemon.log())?;
    ensure!(ask(&other)?.hostname == "machine7", "{}", daemon.log());
    edit(daemon.setup(), "mode = \"auto\"", "mode = \"off\"")?;
    wait_for("mode off", SOON, || Ok(daemon.log().contains(FOREIGN).then_some(())))?;

    let refused = detach(&other, daemon.setup())?;
    ensure!(!refused.status.success() && refused.stderr.contains("running"), "{}", refused.stderr);
    let shared = daemon.kill();
    let refused = detach(&other, &shared)?;
    ensure!(!refused.status.success() && refused.stderr.contains(FOREIGN), "{}", refused.stderr);
    ensure!(refused.stderr.contains(pin), "{}", refused.stderr);
    ensure!(program(&lab)? == left, "the other program does not go on");
    ensure!(ask(&lab)?.address == CLIENT.to_string(), "the other program does not answer");

    let detached = detach(&lab, &setup)?;
    ensure!(
        detached.stdout.contains("from 1 interface"),
        "{} {}",
        detached.stdout,
        detached.stderr
    );
    ensure!(program(&lab).is_err() && !setup.pin_path().exists(), "something is left");
    Ok(())
}

/// It goes on there; its interface's pin stays for whoever looks from there.
#[test]
fn an_interface_that_was_moved_keeps_its_program() -> Result<()> {
    let mut lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let left = serve_and_die(&lab, &setup)?;
    let elsewhere = Namespace::new()?;
    let path = elsewhere.path();
    let path = path.to_str().context("a namespace's name")?;
    lab.server.ip(&["link", "set", INTERFACE, "netns", path])?;
    let refused = detach(&lab, &setup)?;
    ensure!(refused.stderr.contains(FOREIGN), "{} {}", refused.stdout, refused.stderr);

    lab.server = elsewhere;
    lab.server.ip(&["link", "set", INTERFACE, "up"])?;
    ensure!(program(&lab)? == left, "its program is gone");
    lab.server.add_address(INTERFACE, "192.168.2.112/24")?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(daemon.log().contains("adopted"), "{}", daemon.log());
    ensure!(ask(&lab)?.address == CLIENT.to_string(), "it does not answer");
    daemon.stop()
}

#[test]
fn unknown_machines_are_listed_again() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::empty()?.setup(Xdp::Generic)?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(ask(&lab).is_err(), "it is answered");
    let before = wait_for("the machine", SOON, || unknown(&lab, &daemon, CLIENT_MAC))?;
    let setup = daemon.kill();

    let daemon = setup.start(&lab.server, INTERFACE)?;
    let after = unknown(&lab, &daemon, CLIENT_MAC)?.context("it is not listed")?;
    for name in ["architecture", "interface"] {
        ensure!(after[name] == before[name], "{before} {after}");
    }
    let number = |row: &Value, name: &str| row[name].as_u64().with_context(|| row.to_string());
    ensure!(number(&after, "requests")? >= number(&before, "requests")?, "{before} {after}");
    let later = number(&after, "last_seen")?.abs_diff(number(&before, "last_seen")?);
    ensure!(later <= 2, "{before} {after}");
    daemon.stop()
}

fn unknown(lab: &Lab, daemon: &Daemon, mac: &str) -> Result<Option<Value>> {
    let status = daemon.status(&lab.server)?;
    let rows = status["unknown"].as_array().with_context(|| status.to_string())?;
    Ok(rows.iter().find(|row| row["mac"] == mac).cloned())
}

/// What the status says of the program in the kernel.
fn trouble(lab: &Lab, daemon: &Daemon) -> Result<Option<String>> {
    let status = daemon.status(&lab.server)?;
    let services = status["services"].as_array().context("services")?;
    let Some(row) = services.iter().find(|row| row["name"] == "xdp") else { return Ok(None) };
    ensure!(row["state"] == "degraded", "{row}");
    Ok(row["note"].as_str().map(str::to_owned))
}

#[test]
fn removed_pins_are_noticed() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    edit(&setup, "[xdp]\n", "[xdp]\nboot-files-without-daemon = \"10s\"\n")?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(trouble(&lab, &daemon)?.is_none(), "{}", daemon.log());
    fs::remove_dir_all(daemon.setup().pin_path())?;
    let start = Instant::now();
    let why = wait_for("the notice", SOON, || trouble(&lab, &daemon))?;
    ensure!(why.contains("is gone") && why.contains("restart it"), "{why}");
    // The kernel is told that the daemon lives all the same.
    wait_for("longer than boot files are told without", SOON, || {
        let lease = ask(&lab)?;
        ensure!(lease.boot_file == "ipxe.efi", "after {:?}: {lease:?}", start.elapsed());
        Ok((start.elapsed() > Duration::from_secs(13)).then_some(()))
    })?;
    // Other settings are other maps: what these tell is heard too.
    edit(daemon.setup(), "[dhcp]\n", "[dhcp]\nmachine-rate = 7\n")?;
    wait_for("a reload", SOON, || Ok(daemon.log().contains("reloaded: ").then_some(())))?;
    lab.client.set_mac(INTERFACE, STRANGER)?;
    ensure!(ask(&lab).is_err(), "it is answered");
    wait_for("the machine", SOON, || unknown(&lab, &daemon, STRANGER))?;
    ensure!(daemon.log().matches("is gone").count() == 1, "said once:\n{}", daemon.log());
    daemon.stop()
}

#[test]
fn a_deadline_that_cannot_be_put_off_is_said() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let pins = daemon.setup().pin_path();
    let (pin, away) = (pins.join(map::DEADLINES), pins.join("away"));
    // The map stays open; another one in its place is no map of deadlines.
    fs::rename(&pin, &away)?;
    fs::hard_link(pins.join(map::SETTINGS), &pin)?;
    let why = wait_for("the notice", SOON, || trouble(&lab, &daemon))?;
    ensure!(why.contains("not told that the daemon lives") && why.contains("DEADLINES"), "{why}");
    fs::rename(&away, &pin)?;
    wait_for("its end", SOON, || Ok(trouble(&lab, &daemon)?.is_none().then_some(())))?;
    daemon.stop()
}
