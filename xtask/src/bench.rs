//! `cargo xtask bench`: what netboot costs, and what it does beside its peers in the same run.

mod dhcp;
mod hosts;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

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
    /// Attacks of the kinds that were found, and what is left of them
    Attacks(Attacks),
    /// Machines from power-on to their script, with and without the wait for an IPv6 router
    Boot(Boot),
    /// What the XDP program costs a frame, beside an empty program
    Dhcp(dhcp::Args),
    /// DHCP exchanges at a rate: netboot, dnsmasq, Kea and ISC dhcpd
    Perfdhcp(Perfdhcp),
    /// Faults under load: exchanges lost, and the time until all is served again
    Faults(Faults),
    /// Reading inventories, and putting changes of them in service
    Hosts(hosts::Args),
    /// Which machines boot through which DHCP server: dnsmasq, Kea and ISC dhcpd as `netboot export` has them
    Matrix(Matrix),
    /// What maps and daemon take for 10, 10,000 and 1,000,000 reservations
    Memory(Memory),
    /// Renewals of busybox's client, on the same kernel and in a virtual machine: taken at once, or sent again
    Renewals(Renewals),
    /// Parallel TFTP transfers: netboot, dnsmasq, tftpd-hpa and atftpd
    Tftp(Tftp),
}

/// `NETBOOT_BIN` is attacked, or what is built here.
#[derive(clap::Args)]
struct Attacks {
    /// Attack this netboot too: the build before
    #[arg(long, value_name = "BINARY")]
    against: Option<PathBuf>,
    /// Only the attacks whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Boot {
    /// Only the ways whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
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
struct Faults {
    /// Exchanges (DISCOVER, OFFER, REQUEST, ACK) offered a second
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Reservations; each machine asks again and again
    #[arg(long, default_value_t = 10_000)]
    machines: u32,
    /// Hostile frames of the flood
    #[arg(long, default_value_t = 1_000_000)]
    hostile: u64,
    /// Only the faults whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Matrix {
    /// Only the services whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Memory {
    /// Only this number of reservations
    #[arg(long, value_name = "NUMBER")]
    only: Option<u32>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Renewals {
    /// Renewals of each client; each takes some 15 s
    #[arg(long, default_value_t = 10)]
    renewals: usize,
    /// Only the clients whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Tftp {
    /// Clients at the same time: a row of the table for each of this list
    #[arg(long, default_value = "1,32,400", value_name = "LIST")]
    clients: String,
    /// Window sizes that they ask for
    #[arg(long, default_value = "1,4,16", value_name = "LIST")]
    window: String,
    /// Block sizes that they ask for
    #[arg(long, default_value = "512,1468", value_name = "LIST")]
    block_size: String,
    /// Size of the file for blocks of 1468 bytes: a number, or one with K or M. For others it is of as many blocks
    #[arg(long, default_value = "1M")]
    size: String,
    /// The median of as many rounds counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Switch on so many UEFI machines at once, instead: each asks for the size, and then for the file
    #[arg(long, value_name = "MACHINES")]
    power_on: Option<u32>,
    /// Only the servers whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    match &args.benchmark {
        Benchmark::Attacks(args) => attacks(args),
        Benchmark::Boot(args) => {
            on_real_parts(vec!["boot".to_owned()], args.only.as_deref(), args.json)
        }
        Benchmark::Dhcp(args) => {
            setup::ensure(Group::Build)?;
            dhcp::command(args)
        }
        Benchmark::Hosts(args) => {
            hosts::command(args)?;
            on_real_parts(vec!["reload".to_owned()], None, args.json)
        }
        Benchmark::Faults(args) => {
            setup::ensure(Group::Everything)?;
            let [daemon, other] = cargo::daemons(&["--release"])?;
            let arguments = with_common(faults_arguments(args), args.only.as_deref(), args.json);
            run_driver(&arguments, &[("NETBOOT_BIN", &daemon), ("NETBOOT_OTHER_BIN", &other)])
        }
        Benchmark::Matrix(args) => {
            on_real_parts(vec!["matrix".to_owned()], args.only.as_deref(), args.json)
        }
        Benchmark::Memory(args) => {
            let only = args.only.map(|number| number.to_string());
            on_real_parts(vec!["memory".to_owned()], only.as_deref(), args.json)
        }
        Benchmark::Perfdhcp(args) => {
            on_real_parts(perfdhcp_arguments(args), args.only.as_deref(), args.json)
        }
        Benchmark::Renewals(args) => {
            let arguments = vec!["renewals".to_owned(), format!("--renewals={}", args.renewals)];
            on_real_parts(arguments, args.only.as_deref(), args.json)
        }
        Benchmark::Tftp(args) => {
            on_real_parts(tftp_arguments(args), args.only.as_deref(), args.json)
        }
    }
}

fn attacks(args: &Attacks) -> Result<()> {
    setup::ensure(Group::Everything)?;
    let daemon = match env::var_os("NETBOOT_BIN") {
        Some(path) => absolute(Path::new(&path))?,
        None => released_daemon()?,
    };
    let other = args.against.as_deref().map(absolute).transpose()?;
    let mut arguments = vec!["attacks".to_owned()];
    arguments.extend(other.iter().map(|_| "--against".to_owned()));
    let arguments = with_common(arguments, args.only.as_deref(), args.json);
    let mut daemons = vec![("NETBOOT_BIN", daemon.as_path())];
    daemons.extend(other.as_deref().map(|path| ("NETBOOT_OTHER_BIN", path)));
    run_driver(&arguments, &daemons)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("no netboot at {}", path.display()))
}

fn released_daemon() -> Result<PathBuf> {
    cargo::executable(&["build", "--release", "-p", "netboot-userspace"], "netboot")
}

fn on_real_parts(arguments: Vec<String>, only: Option<&str>, json: bool) -> Result<()> {
    setup::ensure(Group::Everything)?;
    let daemon = released_daemon()?;
    run_driver(&with_common(arguments, only, json), &[("NETBOOT_BIN", &daemon)])
}

/// The driver belongs to the tests, which know namespaces and daemons. It becomes this process: Ctrl-C
/// is its own to clean up after.
fn run_driver(arguments: &[String], daemons: &[(&str, &Path)]) -> Result<()> {
    let driver = ["build", "--release", "-p", "netboot-tests", "--bin", "bench"];
    let mut command = Command::new(cargo::executable(&driver, "bench")?);
    command.args(arguments).envs(daemons.iter().copied());
    shell::exec(&mut shell::as_root(command)?)
}

fn with_common(mut arguments: Vec<String>, only: Option<&str>, json: bool) -> Vec<String> {
    arguments.extend(only.into_iter().flat_map(|name| ["--only".to_owned(), name.to_owned()]));
    if json {
        arguments.push("--json".to_owned());
    }
    arguments
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

fn faults_arguments(args: &Faults) -> Vec<String> {
    let Faults { rate, machines, hostile, .. } = args;
    vec![
        "faults".to_owned(),
        format!("--rate={rate}"),
        format!("--machines={machines}"),
        format!("--hostile={hostile}"),
    ]
}

fn tftp_arguments(args: &Tftp) -> Vec<String> {
    let Tftp { clients, window, block_size, size, rounds, power_on, .. } = args;
    let always = [
        "tftp".to_owned(),
        format!("--clients={clients}"),
        format!("--window={window}"),
        format!("--block-size={block_size}"),
        format!("--size={size}"),
        format!("--rounds={rounds}"),
    ];
    always.into_iter().chain(power_on.map(|machines| format!("--power-on={machines}"))).collect()
}
