//! The benchmarks that need real parts; `cargo xtask bench` builds and runs them.

mod attacks;
mod boot;
mod cgroup;
mod dhcp_servers;
mod faults;
mod inventory;
mod losses;
mod matrix;
mod memory;
mod node;
mod perfdhcp;
mod reload;
mod renewals;
mod table;
mod tftp;
mod usage;

use std::{env, process::ExitCode};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use netboot_tests::{interrupt, process};

#[derive(Parser)]
#[command(about = "Benchmarks in network namespaces; needs root")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Attacks, and what is left of them
    Attacks(attacks::Args),
    /// Machines from power-on to their script, with and without the wait for an IPv6 router
    Boot(boot::Args),
    /// Faults under load: what was lost, and how long until all is served again
    Faults(faults::Args),
    /// Which machines boot through which DHCP server, and why not
    Matrix(matrix::Args),
    /// What the maps and the daemon take, by the number of reservations
    Memory(memory::Args),
    /// DHCP exchanges at a rate, with netboot and its peers
    Perfdhcp(perfdhcp::Args),
    /// From the change of a file of many hosts to the answers that show it
    Reload(reload::Args),
    /// Renewals of busybox's client: taken by unicast, or sent again by broadcast
    Renewals(renewals::Args),
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
    process::be_quiet();
    match command {
        Command::Attacks(args) => attacks::command(&args),
        Command::Boot(args) => boot::command(&args),
        Command::Faults(args) => faults::command(&args),
        Command::Matrix(args) => matrix::command(&args),
        Command::Memory(args) => memory::command(&args),
        Command::Perfdhcp(args) => perfdhcp::command(&args),
        Command::Reload(args) => reload::command(&args),
        Command::Renewals(args) => renewals::command(&args),
        Command::Tftp(args) => tftp::command(&args),
    }
}
