//! A running daemon is told something else, or finds in the kernel what it did not put there.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::shared::map;
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Build, Setup, Xdp, wait_until_ready},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::{Namespace, connect},
    process::{self, Process},
    program::{ARM64, uefi},
    transfer::curl,
    wait::wait_for,
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    isolation::{wait_for_note, wait_for_trouble},
    self_check::program,
    site::{Site, uefi_file},
};

const DEADLINE: Duration = Duration::from_secs(30);

fn edit(setup: &Setup, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(setup.path())?;
    ensure!(text.contains(from), "no {from:?} in {text}");
    let new = setup.path().with_extension("new");
    fs::write(&new, text.replacen(from, to, 1))?;
    fs::rename(new, setup.path())?;
    Ok(())
}

fn wait_for_log(daemon: &Process, words: &str, times: usize) -> Result<()> {
    wait_for(&format!("{words:?} in the log"), DEADLINE, || {
        Ok((daemon.stderr().matches(words).count() >= times).then_some(()))
    })
    .with_context(|| daemon.stderr())
}

fn wait_for_readyz(lab: &Lab, status: u16, text: &str) -> Result<()> {
    let mut last = String::new();
    wait_for(&format!("/readyz with {status} {text:?}"), DEADLINE, || {
        let answer = curl(&lab.server, &format!("http://{SERVER}/readyz"), &[])?;
        last = String::from_utf8(answer.body)?;
        Ok((answer.status == status && last.contains(text)).then_some(()))
    })
    .with_context(|| last)
}

/// Nothing is down or degraded.
fn wait_until_all_is_well(lab: &Lab) -> Result<()> {
    let mut last = String::new();
    wait_for("/readyz that names nothing", DEADLINE, || {
        let answer = curl(&lab.server, &format!("http://{SERVER}/readyz"), &[])?;
        last = String::from_utf8(answer.body)?;
        Ok((last.trim() == "ready").then_some(()))
    })
    .with_context(|| last)
}

fn check_lease(lab: &Lab, expect: Ipv4Addr) -> Result<()> {
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == expect.to_string(), "{lease:?}");
    Ok(())
}

fn bpftool(setup: &Setup, name: &str, verb: &str, args: &[String]) -> Result<String> {
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["--json", "map", verb, "pinned"]).arg(setup.pin_path().join(name)).args(args);
    process::run(bpftool, DEADLINE)
}

/// The first row of a map: bytes of its key and its value.
pub(crate) fn row(setup: &Setup, name: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let text = bpftool(setup, name, "dump", &[])?;
    let rows: Value = serde_json::from_str(&text).context(text)?;
    let bytes = |value: &Value| -> Result<Vec<u8>> {
        let bytes = value.as_array().with_context(|| rows.to_string())?;
        let byte =
            |byte: &Value| u8::from_str_radix(byte.as_str()?.trim_start_matches("0x"), 16).ok();
        bytes.iter().map(|it| byte(it).with_context(|| it.to_string())).collect()
    };
    Ok((bytes(&rows[0]["key"])?, bytes(&rows[0]["value"])?))
}

fn hex(bytes: &[u8]) -> impl Iterator<Item = String> {
    ["hex".to_owned()].into_iter().chain(bytes.iter().map(|byte| format!("{byte:02x}")))
}

/// What the self-check finds on SIGHUP is said, and put right.
#[test]
fn tables_that_somebody_changed_are_replaced() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let setup = daemon.setup();
    let (key, mut value) = row(setup, map::RESERVATIONS)?;
    let at = value.windows(4).position(|bytes| bytes == CLIENT.octets()).context("no address")?;
    *value.get_mut(at + 3).context("no address")? = 99;
    let args = ["key".to_owned()].into_iter().chain(hex(&key));
    let args: Vec<_> = args.chain(["value".to_owned()]).chain(hex(&value)).collect();
    bpftool(setup, map::RESERVATIONS, "update", &args)?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 99))?;

    daemon.process().signal(Signal::SIGHUP)?;
    wait_for_log(daemon.process(), "are replaced: the XDP program does not answer 52:54:00", 1)?;
    wait_for_log(daemon.process(), "reloaded: nothing changed", 1)?;
    check_lease(&lab, CLIENT)?;
    wait_for_readyz(&lab, 200, "ready")?;
    daemon.stop()
}

