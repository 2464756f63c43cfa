//! How long reading again takes, in the daemon's own process: of one host that changed, and of all.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{CONFIG, FORMATS, Format, Row, TARGET};
use crate::{cargo, shell};

const COUNT: u32 = 100_000;
const ROUNDS: u32 = 5;
/// The most that one changed host may take.
const ONE: Duration = Duration::from_millis(50);

/// Each format's file, with one host changed, with all, and unchanged beside a small file.
pub(super) fn measure(directory: &Path) -> Result<Vec<Row>> {
    let build = ["build", "--release", "-p", "netboot-site", "--example", "reload"];
    let program = cargo::executable(&build, "reload")?;
    let mut rows = Vec::new();
    for format in FORMATS {
        let mut site = Site::write(directory, format)?;
        let mut daemon = Daemon::start(&program, directory)?;
        let bytes = site.text.len();
        let mut row = |scope, limit, time| {
            rows.push(Row { format: format.name, scope, count: COUNT, bytes, limit, time });
        };
        // YAML is read by the file.
        let limit = if format.file.ends_with("yaml") { TARGET } else { ONE };
        row("one changed", limit, fastest(|round| daemon.reload(&site.change_one(round)?, 1))?);
        row("one beside", ONE, fastest(|round| daemon.reload(&site.change_other(round)?, 1))?);
        row(
            "all changed",
            TARGET,
            fastest(|round| daemon.reload(&site.change_all(round)?, COUNT))?,
        );
    }
    Ok(rows)
}

fn fastest(mut reload: impl FnMut(u32) -> Result<Duration>) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for round in 0..ROUNDS {
        fastest = fastest.min(reload(round)?);
    }
    Ok(fastest)
}

/// Was written.
struct Written;

struct Site<'d> {
    directory: &'d Path,
    format: Format,
    text: String,
}

impl<'d> Site<'d> {
    fn write(directory: &'d Path, format: Format) -> Result<Self> {
        let hosts = (1..=COUNT).map(format.host).collect::<String>();
        let text = format!("{}{hosts}", format.header);
        let site = Self { directory, format, text };
        let config = format!("inventory = [\"{}\", \"other.toml\"]\n{CONFIG}", format.file);
        site.put("netboot.toml", &config)?;
        site.put(format.file, &site.text)?;
        site.put("other.toml", &(super::toml)(COUNT + 1))?;
        Ok(site)
    }

    fn put(&self, name: &str, text: &str) -> Result<Written> {
        fs::write(self.directory.join(name), text).with_context(|| format!("write {name}"))?;
        Ok(Written)
    }

    fn change_one(&mut self, round: u32) -> Result<Written> {
        let from = format!("node{}", COUNT / 2);
        self.put(self.format.file, &self.text.replace(&from, &format!("{from}x{round}")))
    }

    fn change_other(&mut self, round: u32) -> Result<Written> {
        if round == 0 {
            self.put(self.format.file, &self.text)?;
        }
        let text = (super::toml)(COUNT + 1);
        self.put("other.toml", &text.replace("node", &format!("node{round}x")))
    }

    fn change_all(&mut self, round: u32) -> Result<Written> {
        let text = self.text.replace("node", &format!("n{round}-"));
        self.put(self.format.file, &text)
    }
}

/// The process that reads again when it is told to.
struct Daemon {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Daemon {
    fn start(program: &Path, directory: &Path) -> Result<Self> {
        let mut command = shell::command(program);
        command.arg(directory.join("netboot.toml")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the reader")?;
        let input = child.stdin.take().context("the reader has no input")?;
        let output = child.stdout.take().context("the reader has no output")?;
        let mut daemon = Self { child, input, output: BufReader::new(output) };
        daemon.answer()?;
        Ok(daemon)
    }

    fn reload(&mut self, _: &Written, least: u32) -> Result<Duration> {
        self.input.write_all(b"\n").context("the reader takes no more")?;
        let (time, said) = self.answer()?;
        let changed = said.split(", ").nth(1).and_then(|part| part.split(' ').next()?.parse().ok());
        ensure!(changed.is_some_and(|changed: u32| changed >= least), "not all was read: {said}");
        Ok(time)
    }

    fn answer(&mut self) -> Result<(Duration, String)> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("the reader says nothing")?;
        let (seconds, said) = line.trim().split_once(' ').context("the reader failed")?;
        let seconds = seconds.parse().with_context(|| format!("the reader says {said}"))?;
        Ok((Duration::from_secs_f64(seconds), said.to_owned()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
