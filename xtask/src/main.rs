//! `cargo xtask`: sets up, runs, tests and checks netboot. One module per command.

mod bench;
mod cargo;
mod ci;
mod dist;
mod fuzz;
mod guest;
mod parts;
mod progress;
mod rules;
mod run;
mod setup;
mod shell;
mod test;
mod test_vm;
mod tool;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Sets up, runs, tests and checks netboot"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or install what building and testing need
    Setup(setup::Args),
    /// Build the daemon with its XDP program and start it as root
    Run(run::Args),
    /// Run all tests, setting up what they need
    Test(test::Args),
    /// Check format, lints, documentation and the import rules
    Ci,
    /// Load the XDP program on this kernel and on Debian 12's 6.1
    Verify,
    /// Verify, and try on both kernels that the program outlives the daemon and is taken over
    TestVm,
    /// Try changed inputs on the fuzz targets for a while
    Fuzz(fuzz::Args),
    /// Make a Debian package and a static tarball
    Dist(dist::Args),
    /// Measure what netboot costs, and what it does beside its peers
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Setup(args) => setup::command(&args),
        Command::Run(args) => run::command(&args),
        Command::Test(args) => test::command(&args),
        Command::Ci => ci::command(),
        Command::Verify => verify::command(),
        Command::TestVm => test_vm::command(),
        Command::Fuzz(args) => fuzz::command(&args),
        Command::Dist(args) => dist::command(&args),
        Command::Bench(args) => bench::command(&args),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