/// The settings are no row that a machine's request shows.
#[test]
fn settings_that_somebody_changed_are_replaced() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let (key, value) = row(daemon.setup(), map::SETTINGS)?;
    let args = ["key".to_owned()].into_iter().chain(hex(&key));
    let args: Vec<_> = args.chain(["value".to_owned()]).chain(hex(&vec![0; value.len()])).collect();
    bpftool(daemon.setup(), map::SETTINGS, "update", &args)?;
    daemon.process().signal(Signal::SIGHUP)?;
    wait_for_log(daemon.process(), "are replaced: SETTINGS are not those", 1)?;
    wait_for_log(daemon.process(), "reloaded: nothing changed", 1)?;
    ensure!(row(daemon.setup(), map::SETTINGS)?.1 == value, "they are not as before");
    daemon.stop()
}

/// The program goes back where it was, and outlives the daemon there.
#[test]
fn a_program_that_somebody_took_off_is_attached_again() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let mut links = Command::new("bpftool");
    links.args(["--json", "--bpffs", "link", "show"]);
    let links: Value = serde_json::from_str(&process::run(links, DEADLINE)?)?;
    let pins = daemon.setup().pin_path().display().to_string();
    let is_ours = |link: &&Value| {
        let pinned = link["pinned"].as_array().into_iter().flatten();
        pinned.filter_map(Value::as_str).any(|pin| pin.starts_with(&pins))
    };
    let ours = links.as_array().context("no links")?.iter().find(is_ours).context("no link")?;
    let mut detach = Command::new("bpftool");
    detach.args(["link", "detach", "id", &ours["id"].to_string()]);
    process::run(detach, DEADLINE)?;
    wait_for_log(daemon.process(), "took the XDP program off eth0: it is attached again", 1)?;
    wait_for("the program", DEADLINE, || Ok(program(&lab).ok()))?;
    let setup = daemon.kill();
    check_lease(&lab, CLIENT)?;
    setup.start(&lab.server, INTERFACE)?.stop()
}

/// What cannot be changed in place is replaced.
#[test]
fn a_map_that_cannot_be_written_is_no_obstacle() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    bpftool(daemon.setup(), map::RESERVATIONS, "freeze", &[])?;
    edit(daemon.setup(), "192.168.2.144", "192.168.2.145")?;
    wait_for_log(daemon.process(), "reloaded: 0 hosts added, 1 changed", 1)?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 145))?;
    daemon.stop()
}

/// The old mode's answers are given again.
#[test]
fn a_mode_whose_port_is_taken_is_not_taken_on() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.dhcp("mode = \"reservation\"").setup(Xdp::Generic)?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let taken = lab.server.enter(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 4011))?))?;
    edit(daemon.setup(), "mode = \"reservation\"", "mode = \"proxy\"")?;
    wait_for_log(daemon.process(), "kept the old configuration: UDP port 4011 is taken", 1)?;
    check_lease(&lab, CLIENT)?;
    let why = "kept the old one: UDP port 4011";
    wait_for_trouble(&lab, daemon.setup(), 200, "configuration", why)?;

    drop(taken);
    daemon.process().signal(Signal::SIGHUP)?;
    wait_for_log(daemon.process(), "the daemon answers ProxyDHCP", 1)?;
    wait_until_all_is_well(&lab)?;
    daemon.stop()
}

