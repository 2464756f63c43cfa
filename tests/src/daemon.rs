use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_ebpf::verdict::Verdict;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    interrupt,
    lab::INTERFACE,
    namespace::{Namespace, random_name},
    process::{self, Output, Process},
    wait::wait_for,
};

/// For the start, the end and each command.
const DEADLINE: Duration = Duration::from_secs(30);

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Xdp {
    Auto,
    Generic,
    Native,
    Off,
}

/// A configuration file with a state directory and a pin path of its own.
pub struct Setup {
    dir: TempDir,
    boot_root: TempDir,
    pin_path: PathBuf,
    build: Build,
}

/// A running `netboot`. It is killed when the value goes; its log is shown, if the test failed.
pub struct Daemon {
    process: Process,
    setup: Setup,
}

/// Which daemon is started.
#[derive(Clone, Copy, Debug, Default)]
pub enum Build {
    #[default]
    This,
    /// Its maps have another layout.
    Other,
}

/// How often a verdict was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub kernel: u64,
    pub userspace: u64,
}

impl Setup {
    /// `tables` is the file from its first `[table]` on; `[xdp]` is there already. `boot_root`, which
    /// they name, is kept.
    pub fn new(xdp: Xdp, boot_root: TempDir, tables: &str) -> Result<Self> {
        let mode = match xdp {
            Xdp::Auto => "auto",
            Xdp::Generic => "generic",
            Xdp::Native => "native",
            Xdp::Off => "off",
        };
        let dir = tempfile::tempdir()?;
        let pin_path = Path::new("/sys/fs/bpf").join(random_name()?);
        let text = format!(
            "state-dir = \"{}\"\n\n[xdp]\nmode = \"{mode}\"\npin-path = \"{}\"\n\n{tables}",
            dir.path().join("state").display(),
            pin_path.display(),
        );
        fs::create_dir(dir.path().join("state"))?;
        fs::write(dir.path().join("netboot.toml"), text)?;
        Ok(Self { dir, boot_root, pin_path, build: Build::This })
    }

    /// Its commands are this build's.
    #[must_use]
    pub fn with_build(mut self, build: Build) -> Self {
        self.build = build;
        self
    }

    /// The daemon becomes this user.
    pub fn with_user(self, user: &str) -> Result<Self> {
        let text = fs::read_to_string(self.path())?;
        fs::write(self.path(), format!("user = \"{user}\"\n{text}"))?;
        for directory in [&self.dir, &self.boot_root] {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        }
        Ok(self)
    }

    /// The daemon's state directory.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The configuration file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("netboot.toml")
    }

    /// `boot.root`
    #[must_use]
    pub fn boot_root(&self) -> &Path {
        self.boot_root.path()
    }

    /// Where the maps are pinned.
    #[must_use]
    pub fn pin_path(&self) -> &Path {
        &self.pin_path
    }

    /// `netboot ARGS --config FILE`
    pub fn command(&self, namespace: &Namespace, args: &[&str]) -> Result<Command> {
        let mut command = namespace.command(&self.build.binary()?.display().to_string());
        command.env("NO_COLOR", "1").args(args).arg("--config").arg(self.path());
        Ok(command)
    }

    /// `netboot run` on an interface, before it is known to be ready.
    pub fn spawn(&self, namespace: &Namespace, interface: &str) -> Result<Process> {
        Process::spawn(self.command(namespace, &["run", "--iface", interface])?)
    }

    /// `WORDS netboot run`: the words are a program that becomes the daemon.
    pub fn run_through(
        &self,
        namespace: &Namespace,
        words: &[&str],
        build: Build,
    ) -> Result<Command> {
        let mut command = namespace.command("env");
        command.args(words).arg(build.binary()?).args(["run", "--iface", INTERFACE, "--config"]);
        command.arg(self.path()).env("NO_COLOR", "1");
        Ok(command)
    }

    /// Starts the daemon and waits until it serves.
    pub fn start(self, namespace: &Namespace, interface: &str) -> Result<Daemon> {
        let process = self.spawn(namespace, interface)?;
        self.serves(process)
    }

    /// The same, on several interfaces.
    pub fn start_at(self, namespace: &Namespace, interfaces: &[&str]) -> Result<Daemon> {
        let named = interfaces.iter().flat_map(|name| ["--iface", *name]);
        let args: Vec<_> = ["run"].into_iter().chain(named).collect();
        let process = Process::spawn(self.command(namespace, &args)?)?;
        self.serves(process)
    }

    /// The same, started [through](Self::run_through) another program.
    pub fn start_through(
        self,
        namespace: &Namespace,
        words: &[&str],
        build: Build,
    ) -> Result<Daemon> {
        let process = Process::spawn(self.run_through(namespace, words, build)?)?;
        self.serves(process)
    }

    fn serves(self, mut process: Process) -> Result<Daemon> {
        wait_until_ready(&mut process)?;
        Ok(Daemon { process, setup: self })
    }
}

impl Build {
    fn binary(self) -> Result<&'static Path> {
        match self {
            Self::This => binary(),
            Self::Other => other_binary(),
        }
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        // A daemon that was killed leaves its pins.
        let _ = fs::remove_dir_all(&self.pin_path);
    }
}

