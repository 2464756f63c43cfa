//! `netboot selftest`: the command loads the program on this kernel, runs requests of real firmware through it, and
//! compares each answer with the slow path's, byte for byte.

mod adopt;
mod cost;

use std::process::ExitCode;

use anyhow::Context as _;
use netboot_answer::{
    golden::{self, Golden, site},
    kernel::{
        FastPath,
        run::{IFINDEX, Ran, Which},
    },
    slow,
    tables::Tables,
};
use netboot_dhcp::value::hex;
use netboot_ebpf::{
    responder::Scratch,
    side::{Daemon, Kernel},
};
use serde::Serialize;

/// What `netboot selftest` does.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Load the program, and compare its answers with the slow path's
    Load,
    /// Attach it to the loopback interface, and take it over as daemons do that were killed or changed
    Adopt,
    /// Measure what a frame costs, beside an empty program
    Cost {
        /// Runs of each frame
        #[arg(long, default_value_t = 20_000)]
        runs: u32,
    },
}

/// Runs a selftest and prints one line of JSON.
///
/// # Errors
/// The program does not load.
pub fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Load => load(),
        Command::Adopt => adopt::print(),
        Command::Cost { runs } => cost::print(*runs).map(|()| ExitCode::SUCCESS),
    }
}

/// What `selftest load` prints.
#[derive(Serialize)]
struct LoadedProgram {
    kernel: String,
    verified_instructions: u32,
    program_bytes: u32,
    jited_bytes: u32,
    golden_discover_ns: u64,
    /// Golden frames that were run, and those that the kernel answered.
    golden_frames: usize,
    golden_answered: usize,
    golden_ok: bool,
}

fn load() -> anyhow::Result<ExitCode> {
    let tables = site::tables()?;
    let mut fast = FastPath::load(&tables)?;
    let frames = golden::frames()?;
    let mut answered = 0;
    let mut ok = true;
    for golden in &frames {
        match compare(&mut fast, &tables, &golden.frame) {
            Ok(Ran::Answered(_)) => answered += 1,
            Ok(Ran::Passed(_) | Ran::Dropped) => {}
            Err(error) => {
                eprintln!("netboot: {}: {error:#}", golden.name);
                ok = false;
            }
        }
    }
    let discover = find(&frames, golden::PXE_DISCOVER)?;
    let discover_ns = cost::mean(&mut fast, Which::Netboot, &discover.frame, 100)?;
    let program = fast.program()?;
    let report = LoadedProgram {
        kernel: kernel()?,
        verified_instructions: program.verified_instructions,
        program_bytes: program.translated_bytes,
        jited_bytes: program.jited_bytes,
        golden_discover_ns: discover_ns,
        golden_frames: frames.len(),
        golden_answered: answered,
        golden_ok: ok && answered > 0,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(if report.golden_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn kernel() -> anyhow::Result<String> {
    Ok(nix::sys::utsname::uname()?.release().to_string_lossy().into_owned())
}

fn find<'g>(frames: &'g [Golden], name: &str) -> anyhow::Result<&'g Golden> {
    frames
        .iter()
        .find(|golden| golden.name == name)
        .with_context(|| format!("no golden frame {name}"))
}

/// Runs a frame through the program and through the library here, with the kernel's bound and with
/// userspace's.
///
/// # Errors
/// The two sides differ: an answer's bytes, the verdict, or a frame that was passed on changed.
pub fn compare(fast: &mut FastPath, tables: &Tables, frame: &[u8]) -> anyhow::Result<Ran> {
    let mut scratch = Box::new(Scratch::new());
    let expected = slow::answer::<Kernel>(frame, IFINDEX, &mut scratch, tables);
    let verdict = expected.map_or_else(|verdict| verdict, |answer| answer.verdict);
    let before = fast.counter(verdict)?;
    let ran = fast.run(Which::Netboot, frame)?;
    anyhow::ensure!(
        fast.counter(verdict)? == before + 1,
        "the kernel's verdict is another than {}: {}",
        verdict.as_str(),
        hex(frame, "")
    );
    match (&ran, expected) {
        (Ran::Passed(passed), Err(_)) => {
            anyhow::ensure!(passed == frame, "a frame was passed on changed: {}", hex(passed, ""));
        }
        (Ran::Answered(kernel), Ok(answer)) => {
            let host = slow::bytes(frame, &scratch, answer);
            anyhow::ensure!(
                *kernel == host,
                "the answers differ:\n{}\n{}",
                hex(kernel, ""),
                hex(&host, "")
            );
            let any = slow::answer::<Daemon>(frame, IFINDEX, &mut scratch, tables);
            let any = any.map(|answer| slow::bytes(frame, &scratch, answer));
            anyhow::ensure!(
                any.as_ref() == Ok(&host),
                "the slow path answers otherwise: {any:02x?}"
            );
        }
        _ => anyhow::bail!("only one of both answers ({}): {}", verdict.as_str(), hex(frame, "")),
    }
    Ok(ran)
}
