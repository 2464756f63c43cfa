//! Hosts that a program prints: `[[source]]`.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    net::Ipv4Addr,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Daemon, Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    process,
    transfer::curl,
    wait::wait_for,
};
use nix::{sys::signal::Signal, unistd::User};

use crate::{isolation::wait_for_note, site::Site};

const DEADLINE: Duration = Duration::from_secs(30);
/// A machine of the configuration file.
const OTHER_MAC: &str = "02:00:00:00:00:05";
const OTHER: &str = "192.168.2.150";

fn script(setup: &Setup) -> PathBuf {
    setup.path().with_file_name("hosts.sh")
}

/// What the program does from now on.
fn write(setup: &Setup, text: &str) -> Result<()> {
    let (path, new) = (script(setup), script(setup).with_extension("new"));
    fs::write(&new, text)?;
    Ok(fs::rename(new, path)?)
}

fn prints(hosts: &[(&str, &str)]) -> String {
    let host = |(mac, ip): &(&str, &str)| format!("{{\"mac\": \"{mac}\", \"ip\": \"{ip}\"}}");
    let hosts: Vec<_> = hosts.iter().map(host).collect();
    format!("echo '{{\"hosts\": [{}]}}'\n", hosts.join(", "))
}

/// A site with a machine of its own and a program that does this.
fn setup(text: &str, lines: &str) -> Result<Setup> {
    let setup = Site::empty()?.host(OTHER_MAC, OTHER, "machine2").setup(Xdp::Generic)?;
    write(&setup, text)?;
    let program = script(&setup).display().to_string();
    let source =
        format!("[[source]]\nkind = \"command\"\ncommand = [\"/bin/sh\", {program:?}]\n{lines}\n");
    OpenOptions::new().append(true).open(setup.path())?.write_all(source.as_bytes())?;
    Ok(setup)
}

fn wait_for_log(daemon: &Daemon, words: &str, times: usize) -> Result<()> {
    wait_for(&format!("{words:?} in the log"), DEADLINE, || {
        Ok((daemon.log().matches(words).count() >= times).then_some(()))
    })
    .with_context(|| daemon.log())
}

fn check_lease(lab: &Lab, expect: Ipv4Addr) -> Result<()> {
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == expect.to_string(), "{lease:?}");
    Ok(())
}

fn readyz(lab: &Lab) -> Result<String> {
    let answer = curl(&lab.server, &format!("http://{SERVER}/readyz"), &[])?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(String::from_utf8(answer.body)?)
}

fn wait_until_all_is_well(lab: &Lab) -> Result<()> {
    let mut last = String::new();
    wait_for("/readyz that names nothing", DEADLINE, || {
        last = readyz(lab)?;
        Ok((last.trim() == "ready").then_some(()))
    })
    .with_context(|| last)
}

/// What it does not print well keeps what it printed before.
#[test]
fn the_last_good_hosts_are_kept() -> Result<()> {
    let lab = Lab::new()?;
    let first = prints(&[(CLIENT_MAC, &CLIENT.to_string())]);
    let daemon =
        setup(&first, "interval = \"1h\"\ntimeout = \"2s\"")?.start(&lab.server, INTERFACE)?;
    let setup = daemon.setup();
    check_lease(&lab, CLIENT)?;
    wait_until_all_is_well(&lab)?;

    let now = Ipv4Addr::new(192, 168, 2, 145);
    let good = prints(&[(CLIENT_MAC, "192.168.2.145")]);
    write(setup, &good)?;
    daemon.process().signal(Signal::SIGHUP)?;
    wait_for_log(&daemon, "hosts changed: 0 hosts added, 1 changed, 0 removed", 1)?;
    check_lease(&lab, now)?;

    let other = prints(&[(CLIENT_MAC, OTHER)]);
    let outside = prints(&[(CLIENT_MAC, "192.168.7.7")]);
    for (text, why) in [
        ("echo no database >&2; exit 3", "ended with exit status: 3: no database"),
        ("echo '{\"hosts\": [{'", "output of /bin/sh: is not JSON"),
        ("", "output of /bin/sh: is not JSON"),
        ("sleep 60", "did not end within 2s, and was killed"),
        ("cat /dev/zero", "prints more than 64 MiB, and was killed"),
        (&outside, "hosts[0].ip: 192.168.7.7 lies in no [[subnet]]"),
        (&other, "hosts[0].ip: 192.168.2.150 is already the address at host[0].ip"),
    ] {
        write(setup, text)?;
        daemon.process().signal(Signal::SIGHUP)?;
        wait_for_note(&lab, setup, "source", why)?;
        wait_for_log(&daemon, why, 1)?;
        check_lease(&lab, now)?;
        let page = readyz(&lab)?;
        ensure!(page.contains("degraded: source\n") && !page.contains(why), "{page}");
        write(setup, &good)?;
        daemon.process().signal(Signal::SIGHUP)?;
        wait_until_all_is_well(&lab)?;
    }
    let status = daemon.status(&lab.server)?;
    ensure!(status["counters"]["source-failures"].as_u64() >= Some(7), "{status}");
    ensure!(daemon.log().contains("it says: no database"), "{}", daemon.log());
    check_lease(&lab, now)?;
    daemon.stop()
}

