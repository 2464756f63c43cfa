//! What the daemon may do once it serves, and that this is enough, and all of it needed.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddrV4,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{self, Daemon, Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    process::Process,
    transfer::{Syslog, curl, logger, tftp},
    wait::wait_for,
};
use nix::unistd::User;

use crate::site::Site;

const SOON: Duration = Duration::from_secs(20);
const FILE: &[u8] = b"for UEFI";
const UEFI: Identity<'_> = Identity {
    user_class: None,
    vendor_class: Some("PXEClient:Arch:00007:UNDI:003016"),
    architecture: Some(7),
};

/// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, CAP_BPF
const SERVING: u64 = 1 << 10 | 1 << 12 | 1 << 13 | 1 << 38 | 1 << 39;
const CAP_DAC_READ_SEARCH: u64 = 1 << 2;

#[test]
fn another_user_serves_beside_the_kernel() -> Result<()> {
    boots_a_machine(Xdp::Generic, Some("daemon"))
}

#[test]
fn another_user_serves_alone() -> Result<()> {
    boots_a_machine(Xdp::Off, Some("daemon"))
}

#[test]
fn root_serves_with_few_capabilities() -> Result<()> {
    boots_a_machine(Xdp::Generic, None)
}

fn boots_a_machine(xdp: Xdp, user: Option<&str>) -> Result<()> {
    let lab = Lab::new()?;
    let mut setup = Site::new()?.file("ipxe.efi", FILE)?.setup(xdp)?;
    if let Some(user) = user {
        setup = setup.with_user(user)?;
    }
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let lease = udhcpc(&lab.client, INTERFACE, UEFI)?;
    ensure!(lease.address == CLIENT.to_string() && lease.boot_file == "ipxe.efi", "{lease:?}");
    let by = daemon.answers(&lab.server)?;
    ensure!((by.kernel > 0) == (xdp == Xdp::Generic), "{by:?}");

    lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == FILE, "TFTP");
    let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
    ensure!(answer.body == FILE, "HTTP: {}", answer.headers);
    logger(&lab.client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, "hello")?;
    daemon.wait_for_step(&lab.server, CLIENT_MAC, "syslog")?;

    let (uid, gid, capabilities) = match user {
        None => (0, 0, SERVING | CAP_DAC_READ_SEARCH),
        Some(name) => {
            let user = User::from_name(name)?.context("no such user")?;
            (user.uid.as_raw(), user.gid.as_raw(), SERVING)
        }
    };
    every_thread_has(&daemon, (uid, gid), capabilities)?;
    files_are_closed(daemon.setup(), (uid, gid))?;
    daemon.stop()
}

fn every_thread_has(daemon: &Daemon, (uid, gid): (u32, u32), capabilities: u64) -> Result<()> {
    let all = |number: u32| vec![number.to_string(); 4].join("\t");
    let set = |capabilities: u64| format!("{capabilities:016x}");
    let expected = BTreeMap::from([
        ("Uid", all(uid)),
        ("Gid", all(gid)),
        ("NoNewPrivs", "1".to_owned()),
        ("CapEff", set(capabilities)),
        ("CapPrm", set(capabilities)),
        ("CapInh", set(0)),
        ("CapAmb", set(0)),
        ("CapBnd", set(0)),
    ]);
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.process().id()))?;
    let mut count = 0;
    for thread in threads {
        let path = thread?.path().join("status");
        let text = fs::read_to_string(&path)?;
        let seen: BTreeMap<&str, String> = text
            .lines()
            .filter_map(|line| line.split_once(":\t"))
            .filter(|(name, _)| expected.contains_key(name))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        ensure!(seen == expected, "{}: {seen:#?}\nexpected {expected:#?}", path.display());
        count += 1;
    }
    ensure!(count > 1, "the daemon has one thread: the runtime was not seen");
    Ok(())
}

/// Nobody else reads or writes what the daemon keeps.
fn files_are_closed(setup: &Setup, owner: (u32, u32)) -> Result<()> {
    let state = setup.state_dir();
    let log = state.join("log").join(format!("{}.log", CLIENT_MAC.replace(':', "-")));
    wait_for("the machine's log", SOON, || Ok(log.exists().then_some(())))?;
    check(&state.join("log"), 0o750, owner)?;
    check(&log, 0o640, owner)?;
    let socket = state.join("status.sock");
    ensure!(fs::metadata(&socket)?.file_type().is_socket());
    check(&socket, 0o660, owner)?;
    let pins = setup.pin_path();
    if owner.0 == 0 {
        return Ok(());
    }
    check(&state, 0o750, owner)?;
    if pins.exists() {
        let mode = fs::metadata(pins)?.mode();
        ensure!(fs::metadata(pins)?.uid() == owner.0, "{}", pins.display());
        ensure!(mode & 0o007 == 0, "{mode:o}: {}", pins.display());
    }
    Ok(())
}

fn check(path: &Path, mode: u32, (uid, gid): (u32, u32)) -> Result<()> {
    let file = fs::metadata(path)?;
    let seen = (file.mode() & 0o777, file.uid(), file.gid());
    ensure!(
        seen == (mode, uid, gid),
        "{} has mode {:o} and is {}:{}'s",
        path.display(),
        seen.0,
        seen.1,
        seen.2
    );
    Ok(())
}

#[test]
fn each_capability_is_needed() -> Result<()> {
    for (capability, words) in [
        ("net_bind_service", "CAP_NET_BIND_SERVICE"),
        ("net_raw", "CAP_NET_RAW"),
        ("net_admin", "CAP_NET_ADMIN"),
        ("bpf", "CAP_BPF"),
        ("perfmon", "the verifier"),
    ] {
        let lab = Lab::new()?;
        let setup = Site::new()?.setup(Xdp::Generic)?;
        let mut command = lab.server.command("setpriv");
        command.args(["--bounding-set", &format!("-{capability}"), "--"]);
        command.arg(daemon::binary()?).args(["run", "--iface", INTERFACE, "--config"]);
        command.arg(setup.path());
        let output = Process::spawn(command)?.quiet().finish(SOON)?;
        ensure!(!output.status.success(), "without {capability}: it serves");
        ensure!(output.stderr.contains(words), "without {capability}: {}", output.stderr);
    }
    Ok(())
}

/// What is somebody else's is not taken.
#[test]
fn a_state_directory_that_others_use_is_refused() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Off)?.with_user("daemon")?;
    fs::write(setup.state_dir().join("theirs"), "")?;
    let output = setup.spawn(&lab.server, INTERFACE)?.quiet().finish(SOON)?;
    ensure!(!output.status.success(), "it took the directory");
    ensure!(output.stderr.contains("not netboot's, \"theirs\""), "{}", output.stderr);
    ensure!(fs::metadata(setup.state_dir())?.uid() == 0, "it was given away");
    Ok(())
}
