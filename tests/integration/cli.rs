//! What the command line says when something is not as it should be.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use anyhow::{Result, ensure};
use netboot_tests::{
    clients::{Identity, perfdhcp, udhcpc},
    daemon::{Build, Setup, Xdp, spawn_unconfigured, wait_until_ready},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::Namespace,
    process::{self, Process},
    wait::wait_for,
    xdp_pass::XdpPass,
};

use crate::{peers, site::Site};

const DEADLINE: Duration = Duration::from_secs(20);

/// In a mount namespace of its own, where nobody mounted the BPF file system.
const WITHOUT_BPFFS: [&str; 6] =
    ["unshare", "--mount", "sh", "-c", "umount -a -t bpf && exec \"$@\"", "sh"];

/// The daemon must refuse to start, and say these words.
fn refused(namespace: &Namespace, xdp: Xdp, interface: &str, words: &[&str]) -> Result<()> {
    let setup = Site::new()?.setup(xdp)?;
    let output = setup.spawn(namespace, interface)?.finish(DEADLINE)?;
    ensure!(!output.status.success(), "it started");
    for word in words {
        ensure!(output.stderr.contains(word), "it does not say {word:?}:\n{}", output.stderr);
    }
    ensure!(!setup.pin_path().exists(), "it left its pins");
    Ok(())
}

#[test]
fn a_second_dhcp_server_is_an_error() -> Result<()> {
    let lab = Lab::new()?;
    let _dnsmasq = peers::dnsmasq(&lab, &[])?;
    for xdp in [Xdp::Generic, Xdp::Off] {
        refused(&lab.server, xdp, INTERFACE, &["port 67", "another DHCP server", "ss -lunp"])?;
    }
    Ok(())
}

#[test]
fn an_interface_that_is_not_there_is_an_error() -> Result<()> {
    let lab = Lab::new()?;
    for xdp in [Xdp::Generic, Xdp::Off] {
        refused(&lab.server, xdp, "eth9", &["eth9"])?;
    }
    Ok(())
}

#[test]
fn another_xdp_program_is_an_error() -> Result<()> {
    let lab = Lab::new()?;
    let _other = XdpPass::attach(&lab.server, INTERFACE)?;
    for xdp in [Xdp::Generic, Xdp::Native] {
        let words = ["another XDP program (number ", "bpftool prog show id", "xdp off"];
        refused(&lab.server, xdp, INTERFACE, &words)?;
    }
    // With `auto` the slow path answers, and the status says why.
    let daemon = Site::new()?.setup(Xdp::Auto)?.start(&lab.server, INTERFACE)?;
    let status = daemon.status(&lab.server)?;
    let row = &status["interfaces"][0];
    ensure!(row["mode"] == "off", "{status}");
    ensure!(row["note"].as_str().is_some_and(|note| note.contains("another XDP program")), "{row}");
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    daemon.stop()
}

/// A bridge has no native XDP.
#[test]
fn a_driver_without_native_mode_is_an_error() -> Result<()> {
    let lab = Lab::with_tap()?;
    lab.client.add_address("br0", "192.168.2.112/24")?;
    refused(&lab.client, Xdp::Native, "br0", &["no native XDP", "--xdp generic"])?;
    let daemon = Site::new()?.setup(Xdp::Auto)?.start(&lab.client, "br0")?;
    let row = &daemon.status(&lab.client)?["interfaces"][0];
    ensure!(row["mode"] == "generic", "{row}");
    ensure!(row["note"].as_str().is_some_and(|note| note.contains("no native XDP")), "{row}");
    daemon.stop()
}

#[test]
fn missing_privileges_are_named() -> Result<()> {
    let lab = Lab::new()?;
    for (capabilities, expect) in [
        ("-bpf,-sys_admin", "CAP_BPF"),
        ("-net_raw", "CAP_NET_RAW"),
        ("-net_bind_service", "CAP_NET_BIND_SERVICE"),
    ] {
        let setup = Site::new()?.setup(Xdp::Generic)?;
        let words = ["setpriv", "--bounding-set", capabilities, "--inh-caps", capabilities];
        let command = setup.run_through(&lab.server, &words, Build::This)?;
        let output = Process::spawn(command)?.finish(DEADLINE)?;
        ensure!(!output.status.success(), "it started without {capabilities}");
        ensure!(output.stderr.contains(expect), "no {expect}:\n{}", output.stderr);
    }
    Ok(())
}

