//! Parallel TFTP transfers over a loopback interface, from netboot and its peers, in turns.

mod client;
pub(crate) mod power_on;
mod report;
mod servers;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::interrupt;
use serde_json::Value;

use self::{
    client::{Fetched, Storm},
    power_on::Room,
    servers::{Kind, Server},
};
use crate::usage;

/// A window of one block is what most firmware asks for; EDK2 asks for 4, and 8 shows the trend.
const WINDOWS: [u16; 2] = [1, 8];
/// The name of the file under the server's root.
pub(crate) const FILE: &str = "file";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Transfers at the same time
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=900))]
    clients: u16,
    /// Size of the file: a number, or one with K or M
    #[arg(long, value_parser = size)]
    size: usize,
    /// The median of as many rounds counts
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Only the servers whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Switch on so many UEFI machines at once, instead
    #[arg(long, value_name = "MACHINES", value_parser = clap::value_parser!(u16).range(1..=20_000))]
    power_on: Option<u16>,
    #[arg(long)]
    json: bool,
}

/// One server at one window.
struct Run {
    kind: Kind,
    window: u16,
    rounds: Vec<Round>,
}

struct Round {
    fetched: Fetched,
    server_cpu: Duration,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!(
        "tftp: {} clients at once, {} KiB each, blksize {}, loopback, median of {} rounds; {}",
        args.clients,
        args.size >> 10,
        client::BLKSIZE,
        args.rounds,
        usage::machine()
    );
    eprintln!("{header}");
    // Bytes that are others in every block.
    let file: Arc<[u8]> = (0..args.size).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect();
    let wanted = |kind: &Kind| args.only.as_ref().is_none_or(|name| kind.name().contains(name));
    let mut servers = Vec::new();
    for kind in Kind::ALL.into_iter().filter(wanted) {
        match kind.start(&file) {
            Ok(server) => servers.push(server),
            Err(error) => {
                interrupt::check()?;
                eprintln!("{} is left out: {error:#}", kind.name());
            }
        }
    }
    ensure!(!servers.is_empty(), "no server could be started");
    if let Some(machines) = args.power_on {
        let rooms = servers.iter().map(|server| {
            let at = (server.namespace(), server.id());
            Room::switch_on(server.kind().name(), at, machines, &file)
        });
        let rooms = rooms.collect::<Result<Vec<_>>>()?;
        if args.json {
            let rooms: Vec<Value> = rooms.iter().map(Room::json).collect();
            println!("{}", serde_json::json!({ "setting": header, "rooms": rooms }));
        } else {
            print!("{}", Room::summary(&rooms));
        }
        return Ok(());
    }
    let mut runs = Vec::new();
    for window in WINDOWS {
        let storm = Storm { clients: args.clients, window, file: Arc::clone(&file) };
        runs.extend(measure(&servers, &storm, args.rounds)?);
    }
    if args.json {
        let runs: Vec<Value> = runs.iter().map(report::json).collect();
        println!("{}", serde_json::json!({ "setting": header, "runs": runs }));
    } else {
        print!("{}", report::summary(&runs));
    }
    Ok(())
}

/// The servers take turns: what else the machine does is then in every server's rounds.
fn measure(servers: &[Server], storm: &Storm, rounds: u8) -> Result<Vec<Run>> {
    let run = |server: &Server| Run { kind: server.kind(), window: storm.window, rounds: vec![] };
    let mut runs: Vec<Run> = servers.iter().map(run).collect();
    for round in 1..=rounds {
        for (server, run) in servers.iter().zip(&mut runs) {
            let before = usage::of_process(server.id())?;
            let fetched = server.namespace().enter(|| storm.run())?;
            let after = usage::of_process(server.id())
                .with_context(|| format!("{} ended", server.kind().name()))?;
            let name = server.kind().name();
            let line = report::round(&fetched);
            eprintln!("window {}, round {round}: {name}: {line}", storm.window);
            run.rounds.push(Round { fetched, server_cpu: after.saturating_sub(before) });
        }
    }
    Ok(runs)
}

fn size(text: &str) -> Result<usize, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        _ => (text, 0),
    };
    let number: usize = digits.parse().map_err(|_| "not a size such as 512K or 1M".to_owned())?;
    match number.checked_mul(1 << shift) {
        Some(size @ 1..=0x1000_0000) => Ok(size),
        _ => Err("a size is from one byte to 256M".to_owned()),
    }
}
