use std::{
    fs,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tempfile::NamedTempFile;

use crate::wait::wait_for;

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on what programs printed is in errors only: there is no test runner that hides it.
pub fn be_quiet() {
    QUIET.store(true, Relaxed);
}

/// A program that a test runs. It is killed when the value goes; what it printed is then shown, if
/// the test failed.
pub struct Process {
    line: String,
    report: Report,
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

/// Whether what a program printed is of interest once it has ended.
enum Report {
    Shown,
    Dropped,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    pub fn spawn(mut command: Command) -> Result<Self> {
        let line = format!("{command:?}");
        let stdout = NamedTempFile::new()?;
        let stderr = NamedTempFile::new()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.reopen()?)
            .stderr(stderr.reopen()?)
            .spawn()
            .with_context(|| format!("start {line}"))?;
        Ok(Self { line, report: Report::Shown, child, stdout, stderr })
    }

    /// What it printed is shown by nobody but the caller.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.report = Report::Dropped;
        self
    }

    /// The process' number; it is the program's own, also in a namespace.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    #[must_use]
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub fn finish(mut self, deadline: Duration) -> Result<Output> {
        self.wait(deadline)
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal::kill(self.pid(), signal).with_context(|| format!("{signal} to {}", self.line))
    }

    /// Asks it to end with SIGTERM, and waits for that.
    pub fn terminate(self, deadline: Duration) -> Result<Output> {
        self.signal(Signal::SIGTERM)?;
        self.finish(deadline)
    }

    fn wait(&mut self, deadline: Duration) -> Result<Output> {
        let what = format!("the end of {}", self.line);
        let status = wait_for(&what, deadline, || self.ended())?;
        Ok(Output { status, stdout: self.stdout(), stderr: self.stderr() })
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The test runner shows this where the test failed.
        if matches!(self.report, Report::Shown) && !QUIET.load(Relaxed) {
            eprintln!("--- {}\n{}{}", self.line, self.stdout(), self.stderr());
        }
    }
}

/// Runs a program to its end, whatever its status; what it printed is shown if the test fails.
pub fn output(command: Command, deadline: Duration) -> Result<Output> {
    Process::spawn(command)?.finish(deadline)
}

/// Runs a program that must succeed; its standard output.
pub fn run(command: Command, deadline: Duration) -> Result<String> {
    let mut process = Process::spawn(command)?.quiet();
    let Output { status, stdout, stderr } = process.wait(deadline)?;
    ensure!(status.success(), "{}: {status}\n{stdout}{stderr}", process.line);
    Ok(stdout)
}

fn text(file: &NamedTempFile) -> String {
    fs::read(file.path()).map_or_else(
        |error| format!("({error})"),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}