/// Nobody has to say that there is something new.
#[test]
fn a_program_is_run_again() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = setup("exit 1", "interval = \"1s\"")?.start(&lab.server, INTERFACE)?;
    wait_for_note(&lab, daemon.setup(), "source", "ended with exit status: 1")?;
    write(daemon.setup(), &prints(&[(CLIENT_MAC, &CLIENT.to_string())]))?;
    wait_for_log(&daemon, "hosts changed: 1 host added, 0 changed, 0 removed", 1)?;
    check_lease(&lab, CLIENT)?;
    write(daemon.setup(), &prints(&[]))?;
    wait_for_log(&daemon, "hosts changed: 0 hosts added, 0 changed, 1 removed", 1)?;
    wait_for_log(&daemon, "output of /bin/sh: has no hosts", 1)?;

    // What was in its way goes with an edit of the file.
    write(daemon.setup(), &prints(&[(CLIENT_MAC, OTHER)]))?;
    wait_for_note(&lab, daemon.setup(), "source", "192.168.2.150 is already the address")?;
    let text = fs::read_to_string(daemon.setup().path())?;
    let new = daemon.setup().path().with_extension("new");
    fs::write(&new, text.replace(OTHER, "192.168.2.151"))?;
    fs::rename(new, daemon.setup().path())?;
    wait_for_log(&daemon, "hosts changed: 1 host added, 0 changed, 0 removed", 2)?;
    wait_until_all_is_well(&lab)?;

    // A source that goes takes its hosts with it.
    let text = fs::read_to_string(daemon.setup().path())?;
    let end = text.find("[[source]]").context("no source")?;
    let new = daemon.setup().path().with_extension("new");
    fs::write(&new, text.get(..end).context("no text")?)?;
    fs::rename(new, daemon.setup().path())?;
    wait_for_log(
        &daemon,
        "reloaded: 0 hosts added, 0 changed, 1 removed; settings changed: source",
        1,
    )?;
    let status = daemon.status(&lab.server)?;
    let services = status["services"].as_array().context("services")?;
    ensure!(!services.iter().any(|row| row["name"] == "source"), "{status}");
    daemon.stop()
}

/// It has no right that the daemon has, and ends with it.
#[test]
fn a_program_has_no_rights() -> Result<()> {
    let lab = Lab::new()?;
    let said = "id -u >&2; grep CapEff /proc/self/status >&2\n";
    let hosts = prints(&[(CLIENT_MAC, &CLIENT.to_string())]);
    let setup = setup(&format!("{said}{hosts}"), "interval = \"1h\"\ntimeout = \"60s\"")?;
    let daemon = setup.with_user("daemon")?.start(&lab.server, INTERFACE)?;
    check_lease(&lab, CLIENT)?;
    let user = User::from_name("daemon")?.context("no such user")?;
    wait_for_log(&daemon, &format!("it says: {}", user.uid), 1)?;
    wait_for_log(&daemon, "it says: CapEff:\\t0000000000000000", 1)?;

    // `netboot check` by root runs it as that user, too.
    let checked =
        process::run(daemon.setup().command(&lab.server, &["check", "--quiet"])?, DEADLINE)?;
    ensure!(checked.contains("2 hosts"), "{checked}");

    let pid = daemon.setup().state_dir().join("pid");
    write(daemon.setup(), &format!("echo $$ > {}\nsleep 600\n", pid.display()))?;
    daemon.process().signal(Signal::SIGHUP)?;
    let pid = wait_for("the program", DEADLINE, || {
        Ok(fs::read_to_string(&pid).ok().filter(|pid| pid.ends_with('\n')))
    })?;
    daemon.stop()?;
    let process = PathBuf::from(format!("/proc/{}", pid.trim()));
    wait_for("its end", DEADLINE, || Ok((!process.exists()).then_some(())))
}
