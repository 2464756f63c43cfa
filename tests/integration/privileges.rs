//! What the daemon may do once it serves, and that this is enough, and all of it needed.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddrV4,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, chown, symlink},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{self, Build, Daemon, Setup, Xdp, wait_until_ready},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    process::{self, Process},
    transfer::{Syslog, curl, logger, tftp},
    wait::wait_for,
};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::Signal,
    unistd::User,
};

use crate::site::{Site, uefi_file};

const SOON: Duration = Duration::from_secs(20);
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
    let mut setup = Site::new()?.setup(xdp)?;
    if let Some(user) = user {
        setup = setup.with_user(user)?;
    }
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let lease = udhcpc(&lab.client, INTERFACE, UEFI)?;
    ensure!(lease.address == CLIENT.to_string() && lease.boot_file == "ipxe.efi", "{lease:?}");
    let by = daemon.answers(&lab.server)?;
    ensure!((by.kernel > 0) == (xdp == Xdp::Generic), "{by:?}");

    lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == uefi_file(), "TFTP");
    let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
    ensure!(answer.body == uefi_file(), "HTTP: {}", answer.headers);
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
    for (capability, expect) in [
        ("net_bind_service", "CAP_NET_BIND_SERVICE"),
        ("net_raw", "CAP_NET_RAW"),
        ("net_admin", "CAP_NET_ADMIN"),
        ("bpf", "CAP_BPF"),
        ("perfmon", "the verifier"),
    ] {
        let lab = Lab::new()?;
        let setup = Site::new()?.setup(Xdp::Generic)?;
        let words = ["setpriv", "--bounding-set", &format!("-{capability}"), "--"];
        let command = setup.run_through(&lab.server, &words, Build::This)?;
        let output = Process::spawn(command)?.quiet().finish(SOON)?;
        ensure!(!output.status.success(), "without {capability}: it serves");
        ensure!(output.stderr.contains(expect), "without {capability}: {}", output.stderr);
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

/// As systemd has it: nobody but root has a way into the bpffs.
fn with_closed_bpffs(work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    let inside = || {
        // This thread alone changes its namespace, and ends.
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("bpf"), "/sys/fs/bpf", Some("bpf"), MsFlags::empty(), Some("mode=0700"))?;
        work()
    };
    thread::scope(|scope| scope.spawn(inside).join().map_err(|_| anyhow!("the thread panicked"))?)
}

/// Sets what the daemon becomes, and whether the kernel answers.
fn change(setup: &Setup, user: Option<&str>, mode: &str) -> Result<()> {
    let text = fs::read_to_string(setup.path())?;
    let kept = text.lines().filter(|line| !line.starts_with("user = "));
    let kept = kept.map(|line| match line {
        "mode = \"generic\"" | "mode = \"off\"" => format!("mode = \"{mode}\""),
        other => other.to_owned(),
    });
    let user = user.map(|user| format!("user = \"{user}\""));
    let lines: Vec<_> = user.into_iter().chain(kept).collect();
    Ok(fs::write(setup.path(), lines.join("\n"))?)
}

/// A daemon that is killed when it serves.
fn serve_and_die(lab: &Lab, setup: &Setup) -> Result<String> {
    let mut daemon = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut daemon)?;
    Ok(daemon.stderr())
}

fn is_answered(lab: &Lab) -> bool {
    udhcpc(&lab.client, INTERFACE, UEFI).is_ok()
}

#[test]
fn what_is_no_longer_wanted_is_removed() -> Result<()> {
    with_closed_bpffs(|| {
        let lab = Lab::new()?;
        for (before, section) in [(Some("daemon"), "[xdp]"), (None, "[dhcp]")] {
            let setup = Site::new()?.setup(Xdp::Generic)?.with_user("daemon")?;
            change(&setup, before, "generic")?;
            serve_and_die(&lab, &setup)?;
            ensure!(is_answered(&lab), "the kernel does not go on");
            change(&setup, Some("daemon"), "generic")?;
            let text = fs::read_to_string(setup.path())?.replace("mode = \"generic\"\n", "");
            let off = format!("{section}\nmode = \"off\"\n");
            fs::write(setup.path(), text.replacen(&format!("{section}\n"), &off, 1))?;
            let log = serve_and_die(&lab, &setup)?;
            ensure!(log.contains("earlier daemon's XDP program was detached"), "{log}");
            ensure!(!is_answered(&lab), "the kernel still answers");
        }
        Ok(())
    })
}

#[test]
fn whoever_runs_it_adopts_the_program() -> Result<()> {
    with_closed_bpffs(|| {
        let lab = Lab::new()?;
        let setup = Site::new()?.setup(Xdp::Generic)?.with_user("daemon")?;
        let mut is_first = true;
        for user in [None, Some("daemon"), None, Some("daemon")] {
            change(&setup, user, "generic")?;
            let log = serve_and_die(&lab, &setup)?;
            let adopted = log.contains("adopted the XDP program");
            ensure!(adopted != is_first, "as {user:?}: {log}");
            let uid =
                user.map(User::from_name).transpose()?.flatten().map_or(0, |u| u.uid.as_raw());
            all_are(uid, setup.pin_path())?;
            all_are(uid, &setup.state_dir())?;
            is_first = false;
        }
        // As the unit does it: the top is the user's, and nothing below.
        let uid = User::from_name("daemon")?.context("no such user")?.uid;
        change(&setup, None, "generic")?;
        serve_and_die(&lab, &setup)?;
        chown(setup.pin_path(), Some(uid.as_raw()), None)?;
        change(&setup, Some("daemon"), "generic")?;
        let log = serve_and_die(&lab, &setup)?;
        ensure!(log.contains("adopted the XDP program"), "{log}");
        all_are(uid.as_raw(), setup.pin_path())
    })
}