/// On a native veth not every frame has room for an answer, which the program says.
#[test]
fn the_programs_own_lines_are_in_the_log() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup =
        Site::new()?.host("00:0c:01:02:03:04", "192.168.2.150", "load").setup(Xdp::Native)?;
    let mut command = setup.command(&lab.server, &["run", "--iface", INTERFACE])?;
    command.env("NETBOOT_LOG", "debug");
    let mut daemon = Process::spawn(command)?;
    wait_until_ready(&mut daemon)?;
    let _pass = XdpPass::attach(&lab.client, INTERFACE)?;
    perfdhcp(&lab.client, INTERFACE, SERVER, 1, 50)?;
    wait_for("a line of the program", DEADLINE, || {
        let line = "netboot_xdp: no room to grow the frame";
        Ok(daemon.stderr().contains(line).then_some(()))
    })?;
    let output = daemon.terminate(DEADLINE)?;
    ensure!(output.status.success(), "{}", output.status);
    Ok(())
}

#[test]
fn the_bpf_file_system_is_mounted() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let daemon = setup.start_through(&lab.server, &WITHOUT_BPFFS, Build::This)?;
    ensure!(daemon.log().contains("mounted /sys/fs/bpf"), "{}", daemon.log());
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    daemon.stop()
}

#[test]
fn a_second_daemon_is_an_error() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    // The first of its ports.
    refused(&lab.server, Xdp::Generic, INTERFACE, &["UDP port 67 is taken", "ss -lunp"])?;
    daemon.stop()
}

/// What names it is what it has: here its pins.
#[test]
fn a_second_daemon_is_told_of_the_first() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let second = with_pins_of(daemon.setup(), Xdp::Generic)?;
    let output = second.spawn(&lab.server, INTERFACE)?.quiet().finish(DEADLINE)?;
    ensure!(!output.status.success(), "it started");
    let error = output.stderr.lines().last().unwrap_or_default();
    let words = "netboot: another netboot is running here, with xdp.pin-path ";
    ensure!(error.starts_with(words) && error.contains("UDP port 67 is taken"), "{error}");
    daemon.stop()
}

/// One that was killed may still have it.
#[test]
fn a_port_that_is_given_up_soon_is_waited_for() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let port = lab.server.enter(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 67))?))?;
    let mut daemon = setup.spawn(&lab.server, INTERFACE)?;
    wait_for("the wait", DEADLINE, || {
        Ok(daemon.stderr().contains("tried again for 2s").then_some(()))
    })?;
    drop(port);
    wait_until_ready(&mut daemon)?;
    ensure!(daemon.stderr().matches("is taken").count() == 1, "{}", daemon.stderr());
    ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// The kernel goes on, which only its pins tell.
#[test]
fn status_and_detach_tell_who_answers() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let run = |args: &[&str]| -> Result<(Option<i32>, String, String)> {
        let output = process::output(setup.command(&lab.server, args)?, DEADLINE)?;
        Ok((output.status.code(), output.stdout, output.stderr))
    };
    let none = "{\"kernel_answers_at\":[],\"running\":false}\n";
    let (code, out, error) = run(&["status", "--json"])?;
    ensure!(code == Some(3) && out == none && !error.contains("the kernel"), "{out}{error}");

    let mut killed = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut killed)?;
    let (code, _, error) = run(&["detach"])?;
    let words = ["netboot is running, ", "stop it first"];
    ensure!(code == Some(1) && words.iter().all(|word| error.contains(word)), "{code:?} {error}");
    drop(killed);

    let (code, out, error) = run(&["status"])?;
    ensure!(code == Some(3) && out.is_empty(), "{code:?} {out}");
    let words = "the kernel answers at 1 interface(s) without it (eth0), but names no boot files any more 1m after";
    ensure!(error.contains(words) && error.contains("`netboot detach`"), "{error}");
    let (code, out, _) = run(&["status", "--json"])?;
    let one = "{\"kernel_answers_at\":[\"eth0\"],\"running\":false}\n";
    ensure!(code == Some(3) && out == one, "{code:?} {out}");
    ensure!(run(&["detach"])?.0 == Some(0), "it is not detached");
    ensure!(run(&["status", "--json"])?.1 == none, "it answers still");
    Ok(())
}

