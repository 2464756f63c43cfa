//! `cargo xtask fuzz`: the fuzz targets of `tests/fuzz`, for a bounded time.

mod corpus;
mod stats;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use self::{corpus::Corpus, stats::Stats};
use crate::{
    progress::Step,
    setup::{self, Group},
    shell,
    tool::Tool,
};

const CARGO_FUZZ: Tool = Tool { package: "cargo-fuzz", version: "0.13.2", options: &[] };

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum, default_value_t = Target::Kernel)]
    target: Target,
    /// How long new inputs are tried
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Put inputs that reached new code, and those that crashed, into tests/fuzz/corpus, minimised
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Frames through the XDP program and the slow path, which must do the same; needs root
    Kernel,
    /// Frames through the slow path
    Host,
    /// Datagrams to the syslog receiver
    Syslog,
    /// Names of files that TFTP and HTTP clients ask for
    Files,
    /// Servers' answers to `netboot probe`
    Probe,
    /// Frames with Router Solicitations and Advertisements
    #[value(name = "router_discovery")]
    RouterDiscovery,
    /// TFTP requests, and what clients do then
    Tftp,
}

/// What a run may take beside its time: starting, and ending the last input.
const SLACK: Duration = Duration::from_secs(120);
/// A merge runs each input once or twice.
const MERGE: Duration = Duration::from_secs(30 * 60);
/// Seconds after which an input counts as a crash.
const TIMEOUT: &str = "-timeout=10";

pub(crate) fn command(args: &Args) -> Result<()> {
    setup::ensure(Group::Build)?;
    let fuzzer = Fuzzer::build(args.target)?;
    let corpus = Corpus::of(args.target.name())?;
    let outcome = fuzzer.run(&corpus, args.seconds);
    let crashes = corpus.new_crashes()?;
    for crash in &crashes {
        eprintln!("crash: {}", crash.display());
    }
    if args.keep {
        fuzzer.keep(&corpus)?;
    }
    match outcome {
        Ok(stats) => {
            println!("{}: {stats}, {} crashes", args.target.name(), crashes.len());
            Ok(())
        }
        Err(error) if crashes.is_empty() => Err(error),
        Err(error) => {
            eprintln!("{error:#}");
            bail!(
                "an input broke {}: fix it, and put it into {} (`--keep` does) so that tests try it",
                args.target.name(),
                corpus.committed.display()
            )
        }
    }
}

struct Fuzzer {
    target: Target,
    program: PathBuf,
}

impl Fuzzer {
    /// Without the address sanitizer: what is fuzzed is safe Rust, and so a stable compiler is enough.
    fn build(target: Target) -> Result<Self> {
        const DIRECTORY: &str = "target/fuzz";
        let mut command = CARGO_FUZZ.command()?;
        command.args(["build", "--fuzz-dir", "tests/fuzz", "--target-dir", DIRECTORY]);
        command.args(["--sanitizer", "none", target.name()]);
        shell::run(&mut command)?;
        let host = shell::read(shell::command("rustc").args(["--print", "host-tuple"]))?;
        let program = shell::root().join(DIRECTORY).join(host.trim()).join("release");
        Ok(Self { target, program: program.join(target.name()) })
    }

    fn run(&self, corpus: &Corpus, seconds: u32) -> Result<Stats> {
        let mut command = shell::command(&self.program);
        command.arg(format!("-max_total_time={seconds}")).args([TIMEOUT, "-print_final_stats=1"]);
        command.arg(artifacts_in(&corpus.artifacts)).args([&corpus.found, &corpus.committed]);
        let mut command = self.privileged(command)?;
        let step = Step::start(format!("fuzzing {} for {seconds} s", self.target.name()));
        let limit = Duration::from_secs(seconds.into()) + SLACK;
        let said = shell::follow(&step, &mut command, limit)?;
        step.done("ended");
        Stats::read(&said).context("the fuzzer said nothing of what it did")
    }

    /// Named inputs stay; of the others, those that reach what no other reaches.
    fn keep(&self, corpus: &Corpus) -> Result<()> {
        corpus.keep_crashes()?;
        corpus.start_merge()?;
        let mut command = shell::command(&self.program);
        // How often code runs does not count: as many more inputs would say little more.
        command.args(["-set_cover_merge=1", "-use_counters=0", TIMEOUT]);
        // A kept crash crashes again.
        command.arg(artifacts_in(&corpus.artifacts));
        command.args([&corpus.merged, &corpus.committed, &corpus.found]);
        let mut command = self.privileged(command)?;
        let step = Step::start(format!("minimising the corpus of {}", self.target.name()));
        shell::follow(&step, &mut command, MERGE)?;
        let count = corpus.take_merged()?;
        step.done(&format!("{count} inputs in {}", corpus.committed.display()));
        Ok(())
    }

    fn privileged(&self, command: Command) -> Result<Command> {
        if self.target == Target::Kernel { shell::as_root(command) } else { Ok(command) }
    }
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Host => "host",
            Self::Syslog => "syslog",
            Self::Files => "files",
            Self::Probe => "probe",
            Self::RouterDiscovery => "router_discovery",
            Self::Tftp => "tftp",
        }
    }
}

fn artifacts_in(directory: &Path) -> OsString {
    let mut argument = OsString::from("-artifact_prefix=");
    argument.push(directory.join(""));
    argument
}

fn make(directory: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}