/// The kernel takes a program off an interface only some time after it was told to.
#[test]
fn the_xdp_mode_may_change() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let (generic, native) = ("mode = \"generic\"", "mode = \"native\"");
    for round in 1..=5 {
        edit(daemon.setup(), generic, native)?;
        wait_for_log(daemon.process(), "answering in native mode", round)?;
        edit(daemon.setup(), native, generic)?;
        wait_for_log(daemon.process(), "answering in generic mode", round + 1)?;
    }
    check_lease(&lab, CLIENT)?;
    // Where auto finds what it would not choose, it changes it.
    edit(daemon.setup(), generic, native)?;
    wait_for_log(daemon.process(), "answering in native mode", 6)?;
    edit(daemon.setup(), native, "mode = \"auto\"")?;
    wait_for_log(daemon.process(), "answering in generic mode", 7)?;
    check_lease(&lab, CLIENT)?;
    ensure!(!daemon.log().contains("another XDP program"), "{}", daemon.log());
    daemon.stop()
}

/// The kernel takes a while to load the program.
#[test]
fn a_change_during_the_start_is_seen() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let daemon = setup.spawn(&lab.server, INTERFACE)?;
    wait_for_log(&daemon, "subnet subnet=192.168.2.0/24", 1)?;
    edit(&setup, "192.168.2.144", "192.168.2.145")?;
    wait_for_log(&daemon, "reloaded: 0 hosts added, 1 changed", 1)?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 145))?;
    ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// Nobody hears of an interface again that is served no more.
#[test]
fn other_interfaces_may_be_served() -> Result<()> {
    let lab = Lab::new()?;
    let beside = Namespace::new()?;
    connect((&lab.server, "eth1"), (&beside, "eth0"))?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    edit(&setup, "state-dir", "interfaces = [\"eth0\"]\nstate-dir")?;
    let mut daemon = Process::spawn(setup.command(&lab.server, &["run"])?)?;
    wait_until_ready(&mut daemon)?;
    edit(&setup, "[\"eth0\"]", "[\"nope0\"]")?;
    wait_for_trouble(&lab, &setup, 503, "interface nope0", "it is not there")?;
    edit(&setup, "[\"nope0\"]", "[\"eth1\"]")?;
    wait_for_log(&daemon, "answering in generic mode interface=\"eth1\"", 1)?;
    wait_for_readyz(&lab, 200, "ready\n")?;
    edit(&setup, "[\"eth1\"]", "[\"eth0\"]")?;
    wait_for_log(&daemon, "answering in generic mode interface=\"eth0\"", 2)?;
    check_lease(&lab, CLIENT)?;
    let log = daemon.stderr();
    ensure!(!log.contains("the interface was removed"), "it was not: {log}");
    ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// The other build answers this machine wrongly: the old program goes on, with all that it offers while there is a
/// daemon, and what would need another one is refused.
#[test]
fn an_upgrade_that_does_not_stand_the_self_check() -> Result<()> {
    const WRONG: &str = "02:fa:17:00:00:01";
    let lab = Lab::new()?;
    let setup = Site::new()?.host(WRONG, "192.168.2.146", "wrong").setup(Xdp::Auto)?;
    let mut old = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut old)?;
    old.signal(Signal::SIGKILL)?;
    old.finish(DEADLINE)?;

    let mut new = Process::spawn(setup.run_through(&lab.server, &[], Build::Other)?)?.quiet();
    wait_until_ready(&mut new)?;
    wait_for_log(&new, "an earlier daemon's XDP program goes on answering", 1)?;
    let why = "the XDP program does not answer 02:fa:17";
    wait_for_trouble(&lab, &setup, 503, "self-check", why)?;
    let (_, before) = row(&setup, map::DEADLINES)?;
    wait_for("later deadlines", DEADLINE, || {
        Ok((row(&setup, map::DEADLINES)?.1 != before).then_some(()))
    })?;
    edit(&setup, "192.168.2.144", "192.168.2.145")?;
    wait_for_log(&new, "kept the old configuration", 1)?;
    check_lease(&lab, CLIENT)?;

    edit(&setup, WRONG, "02:00:17:00:00:01")?;
    wait_for_readyz(&lab, 200, "ready\n")?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 145))?;
    ensure!(new.terminate(DEADLINE)?.status.success(), "it did not end well");
    ensure!(!setup.pin_path().exists(), "pins are left");
    Ok(())
}

