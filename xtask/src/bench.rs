//! `cargo xtask bench`: what netboot costs, and what it does beside its peers in the same run.

mod dhcp;
mod hosts;

use std::process::Command;

use anyhow::Result;

use crate::{
    cargo,
    setup::{self, Group},
    shell,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// What the XDP program costs a frame, beside an empty program
    Dhcp(dhcp::Args),
    /// DHCP exchanges at a rate: netboot, dnsmasq, Kea and ISC dhcpd
    Perfdhcp(Perfdhcp),
    /// Reading inventories: TOML, CSV and Tinkerbell's YAML
    Hosts(hosts::Args),
    /// Parallel TFTP transfers: netboot, dnsmasq, tftpd-hpa and atftpd
    Tftp(Tftp),
}

#[derive(clap::Args)]
struct Perfdhcp {
    /// Exchanges (DISCOVER, OFFER, REQUEST, ACK) offered a second
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// How long they are offered
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Reservations; each machine asks again and again
    #[arg(long, default_value_t = 10_000)]
    machines: u32,
    /// Processes of perfdhcp: one alone sends about 15,000 a second
    #[arg(long, default_value_t = 2)]
    generators: u32,
    /// Only the servers whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Tftp {
    /// Transfers at the same time
    #[arg(long, default_value_t = 400)]
    clients: u32,
    /// Size of the file: a number, or one with K or M
    #[arg(long, default_value = "1M")]
    size: String,
    /// The median of as many rounds counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Only the servers whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    match &args.benchmark {
        Benchmark::Dhcp(args) => {
            setup::ensure(Group::Build)?;
            dhcp::command(args)
        }
        Benchmark::Hosts(args) => hosts::command(args),
        Benchmark::Perfdhcp(args) => {
            beside_peers(perfdhcp_arguments(args), args.only.as_deref(), args.json)
        }
        Benchmark::Tftp(args) => {
            beside_peers(tftp_arguments(args), args.only.as_deref(), args.json)
        }
    }
}

/// The driver belongs to the tests, which know namespaces and daemons. It becomes this process: Ctrl-C
/// is its own to clean up after.
fn beside_peers(mut arguments: Vec<String>, only: Option<&str>, json: bool) -> Result<()> {
    setup::ensure(Group::Everything)?;
    if let Some(name) = only {
        arguments.extend(["--only".to_owned(), name.to_owned()]);
    }
    if json {
        arguments.push("--json".to_owned());
    }
    let daemon = cargo::executable(&["build", "--release", "-p", "netboot-userspace"], "netboot")?;
    let driver = ["build", "--release", "-p", "netboot-tests", "--bin", "bench"];
    let mut command = Command::new(cargo::executable(&driver, "bench")?);
    command.args(arguments).env("NETBOOT_BIN", daemon);
    shell::exec(&mut shell::as_root(command)?)
}

fn perfdhcp_arguments(args: &Perfdhcp) -> Vec<String> {
    let Perfdhcp { rate, seconds, machines, generators, .. } = args;
    vec![
        "perfdhcp".to_owned(),
        format!("--rate={rate}"),
        format!("--seconds={seconds}"),
        format!("--machines={machines}"),
        format!("--generators={generators}"),
    ]
}

fn tftp_arguments(args: &Tftp) -> Vec<String> {
    let Tftp { clients, size, rounds, .. } = args;
    vec![
        "tftp".to_owned(),
        format!("--clients={clients}"),
        format!("--size={size}"),
        format!("--rounds={rounds}"),
    ]
}
