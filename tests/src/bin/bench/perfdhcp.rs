//! DHCP exchanges at a rate, with netboot and its peers, one after the other.

mod report;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::Count,
    interrupt,
    load::{Exchanges, Load},
    setting::Setting,
    wire::{SERVER, Wire},
};
use serde_json::Value;

use crate::{dhcp_servers::Kind, losses::Losses, usage};

/// perfdhcp does not ask for a receive buffer, and the usual one holds 10 ms of answers: it would be
/// its own losses that are measured. Only the generators' sockets are made while this is set.
pub(crate) const RECEIVE_BUFFER: u64 = 64 << 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Exchanges offered a second
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Reservations, each machine asking again and again
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    machines: u32,
    /// Processes of perfdhcp
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=16))]
    generators: u8,
    /// Only the servers whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

/// One server under load.
struct Run {
    kind: Kind,
    exchanges: Exchanges,
    losses: Losses,
    server_cpu: Duration,
    generator_cpu: Duration,
    /// What netboot answered, in the kernel and in userspace.
    answers: Option<Count>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let load = Load {
        rate: args.rate,
        seconds: args.seconds,
        machines: args.machines,
        generators: args.generators,
    };
    ensure!(load.rate >= u32::from(load.generators), "--rate is under one per generator");
    ensure!(load.machines >= u32::from(load.generators), "--machines is under one per generator");
    let header = report::header(&load);
    eprintln!("{header}");
    let mut runs = Vec::new();
    let wanted = |kind: &Kind| args.only.as_ref().is_none_or(|name| kind.name().contains(name));
    for kind in Kind::ALL.into_iter().filter(wanted) {
        eprintln!("== {}", kind.name());
        match measure(kind, &load) {
            Ok(run) => {
                eprintln!("{}", report::details(&run, &load));
                runs.push(run);
            }
            Err(error) => {
                interrupt::check()?;
                eprintln!("   left out: {error:#}");
            }
        }
    }
    if args.json {
        let runs: Vec<Value> = runs.iter().map(|run| report::json(run, &load)).collect();
        println!("{}", serde_json::json!({ "setting": header, "runs": runs }));
    } else {
        print!("{}", report::summary(&runs, &load));
    }
    ensure!(!runs.is_empty(), "no server could be measured");
    Ok(())
}

fn measure(kind: Kind, load: &Load) -> Result<Run> {
    let Wire { server, client, .. } = Wire::new(load.generators)?;
    let running = kind.start(load, &server, &client)?;
    eprintln!("   answers; offering {} exchanges/s for {} s", load.rate, load.seconds);
    let losses = Losses::read(&server, &client)?;
    let answers = running.answers(&server)?;
    let server_cpu = usage::of_process(running.id())?;
    let generator_cpu = usage::of_ended_children()?;
    let buffer = Setting::set("net/core/rmem_default", RECEIVE_BUFFER)?;
    let exchanges = load.run(&client, SERVER)?;
    drop(buffer);
    let generator_cpu = usage::of_ended_children()? - generator_cpu;
    let server_cpu =
        usage::of_process(running.id()).context("the server ended")?.saturating_sub(server_cpu);
    let answers = running.answers(&server)?.zip(answers).map(|(after, before)| Count {
        kernel: after.kernel - before.kernel,
        userspace: after.userspace - before.userspace,
    });
    let losses = Losses::read(&server, &client)?.since(losses);
    let losses = if kind.reads_packets() { losses.without_udp() } else { losses };
    Ok(Run { kind, exchanges, losses, server_cpu, generator_cpu, answers })
}