/// Pins there are another daemon's, in another network.
fn with_pins_of(other: &Setup, xdp: Xdp) -> Result<Setup> {
    let setup = Site::new()?.setup(xdp)?;
    let text = fs::read_to_string(setup.path())?;
    let [own, other] = [&setup, other].map(|setup| setup.pin_path().display().to_string());
    ensure!(text.contains(&own), "{text}");
    fs::write(setup.path(), text.replace(&own, &other))?;
    Ok(setup)
}

#[test]
fn pins_of_a_running_daemon_stay_its_own() -> Result<()> {
    let (lab, elsewhere) = (Lab::new()?, Lab::new()?);
    let first = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let setup = with_pins_of(first.setup(), Xdp::Generic)?;
    let output = setup.spawn(&elsewhere.server, INTERFACE)?.finish(DEADLINE)?;
    ensure!(!output.status.success(), "it started");
    ensure!(output.stderr.contains("xdp.pin-path"), "{}", output.stderr);
    ensure!(output.stderr.contains("another netboot's"), "{}", output.stderr);

    // With `auto` the daemon answers.
    let second = with_pins_of(first.setup(), Xdp::Auto)?.start(&elsewhere.server, INTERFACE)?;
    ensure!(second.log().contains("the daemon does: xdp.pin-path"), "{}", second.log());
    let lease = udhcpc(&elsewhere.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    let answers = second.answers(&elsewhere.server)?;
    ensure!(answers.kernel == 0 && answers.userspace >= 2, "{answers:?}");
    second.stop()?;
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    ensure!(first.answers(&lab.server)?.kernel >= 2, "{:?}", first.answers(&lab.server)?);
    first.stop()
}

/// Without CAP_SYS_ADMIN programs are loaded, but the BPF file system is not mounted.
#[test]
fn auto_goes_on_without_pins() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Auto)?;
    let few = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
    let words = [&WITHOUT_BPFFS[..], &few].concat();
    let daemon = setup.start_through(&lab.server, &words, Build::This)?;
    ensure!(daemon.log().contains("the daemon does: cannot mount"), "{}", daemon.log());
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    daemon.stop()
}

#[test]
fn after_a_crash_it_starts_again() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let mut killed = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut killed)?;
    drop(killed);
    ensure!(setup.pin_path().exists(), "a daemon that is killed cannot remove its pins");
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    ensure!(daemon.answers(&lab.server)?.userspace == 0, "the kernel does not answer");
    daemon.stop()
}

#[test]
fn without_configuration_it_shows_who_asks() -> Result<()> {
    let lab = Lab::new()?;
    let mut daemon = spawn_unconfigured(&lab.server, INTERFACE)?;
    wait_until_ready(&mut daemon)?;
    let identity = Identity {
        vendor_class: Some("PXEClient:Arch:00007:UNDI:003016"),
        architecture: Some(7),
        user_class: None,
    };
    ensure!(udhcpc(&lab.client, INTERFACE, identity).is_err(), "a stranger was answered");
    wait_for("the machine in the log", DEADLINE, || {
        let command = format!("netboot host add --mac {CLIENT_MAC}");
        Ok(daemon.stderr().contains(&command).then_some(()))
    })?;
    let output = daemon.terminate(DEADLINE)?;
    ensure!(output.status.success(), "{}", output.status);
    Ok(())
}
