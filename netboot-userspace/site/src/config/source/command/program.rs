//! One run of a source's program, bounded in time and in what it prints.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    os::unix::process::CommandExt as _,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use netboot_base::printable::printable;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{Pid, User, geteuid},
};

use crate::{config::check::reason, model::CommandSource};

const MOST_MIB: usize = 64;
/// What a program says beside its hosts.
const MOST_SAID: usize = 4096;
const MOST_LINES: usize = 10;
const LONGEST_LINE: usize = 256;
/// How often it is looked whether the program has ended, where nothing else tells.
const LOOK: Duration = Duration::from_millis(20);

/// What became of a run.
#[derive(Debug)]
pub struct Ran {
    /// What the program printed, or why that does not count.
    pub printed: Result<Vec<u8>, String>,
    /// The first lines of what it wrote to its standard error.
    pub said: Vec<String>,
}

/// Runs the program of a source to its end, as this `user` where root runs it.
pub fn run_source(
    source: &CommandSource,
    user: Option<&str>,
    is_cancelled: &dyn Fn() -> bool,
) -> Ran {
    let started = match start(source, user) {
        Ok(started) => started,
        Err(why) => return Ran { printed: Err(why), said: Vec::new() },
    };
    let mut run = Run { started, printed: Vec::new(), said: Vec::new() };
    let ended = run.follow(source.timeout, is_cancelled);
    // The program's group may outlive it. Nobody else has its number before it is waited for.
    let _ = killpg(run.group(), Signal::SIGKILL);
    let status = run.started.child.wait();
    let said = lines(&run.said);
    let printed = ended.and_then(|()| is_success(status)).map(|()| run.printed);
    let with_said = |why: String| match said.first() {
        Some(line) => format!("{why}: {line}"),
        None => why,
    };
    Ran { printed: printed.map_err(with_said), said }
}

struct Started {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

struct Run {
    started: Started,
    printed: Vec<u8>,
    said: Vec<u8>,
}

fn start(source: &CommandSource, user: Option<&str>) -> Result<Started, String> {
    let Some((program, arguments)) = source.command.split_first() else {
        return Err("names no program".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // So that all that it starts can be ended with it.
    command.process_group(0);
    // The program is not the daemon that systemd waits for.
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"] {
        command.env_remove(name);
    }
    if let Some(name) = user.filter(|_| geteuid().is_root()) {
        let found = User::from_name(name).map_err(|error| error.to_string())?;
        let user = found.ok_or_else(|| format!("there is no user {name} to run it"))?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let mut child =
        command.spawn().map_err(|error| format!("cannot be run: {}", reason(&error)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let started = Started { child, stdout, stderr };
    let pipes =
        [started.stdout.as_ref().map(AsFd::as_fd), started.stderr.as_ref().map(AsFd::as_fd)];
    for pipe in pipes.into_iter().flatten() {
        if let Err(error) = fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)) {
            tracing::debug!("a pipe stays as it is: {error}");
        }
    }
    Ok(started)
}

impl Run {
    fn group(&self) -> Pid {
        Pid::from_raw(self.started.child.id().cast_signed())
    }

    /// Until the program has ended and all is read, or it must end.
    fn follow(&mut self, timeout: Duration, is_cancelled: &dyn Fn() -> bool) -> Result<(), String> {
        let since = Instant::now();
        loop {
            // Whatever it printed is there when it has ended, whoever else has its pipes.
            let is_over = has_ended(self.group());
            self.read()?;
            if is_over {
                return Ok(());
            }
            if since.elapsed() >= timeout {
                let timeout = humantime::format_duration(timeout);
                return Err(format!("did not end within {timeout}, and was killed"));
            }
            if is_cancelled() {
                return Err("was killed, since netboot ends".to_owned());
            }
            self.wait_for_more();
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let Self { started: Started { stdout, stderr, .. }, printed, said } = self;
        drain(stderr, |bytes| {
            let room = MOST_SAID.saturating_sub(said.len()).min(bytes.len());
            said.extend(bytes.iter().take(room));
            true
        });
        let mut fits = true;
        drain(stdout, |bytes| {
            printed.extend(bytes);
            fits = printed.len() <= MOST_MIB << 20;
            fits
        });
        match fits {
            true => Ok(()),
            false => Err(format!("prints more than {MOST_MIB} MiB, and was killed")),
        }
    }

    fn wait_for_more(&self) {
        let Started { stdout, stderr, .. } = &self.started;
        let open = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
        let mut open: Vec<_> =
            open.into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)).collect();
        let look = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO);
        // What is wrong shows when it is read.
        let _ = poll(&mut open, look);
    }
}

/// Reads what there is; none is left of a pipe that has ended. `take` says whether to go on.
fn drain<R: Read>(pipe: &mut Option<R>, mut take: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 << 10];
    while let Some(open) = pipe {
        match open.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(read) => {
                if !take(buffer.get(..read).unwrap_or_default()) {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *pipe = None,
        }
    }
}

/// Without waiting for it: its number stays its own.
fn has_ended(program: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(program), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
        Ok(_) | Err(_) => true,
    }
}

fn is_success(status: io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ended with {status}")),
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

fn lines(said: &[u8]) -> Vec<String> {
    let lines = said.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.take(MOST_LINES).map(|line| printable(line.trim_ascii(), LONGEST_LINE)).collect()
}
