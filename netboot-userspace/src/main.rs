//! The program `netboot`: its command line, and the node that runs.

mod allocator;
mod app;
mod args;
mod commands;
mod logging;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use netboot_machines::status::NotRunning;

use crate::{
    allocator::Allocator,
    args::{Args, Command},
};
use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Run(args) => app::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Detach(args) => commands::detach::detach(&args).map(|()| ExitCode::SUCCESS),
        Command::Status(args) => app::status(&args).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => commands::check::check(&args),
        Command::Explain(args) => commands::explain::explain_machine(&args),
        Command::Probe(args) => commands::probe::probe_machines(&args),
        Command::Export(args) => commands::export::export_configuration(&args),
        Command::Host(command) => commands::host::host(&command),
        Command::Import(args) => commands::import::import(&args),
        Command::Completions(args) => commands::generate::completions(&args),
        Command::Man(args) => commands::generate::man(&args),
        Command::Selftest(command) => netboot_tools::selftest::run(&command),
    };
    result.unwrap_or_else(|error| {
        // Where nobody reads it, the exit code tells.
        let _ = writeln!(io::stderr(), "netboot: {error:#}");
        if error.is::<NotRunning>() {
            ExitCode::from(NotRunning::EXIT_CODE)
        } else {
            ExitCode::FAILURE
        }
    })
}
