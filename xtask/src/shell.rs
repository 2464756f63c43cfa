//! Runs commands: says each one, and explains a failure.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, BufRead as _, BufReader, PipeReader, Read as _},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::progress::Step;

/// How much of a failed command's output an error repeats.
const TAIL_LINES: usize = 40;

/// A command that starts at the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// Says a command and runs it on the caller's terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    echo(command);
    let status = command.status().with_context(|| format!("cannot start `{}`", show(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", show(command));
    Ok(())
}

/// Says a command and becomes it: signals and the exit status are then its own.
pub(crate) fn exec(command: &mut Command) -> Result<()> {
    echo(command);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start `{}`", show(command)))
}

/// A quick command's output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", show(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("`{}` failed: {}{}", show(command), output.status, indent(&said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a slow command and shows its output as the progress of `step`; an error repeats the end of it.
pub(crate) fn follow(step: &Step, command: &mut Command, limit: Duration) -> Result<String> {
    let (output, writer) = io::pipe().context("cannot make a pipe")?;
    let second = writer.try_clone().context("cannot make a pipe")?;
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(second).spawn();
    // The command holds the pipe's writing ends: while they are open, the output does not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.with_context(|| format!("cannot start `{}`", show(command)))?;
    let mut said = String::new();
    let ended = watch(step, output, Instant::now() + limit, &mut said);
    if ended.is_err() {
        kill(&mut child);
    }
    let status = child.wait().with_context(|| format!("lost `{}`", show(command)))?;
    ended.with_context(|| format!("`{}` was ended{}", show(command), indent(&said)))?;
    ensure!(status.success(), "`{}` failed: {status}{}", show(command), indent(&said));
    Ok(said)
}

/// The same command for root: as it is, or through sudo. The error names the command to run.
pub(crate) fn as_root(command: Command) -> Result<Command> {
    if is_root() {
        return Ok(command);
    }
    let Some(sudo) = find("sudo") else {
        bail!("root is needed and there is no sudo: as root, run `{}`", show(&command));
    };
    // A password is asked for here, before a progress line owns the terminal.
    let known = Command::new(&sudo).args(["-n", "true"]).stderr(Stdio::null()).status();
    if !known.is_ok_and(|status| status.success()) {
        run(Command::new(&sudo).arg("-v"))
            .with_context(|| format!("root is needed: as root, run `{}`", show(&command)))?;
    }
    Ok(through(&sudo, &command))
}

/// sudo clears the environment: `env` sets again what the command was given.
fn through(sudo: &Path, command: &Command) -> Command {
    let mut elevated = Command::new(sudo);
    elevated.args(["--", "env"]);
    for (name, value) in command.get_envs() {
        let mut variable = name.to_owned();
        variable.push("=");
        variable.push(value.unwrap_or_default());
        elevated.arg(variable);
    }
    elevated.arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        elevated.current_dir(directory);
    }
    elevated
}

/// Where a program is: on PATH or where distributions keep the administrator's.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories =
        env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|path| is_executable(path))
}

/// A command as one would type it; scripts are left out.
pub(crate) fn show(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_str()?, quote(value?.to_str()?)))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| quote(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
}

fn echo(command: &Command) {
    eprintln!("$ {}", show(command));
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.contains('\n') {
        return "'...'".to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn indent(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
    tail.iter().map(|line| format!("\n  | {line}")).collect()
}

fn watch(step: &Step, output: PipeReader, deadline: Instant, said: &mut String) -> Result<()> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(plain(&line)).is_err() {
                return;
            }
        }
    });
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                step.note(&line);
                said.push_str(&line);
                said.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => step.wait(),
        }
        if Instant::now() > deadline {
            return Err(anyhow!("it took too long"));
        }
    }
}

/// A virtual machine's firmware clears the screen and resets the terminal: that must not reach ours.
fn plain(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    line.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

fn kill(child: &mut Child) {
    if let Err(error) = child.kill() {
        eprintln!("cannot end process {}: {error}", child.id());
    }
}

/// Reads a whole small file, or its beginning.
pub(crate) fn head(path: &Path, length: u64) -> Result<Vec<u8>> {
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(length)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_commands_as_typed() {
        fn check(words: &[&str], expect: &str) {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            assert_eq!(show(&command), expect);
        }
        check(&["cargo", "test", "--", "tftp"], "cargo test -- tftp");
        check(&["sh", "-c", "exit 101"], "sh -c 'exit 101'");
        check(&["sh", "-c", "set -eu\nexit 101\n", "name"], "sh -c '...' name");
        check(&["echo", "it's", ""], r"echo 'it'\''s' ''");
        let mut command = Command::new("cargo");
        command.env("RUSTDOCFLAGS", "-D warnings").arg("doc");
        assert_eq!(show(&command), "RUSTDOCFLAGS='-D warnings' cargo doc");
    }

    #[test]
    fn sudo_keeps_what_the_command_was_given() {
        let mut tests = Command::new("/t/integration");
        tests.arg("tftp").env("NETBOOT_BIN", "/t/netboot").current_dir("/t");
        let elevated = through(Path::new("/usr/bin/sudo"), &tests);
        assert_eq!(
            show(&elevated),
            "/usr/bin/sudo -- env NETBOOT_BIN=/t/netboot /t/integration tftp"
        );
        assert_eq!(elevated.get_current_dir(), Some(Path::new("/t")));
    }

    #[test]
    fn follows_both_outputs_and_repeats_them_on_failure() {
        let step = Step::start("test");
        let limit = Duration::from_secs(20);
        let said = follow(&step, Command::new("sh").args(["-c", "echo out; echo err >&2"]), limit)
            .unwrap();
        assert_eq!(said, "out\nerr\n");
        let said =
            follow(&step, Command::new("printf").arg(r"\033[2Jclear\r\n\377"), limit).unwrap();
        assert_eq!(said, "[2Jclear\n\u{fffd}\n");
        let error =
            follow(&step, Command::new("sh").args(["-c", "echo why; exit 3"]), limit).unwrap_err();
        assert!(format!("{error:#}").contains("exit status: 3\n  | why"), "{error:#}");
    }

    #[test]
    fn ends_a_command_that_takes_too_long() {
        let step = Step::start("test");
        let error = follow(&step, Command::new("tail").args(["-f", "/dev/null"]), Duration::ZERO);
        // It neither prints nor ends: only the limit ends this.
        assert!(format!("{:#}", error.unwrap_err()).contains("too long"));
    }
}
