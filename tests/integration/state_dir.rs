//! Directories that were another user's: whatever that one left in them, root neither writes to, gives away nor removes
//! what is not netboot's.

use std::{
    fs,
    net::SocketAddrV4,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{self, Daemon, Setup, Xdp},
    lab::{CLIENT_MAC, INTERFACE, Lab, SERVER},
    process::Process,
    transfer::{Syslog, logger},
    wait::wait_for,
};
use nix::{
    sys::stat::Mode,
    unistd::{User, mkfifo},
};
use serde_json::Value;

use crate::site::Site;

const SOON: Duration = Duration::from_secs(20);
const SECRET: &str = "root alone reads and writes this\n";
const FORMER: &str = "daemon";

/// What is put in the place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Link,
    DanglingLink,
    HardLink,
    Fifo,
    Directory,
    Socket,
}

const ALL: [Thing; 6] = [
    Thing::Link,
    Thing::DanglingLink,
    Thing::HardLink,
    Thing::Fifo,
    Thing::Directory,
    Thing::Socket,
];

/// A state directory that was the former user's, and a file that is root's.
struct Scene {
    lab: Lab,
    setup: Setup,
    secret: PathBuf,
    uid: u32,
}

impl Scene {
    fn new() -> Result<Self> {
        let lab = Lab::with_client_address()?;
        let setup = Site::new()?.setup(Xdp::Off)?;
        let state = setup.state_dir();
        let secret = state.with_file_name("secret");
        fs::write(&secret, SECRET)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        fs::create_dir(state.join("log"))?;
        let uid = User::from_name(FORMER)?.context("no such user")?.uid.as_raw();
        for directory in [&state, &state.join("log")] {
            chown(directory, Some(uid), None)?;
        }
        Ok(Self { lab, setup, secret, uid })
    }

    fn put(&self, thing: Thing, name: &str) -> Result<PathBuf> {
        let place = self.setup.state_dir().join(name);
        if place.is_dir() {
            fs::remove_dir(&place)?;
        }
        match thing {
            Thing::Link => symlink(&self.secret, &place)?,
            Thing::DanglingLink => symlink(self.secret.with_extension("new"), &place)?,
            Thing::HardLink => fs::hard_link(&self.secret, &place)?,
            Thing::Fifo => mkfifo(&place, Mode::S_IRWXU)?,
            Thing::Directory => fs::create_dir(&place)?,
            Thing::Socket => drop(UnixListener::bind(&place)?),
        }
        if thing != Thing::HardLink {
            lchown(&place, Some(self.uid), None)?;
        }
        Ok(place)
    }

    /// Neither written to, nor given away, nor made.
    fn is_untouched(&self) -> Result<()> {
        let found = fs::metadata(&self.secret)?;
        let text = fs::read_to_string(&self.secret)?;
        ensure!(text == SECRET, "it was written to: {text:?}");
        ensure!((found.uid(), found.mode() & 0o777) == (0, 0o600), "{found:?}");
        ensure!(!self.secret.with_extension("new").exists(), "a file was made through a link");
        Ok(())
    }

    fn log(&self, daemon: &Daemon) -> Result<()> {
        logger(&self.lab.client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, "hello")?;
        daemon.wait_for_step(&self.lab.server, CLIENT_MAC, "syslog").map(drop)
    }
}

fn log_name() -> String {
    format!("log/{}.log", CLIENT_MAC.replace(':', "-"))
}

fn trouble(status: &Value, service: &str) -> Option<String> {
    let services = status["services"].as_array()?;
    let found = services.iter().find(|row| row["name"] == service && row["state"] == "degraded")?;
    found["note"].as_str().map(str::to_owned)
}

#[test]
fn root_writes_to_no_file_that_another_user_left() -> Result<()> {
    for thing in ALL {
        let scene = Scene::new()?;
        let place = scene.put(thing, &log_name())?;
        // What is written to see whether there is room.
        let probe = scene.put(thing, "log/.probe")?;
        let daemon = scene.setup_started()?;
        scene.log(&daemon)?;
        scene.is_untouched().with_context(|| format!("{thing:?}"))?;
        remove(&probe)?;
        let why = wait_for(&format!("{thing:?}: the trouble"), SOON, || {
            let status = daemon.status(&scene.lab.server)?;
            Ok(trouble(&status, "syslog").filter(|why| why.contains(&*place.to_string_lossy())))
        })?;
        ensure!(why.contains("remove it"), "{thing:?}: {why}");
        let status = daemon.status(&scene.lab.server)?;
        ensure!(status["counters"]["syslog-unwritten"] == 1, "{thing:?}: {status}");
        ensure!(daemon.log().contains("cannot write syslog files"), "{}", daemon.log());
        remove(&place)?;
        wait_for("the end of the trouble", SOON, || {
            let status = daemon.status(&scene.lab.server)?;
            Ok(trouble(&status, "syslog").is_none().then_some(()))
        })?;
        logger(&scene.lab.client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, "again")?;
        wait_for("the line", SOON, || {
            let text = fs::read_to_string(&place).unwrap_or_default();
            Ok(text.contains("again").then_some(()))
        })?;
        scene.is_untouched()?;
        daemon.stop()?;
    }
    Ok(())
}

/// What is in the way, if it has not gone by itself.
fn remove(place: &Path) -> Result<()> {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir(place)?,
        Ok(_) => fs::remove_file(place)?,
        Err(_) => {}
    }
    Ok(())
}