/// What is configured may come later, also before the start.
#[test]
fn an_interface_may_come_after_the_start() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    edit(&setup, "state-dir", "interfaces = [\"eth0\"]\nstate-dir")?;
    lab.client.ip(&["link", "delete", INTERFACE])?;
    let daemon = Process::spawn(setup.command(&lab.server, &["run"])?)?;
    wait_for_log(&daemon, "ready but for what is down", 1)?;
    wait_for_log(&daemon, "machines at it are answered when it is interface=\"eth0\"", 1)?;
    connect((&lab.server, INTERFACE), (&lab.client, INTERFACE))?;
    lab.client.set_mac(INTERFACE, CLIENT_MAC)?;
    lab.server.add_address(INTERFACE, &format!("{SERVER}/24"))?;
    wait_for_readyz(&lab, 200, "ready\n")?;
    wait_for_log(&daemon, "interfaces changed: eth0 came", 1)?;
    check_lease(&lab, CLIENT)?;
    ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// It is said, and no reason to make the tables anew.
#[test]
fn a_cable_is_out() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    for (namespace, expect) in [
        (&lab.client, "no carrier: machines at it get no answers"),
        (&lab.server, "it is switched off: machines at it get no"),
    ] {
        namespace.ip(&["link", "set", INTERFACE, "down"])?;
        wait_for_trouble(&lab, daemon.setup(), 200, "interface eth0", expect)?;
        namespace.ip(&["link", "set", INTERFACE, "up"])?;
        wait_for_readyz(&lab, 200, "ready\n")?;
    }
    ensure!(!daemon.log().contains("interfaces changed"), "{}", daemon.log());
    lab.server.add_address(INTERFACE, "192.168.2.200/24")?;
    wait_for_log(
        daemon.process(),
        "interfaces changed: eth0 has address 192.168.2.200/24: done",
        1,
    )?;
    check_lease(&lab, CLIENT)?;
    daemon.stop()
}

/// An address that comes late, goes, and comes back: nobody is sent to a service that is not theirs.
#[test]
fn an_address_may_come_and_go() -> Result<()> {
    let lab = Lab::new()?;
    let address = format!("{SERVER}/24");
    lab.server.ip(&["address", "del", &address, "dev", INTERFACE])?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    edit(&setup, &format!("server-address = \"{SERVER}\"\n"), "")?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let readyz = |text: &str| {
        let mut last = String::new();
        wait_for(text, DEADLINE, || {
            let answer = curl(&lab.server, "http://127.0.0.1/readyz", &[])?;
            last = String::from_utf8(answer.body)?;
            Ok((answer.status == 200 && last.contains(text)).then_some(()))
        })
        .with_context(|| last)
    };
    let note = |part: &str, why: &str| wait_for_note(&lab, daemon.setup(), part, why);
    readyz("degraded: interface eth0\n")?;
    note("interface eth0", "it has no IPv4 address")?;
    readyz("degraded: files\n")?;
    note("files", "this node has no address that machines are sent to for files")?;
    for round in 1..=2 {
        lab.server.add_address(INTERFACE, &address)?;
        readyz("ready\n")?;
        check_lease(&lab, CLIENT)?;
        lab.server.ip(&["address", "del", &address, "dev", INTERFACE])?;
        readyz("degraded: files\n").with_context(|| format!("round {round}"))?;
    }
    lab.server.add_address(INTERFACE, "10.9.9.9/24")?;
    note("interface eth0", "no address of it lies in subnet 192.168.2.0/24, which it had")?;
    lab.server.add_address(INTERFACE, &address)?;
    readyz("ready\n")?;
    ensure!(!daemon.log().contains("did not end well"), "{}", daemon.log());
    daemon.stop()
}