fn all_are(uid: u32, path: &Path) -> Result<()> {
    let file = fs::symlink_metadata(path)?;
    ensure!(file.uid() == uid, "{} is {}'s, not {uid}'s", path.display(), file.uid());
    if file.is_dir() {
        for entry in fs::read_dir(path)? {
            all_are(uid, &entry?.path())?;
        }
    }
    Ok(())
}

/// Not even by a link can what is somebody else's be had.
#[test]
fn only_what_is_in_the_state_directory_is_given() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Off)?.with_user("daemon")?;
    // Named by a link.
    let state = setup.state_dir();
    let real = state.with_file_name("real");
    fs::rename(&state, &real)?;
    symlink(&real, &state)?;
    let secrets = ["by-link", "by-second-name"].map(|name| state.with_file_name(name));
    for secret in &secrets {
        fs::write(secret, "")?;
    }
    fs::create_dir(real.join("log"))?;
    symlink(&secrets[0], real.join("log/1.log"))?;
    fs::hard_link(&secrets[1], real.join("log/2.log"))?;
    fs::write(real.join("log/3.log"), "")?;
    serve_and_die(&lab, &setup)?;
    let uid = User::from_name("daemon")?.context("no such user")?.uid.as_raw();
    for own in [&real, &real.join("log"), &real.join("log/3.log")] {
        ensure!(fs::metadata(own)?.uid() == uid, "{} was not given", own.display());
    }
    for secret in &secrets {
        ensure!(fs::metadata(secret)?.uid() == 0, "{} was given away", secret.display());
    }
    Ok(())
}

#[test]
fn a_pin_directory_of_others_is_refused() -> Result<()> {
    let lab = Lab::new()?;
    let nobody = User::from_name("nobody")?.context("no such user")?.uid.as_raw();
    for user in [None, Some("daemon")] {
        let setup = Site::new()?.setup(Xdp::Generic)?.with_user("daemon")?;
        change(&setup, user, "generic")?;
        fs::create_dir(setup.pin_path())?;
        chown(setup.pin_path(), Some(nobody), None)?;
        let output = setup.spawn(&lab.server, INTERFACE)?.quiet().finish(SOON)?;
        ensure!(!output.status.success(), "as {user:?}: it took the directory");
        ensure!(output.stderr.contains("set xdp.pin-path"), "{}", output.stderr);
        ensure!(fs::metadata(setup.pin_path())?.uid() == nobody, "it was taken");
    }
    Ok(())
}

#[test]
fn detach_needs_no_valid_configuration() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let good = fs::read_to_string(setup.path())?;
    let pins = setup.pin_path().display().to_string();
    for (text, args) in [
        (format!("nonsense = 1\n{good}"), &["detach"][..]),
        (format!("{good}\n[[host]\n"), &["detach"]),
        ("[[".to_owned(), &["detach", "--pin-path", &pins]),
    ] {
        fs::write(setup.path(), &good)?;
        serve_and_die(&lab, &setup)?;
        fs::write(setup.path(), &text)?;
        let mut command = lab.server.command(&daemon::binary()?.display().to_string());
        command.args(args);
        if args.len() == 1 {
            command.arg("--config").arg(setup.path());
        }
        let output = process::output(command, SOON)?;
        ensure!(output.status.success(), "{text}: {}", output.stderr);
        ensure!(output.stdout.contains("from 1 interface"), "{text}: {}", output.stdout);
        let says = output.stderr.contains("is not valid");
        ensure!(says == (args.len() == 1), "{text}: {}", output.stderr);
    }
    Ok(())
}

/// The way to the directory is not what is configured.
#[test]
fn another_user_reloads_without_a_word_on_pins() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Generic)?.with_user("daemon")?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let path = daemon.setup().path();
    let text = fs::read_to_string(&path)?;
    let text = text.replacen("[xdp]\n", "[xdp]\nanswers-without-daemon = \"9h\"\n", 1);
    fs::write(&path, text)?;
    daemon.process().signal(Signal::SIGHUP)?;
    wait_for("the reload", SOON, || Ok(daemon.log().contains("changed: xdp").then_some(())))?;
    ensure!(!daemon.log().contains("restarted"), "{}", daemon.log());
    daemon.stop()
}

/// One that is started beside it, by another user.
#[test]
fn a_second_daemon_takes_nothing_of_the_first() -> Result<()> {
    let lab = Lab::new()?;
    let first = Site::new()?.setup(Xdp::Generic)?.with_user("daemon")?;
    let first = first.start(&lab.server, INTERFACE)?;
    let owner = |setup: &Setup| -> Result<u32> { Ok(fs::metadata(setup.state_dir())?.uid()) };
    let before = owner(first.setup())?;
    let second = Site::new()?.setup(Xdp::Generic)?;
    let text = fs::read_to_string(first.setup().path())?;
    fs::write(second.path(), text.replace("user = \"daemon\"\n", ""))?;
    let output = second.spawn(&lab.server, INTERFACE)?.quiet().finish(SOON)?;
    ensure!(!output.status.success(), "it started");
    ensure!(output.stderr.contains("another netboot is running"), "{}", output.stderr);
    ensure!(owner(first.setup())? == before, "the state directory was taken away");
    first.status(&lab.server)?;
    first.stop()
}
