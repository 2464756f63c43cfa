//! The benchmarks that need real parts; `cargo xtask bench` builds and runs them.

mod dhcp_servers;
mod interrupt;
mod load;
mod losses;
mod perfdhcp;
mod setting;
mod table;
mod tftp;
mod usage;

use std::{env, process::ExitCode};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Benchmarks in network namespaces; needs root")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// DHCP exchanges at a rate, with netboot and its peers
    Perfdhcp(perfdhcp::Args),
    /// Parallel TFTP transfers, with netboot and its peers
    Tftp(tftp::Args),
}

fn main() -> ExitCode {
    let Err(error) = run(Cli::parse().command) else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

fn run(command: Command) -> Result<()> {
    ensure!(
        env::var_os("NETBOOT_BIN").is_some(),
        "NETBOOT_BIN does not name the daemon to measure: run `cargo xtask bench`"
    );
    interrupt::watch()?;
    match command {
        Command::Perfdhcp(args) => perfdhcp::command(&args),
        Command::Tftp(args) => tftp::command(&args),
    }
}