/// What is known is not said again, but when it is asked for.
#[test]
fn warnings_are_given_once() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let words = "initramfs-x86_64 are not there";
    wait_for_log(daemon.process(), words, 1)?;
    edit(daemon.setup(), "lease-time = \"24h\"", "lease-time = \"23h\"")?;
    wait_for_log(daemon.process(), "settings changed: dhcp", 1)?;
    ensure!(daemon.log().matches(words).count() == 1, "{}", daemon.log());
    daemon.process().signal(Signal::SIGHUP)?;
    wait_for_log(daemon.process(), words, 2)?;
    wait_for_log(daemon.process(), "reloaded: nothing changed", 1)?;
    daemon.stop()
}

/// A machine whose address this node has is left out; all others go on, and it is back when the address is free.
#[test]
fn one_machines_address_is_no_others_trouble() -> Result<()> {
    const OTHER: &str = "192.168.2.150";
    let lab = Lab::new()?;
    let site = Site::new()?.host("02:00:00:00:00:05", OTHER, "machine2");
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    lab.server.add_address("lo", &format!("{OTHER}/32"))?;
    let taken = "(192.168.2.150): this node has that address itself, on lo";
    wait_for_trouble(&lab, daemon.setup(), 200, "hosts", taken)?;
    check_lease(&lab, CLIENT)?;
    // Others are changed, and a start bears it, too.
    edit(daemon.setup(), "192.168.2.144", "192.168.2.145")?;
    wait_for_log(daemon.process(), "1 changed", 1)?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 145))?;
    let daemon = daemon.kill().start(&lab.server, INTERFACE)?;
    wait_for_trouble(&lab, daemon.setup(), 200, "hosts", taken)?;
    check_lease(&lab, Ipv4Addr::new(192, 168, 2, 145))?;
    lab.server.ip(&["address", "del", &format!("{OTHER}/32"), "dev", "lo"])?;
    wait_until_all_is_well(&lab)?;
    let rows = bpftool(daemon.setup(), map::RESERVATIONS, "dump", &[])?;
    let rows: Value = serde_json::from_str(&rows).context(rows)?;
    ensure!(rows.as_array().is_some_and(|rows| rows.len() == 2), "{rows}");
    daemon.stop()
}

#[test]
fn a_missing_boot_file_is_named() -> Result<()> {
    let lab = Lab::new()?;
    let site = Site::new()?.file("own.efi", b"own")?.host_setting("boot-file = \"own.efi\"");
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let own = daemon.setup().boot_root().join("own.efi");
    fs::write(&own, "")?;
    wait_for_trouble(&lab, daemon.setup(), 200, "boot.root", "own.efi (of host ")?;
    fs::remove_file(&own)?;
    wait_for_trouble(&lab, daemon.setup(), 200, "boot.root", "no own.efi (of host ")?;
    fs::write(own.with_extension("new"), "own")?;
    fs::rename(own.with_extension("new"), &own)?;
    wait_until_all_is_well(&lab)?;
    ensure!(daemon.log().matches("own.efi").count() == 2, "said twice: {}", daemon.log());
    let file = daemon.setup().boot_root().join("ipxe.efi");
    fs::remove_file(&file)?;
    wait_for_trouble(&lab, daemon.setup(), 200, "boot.root", "no ipxe.efi in ")?;
    fs::write(&file, uefi_file())?;
    wait_until_all_is_well(&lab)?;
    // One that is there and that its machines do not run is as if it were missing.
    for (content, why) in [
        (Vec::new(), "ipxe.efi: it is empty in "),
        (b"text".to_vec(), "ipxe.efi: it is no UEFI program in "),
        (uefi(ARM64, b""), "ipxe.efi: it is a program for 64-bit ARM in "),
    ] {
        fs::write(&file, content)?;
        wait_for_trouble(&lab, daemon.setup(), 200, "boot.root", why)?;
        wait_for_log(daemon.process(), why, 1)?;
    }
    fs::write(&file, uefi_file())?;
    wait_until_all_is_well(&lab)?;
    daemon.stop()
}