impl Daemon {
    /// Its log is shown by nobody but the caller.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self { process: self.process.quiet(), ..self }
    }

    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What `netboot status --json` prints.
    pub fn status(&self, namespace: &Namespace) -> Result<Value> {
        let command = self.setup.command(namespace, &["status", "--json"])?;
        let text = process::run(command, DEADLINE)?;
        serde_json::from_str(&text).with_context(|| format!("status is no JSON: {text}"))
    }

    /// The answers given: OFFERs, ACKs and NAKs.
    pub fn answers(&self, namespace: &Namespace) -> Result<Count> {
        let mut sum = Count::default();
        for (name, count) in self.counts(namespace)? {
            if Verdict::ALL.iter().any(|verdict| verdict.is_answer() && verdict.as_str() == name) {
                sum.kernel += count.kernel;
                sum.userspace += count.userspace;
            }
        }
        Ok(sum)
    }

    /// The counters of the status, by verdict.
    pub fn counts(&self, namespace: &Namespace) -> Result<BTreeMap<String, Count>> {
        let status = self.status(namespace)?;
        let rows = status["verdicts"].as_array().with_context(|| status.to_string())?;
        rows.iter()
            .map(|row| {
                let number = |name: &str| row[name].as_u64().with_context(|| row.to_string());
                let name = row["verdict"].as_str().with_context(|| row.to_string())?;
                let count = Count { kernel: number("kernel")?, userspace: number("userspace")? };
                Ok((name.to_owned(), count))
            })
            .collect()
    }

    /// Waits until the status shows this last step of a machine.
    pub fn wait_for_step(&self, namespace: &Namespace, mac: &str, step: &str) -> Result<Value> {
        let what = format!("step {step} of {mac}");
        wait_for(&what, DEADLINE, || self.machine_at(namespace, mac, step))
            .with_context(|| format!("the daemon's log:\n{}", self.log()))
    }

    /// The status' row of a machine, if this is its last step.
    pub fn machine_at(
        &self,
        namespace: &Namespace,
        mac: &str,
        step: &str,
    ) -> Result<Option<Value>> {
        let status = self.status(namespace)?;
        let machines = status["machines"].as_array().with_context(|| status.to_string())?;
        let found = machines.iter().find(|row| row["mac"] == mac && row["last"]["step"] == step);
        Ok(found.cloned())
    }

    /// Ends it without a word.
    #[must_use]
    pub fn kill(self) -> Setup {
        drop(self.process);
        self.setup
    }

    /// Ends it with SIGTERM; it must end well, and leave no pins.
    pub fn stop(self) -> Result<()> {
        let Output { status, stderr, .. } = self.process.terminate(DEADLINE)?;
        ensure!(status.success(), "the daemon ended with {status}:\n{stderr}");
        // Another user than root cannot remove the directory itself.
        let pins = self.setup.pin_path();
        let left = fs::read_dir(pins).map_or(0, Iterator::count);
        ensure!(left == 0, "the daemon left {left} pins in {}:\n{stderr}", pins.display());
        Ok(())
    }
}

/// Waits until a daemon says that it is ready.
pub fn wait_until_ready(process: &mut Process) -> Result<()> {
    wait_until_ready_within(process, DEADLINE)
}

/// The same, for one that has much to read.
pub fn wait_until_ready_within(process: &mut Process, deadline: Duration) -> Result<()> {
    wait_for("the daemon", deadline, || {
        interrupt::check()?;
        let log = process.stderr();
        if let Some(status) = process.ended()? {
            bail!("the daemon ended with {status}");
        }
        Ok(log.split_whitespace().any(|word| word == "ready").then_some(()))
    })
    .with_context(|| format!("the daemon's log:\n{}", process.stderr()))
}

/// `netboot run` on an interface of a node where nothing is configured.
pub fn spawn_unconfigured(namespace: &Namespace, interface: &str) -> Result<Process> {
    let mut command = namespace.sealed_command(&binary()?.display().to_string());
    command.env("NO_COLOR", "1").args(["run", "--iface", interface]);
    Process::spawn(command)
}

/// `NETBOOT_BIN`, or the daemon built like these tests.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BINARY, || match env::var_os("NETBOOT_BIN") {
        Some(path) => Ok(path.into()),
        None => build(&[], "."),
    })
}

/// `NETBOOT_OTHER_BIN`, or a daemon built like these tests whose maps have another layout: what an
/// upgrade starts.
fn other_binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BINARY, || match env::var_os("NETBOOT_OTHER_BIN") {
        Some(path) => Ok(path.into()),
        // Beside, since other tests are running the first one's binary.
        None => build(&["--features", "other-build"], "other-build"),
    })
}

fn once(
    binary: &'static OnceLock<Result<PathBuf, String>>,
    find: impl FnOnce() -> Result<PathBuf>,
) -> Result<&'static Path> {
    match binary.get_or_init(|| find().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

/// Builds into a directory below the one that the tests were built into.
fn build(features: &[&str], below: &str) -> Result<PathBuf> {
    // target/PROFILE/deps/integration-...
    let tests = env::current_exe()?;
    let profile = tests.ancestors().nth(2).context("where the tests were built")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "netboot-userspace", "--bin", "netboot"]).args(features);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let target = profile.parent().context("the target directory")?.join(below);
    cargo.arg("--target-dir").arg(&target);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    process::run(cargo, Duration::from_secs(900)).context("build the daemon")?;
    Ok(target.join(profile.file_name().context("the profile's directory")?).join("netboot"))
}