impl Scene {
    fn setup_started(&self) -> Result<Daemon> {
        // The scene keeps the directory.
        let kept = Site::new()?.setup(Xdp::Off)?;
        let text = fs::read_to_string(self.setup.path())?;
        fs::write(kept.path(), text)?;
        kept.start(&self.lab.server, INTERFACE)
    }
}

#[test]
fn the_status_socket_takes_no_others_place() -> Result<()> {
    for thing in ALL {
        let scene = Scene::new()?;
        let place = scene.put(thing, "status.sock")?;
        let daemon = scene.setup_started()?;
        // One that nobody listens on is what a daemon leaves that was killed.
        let is_left = thing == Thing::Socket;
        let said = wait_for("what is said of the socket", SOON, || {
            let log = daemon.log();
            let is_said = log.contains(&*place.to_string_lossy()) && log.contains("no socket");
            Ok((is_said || is_left).then_some(log))
        })?;
        scene.is_untouched().with_context(|| format!("{thing:?}: {said}"))?;
        if is_left {
            daemon.status(&scene.lab.server)?;
        } else {
            remove(&place)?;
            wait_for("the socket", SOON, || Ok(daemon.status(&scene.lab.server).ok()))?;
        }
        daemon.stop()?;
        scene.is_untouched()?;
    }
    Ok(())
}

/// The directory of the logs itself.
#[test]
fn logs_go_to_no_other_directory() -> Result<()> {
    for thing in [Thing::Link, Thing::Fifo, Thing::Socket] {
        let scene = Scene::new()?;
        let elsewhere = scene.secret.with_file_name("elsewhere");
        fs::create_dir(&elsewhere)?;
        let place = scene.put(thing, "log")?;
        if thing == Thing::Link {
            fs::remove_file(&place)?;
            symlink(&elsewhere, &place)?;
        }
        let daemon = scene.setup_started()?;
        scene.log(&daemon)?;
        let status = daemon.status(&scene.lab.server)?;
        let why = trouble(&status, "syslog").with_context(|| status.to_string())?;
        ensure!(why.contains("and no directory: remove it"), "{why}");
        ensure!(fs::read_dir(&elsewhere)?.next().is_none(), "it wrote through the link");
        daemon.stop()?;
    }
    Ok(())
}

/// While root takes the directory back, the former user changes what is in it as fast as it can.
#[test]
fn a_race_for_the_place_of_a_file_is_not_won() -> Result<()> {
    let scene = Scene::new()?;
    let state = scene.setup.state_dir();
    fs::set_permissions(scene.secret.with_file_name(""), fs::Permissions::from_mode(0o755))?;
    let script = format!(
        "cd {} || exit 1\nwhile :; do\n\
         ln -sfn {secret} {log} 2>/dev/null; ln -sfn {secret} status.sock 2>/dev/null\n\
         ln -sfn {secret} log/.probe 2>/dev/null; rm -f {log} log/.probe status.sock 2>/dev/null\ndone",
        state.display(),
        secret = scene.secret.display(),
        log = log_name(),
    );
    for _ in 0..5 {
        for directory in [&state, &state.join("log")] {
            chown(directory, Some(scene.uid), None)?;
        }
        let mut command = Command::new("setpriv");
        let uid = scene.uid.to_string();
        command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups", "sh", "-c", &script]);
        let racer = Process::spawn(command)?.quiet();
        let daemon = scene.setup_started()?;
        logger(&scene.lab.client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, "hello")?;
        wait_for("the line", SOON, || Ok(daemon.log().contains("hello").then_some(())))?;
        scene.is_untouched()?;
        drop(racer);
        daemon.stop()?;
        scene.is_untouched()?;
    }
    Ok(())
}

#[test]
fn a_state_directory_of_a_third_user_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let state = scene.setup.state_dir();
    let third = User::from_name("nobody")?.context("no such user")?.uid.as_raw();
    fs::remove_dir(state.join("log"))?;
    chown(&state, Some(third), None)?;
    let daemon = scene.setup_started()?;
    let said = format!("{} is user {third}'s", state.display());
    wait_for("the refusal", SOON, || Ok(daemon.log().contains(&said).then_some(())))?;
    ensure!(fs::metadata(&state)?.uid() == third, "it was taken");
    ensure!(fs::read_dir(&state)?.next().is_none(), "something was made in it");
    daemon.stop()
}

/// In the directory of the pins, whoever has it can make links to anywhere.
#[test]
fn detach_removes_nothing_through_a_link() -> Result<()> {
    for name in ["links", "next"] {
        let scene = Scene::new()?;
        let pins = scene.setup.pin_path();
        fs::create_dir(pins)?;
        symlink(scene.secret.with_file_name(""), pins.join(name))?;
        lchown(pins.join(name), Some(scene.uid), None)?;
        chown(pins, Some(scene.uid), None)?;
        let mut command = Command::new(daemon::binary()?);
        command.args(["detach", "--pin-path"]).arg(pins);
        let output = Process::spawn(command)?.quiet().finish(SOON)?;
        ensure!(!output.status.success(), "{name}: it went on");
        ensure!(output.stderr.contains("is a symbolic link and no directory"), "{}", output.stderr);
        scene.is_untouched().with_context(|| name.to_owned())?;
        ensure!(Path::new(&scene.setup.path()).exists(), "the configuration was removed");
        fs::remove_file(pins.join(name))?;
    }
    Ok(())
}
