//! Parallel TFTP transfers over a loopback interface, from netboot and its peers, in turns.

mod client;
mod cores;
mod crowd;
mod measured;
mod packets;
pub(crate) mod power_on;
mod report;
mod row;
mod servers;

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::interrupt;
use serde_json::{Value, json};

use self::{
    measured::{Measured, Round},
    power_on::{Room, Visited},
    row::Row,
    servers::{Kind, Server},
};
use crate::usage;

/// The name of the file under the server's root.
pub(crate) const FILE: &str = "file";
/// A block that fills an Ethernet frame, with room for a VLAN tag.
const FULL_BLOCK: u16 = 1468;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Transfers at the same time: a list
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=900))]
    clients: Vec<u16>,
    /// Window sizes to ask for: a list
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    window: Vec<u16>,
    /// Block sizes to ask for: a list
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(8..=1468))]
    block_size: Vec<u16>,
    /// Size of the file for blocks of 1468 bytes: a number, or one with K or M
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

pub(crate) fn command(args: &Args) -> Result<()> {
    let mut header = match args.power_on {
        Some(machines) => format!("tftp: {machines} machines at once, {} KiB", args.size >> 10),
        None => format!(
            "tftp: a file of {} KiB, less for smaller blocks, median of {} rounds",
            args.size >> 10,
            args.rounds
        ),
    };
    write!(header, "; loopback; {}", usage::machine())?;
    eprintln!("{header}");
    // Bytes that are others in every block.
    let file: Vec<u8> = (0..args.size).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect();
    let rows = args.rows();
    let servers = start(args.only.as_deref(), &file, &rows)?;
    if let Some(machines) = args.power_on {
        let rooms = servers.iter().map(|server| switch_on(server, machines, &file));
        let rooms = rooms.collect::<Result<Vec<_>>>()?;
        if args.json {
            let rooms: Vec<Value> = rooms.iter().map(Visited::json).collect();
            println!("{}", json!({ "setting": header, "rooms": rooms }));
        } else {
            print!("{}", Visited::summary(&rooms));
        }
        return Ok(());
    }
    let mut results = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let at = format!("row {}/{}", number + 1, rows.len());
        results.push(measure(&at, &servers, row, &file, args.rounds)?);
    }
    if args.json {
        let rows: Vec<Value> = results.iter().map(|row| report::json(row)).collect();
        println!("{}", json!({ "setting": header, "rows": rows }));
    } else {
        print!("{}", report::summary(&results));
    }
    Ok(())
}

impl Args {
    /// Those of one block size together, since that is how they are read.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for &block_size in &self.block_size {
            for &clients in &self.clients {
                let of_window = |&window| Row { clients, window, block_size };
                rows.extend(self.window.iter().map(of_window));
            }
        }
        rows
    }
}

fn start(only: Option<&str>, file: &[u8], rows: &[Row]) -> Result<Vec<Server>> {
    let wanted = |kind: &Kind| only.is_none_or(|name| kind.name().contains(name));
    let mut servers = Vec::new();
    for kind in Kind::ALL.into_iter().filter(wanted) {
        match kind.start(file, rows) {
            Ok(server) => servers.push(server),
            Err(error) => {
                interrupt::check()?;
                eprintln!("{} is left out: {error:#}", kind.name());
            }
        }
    }
    ensure!(!servers.is_empty(), "no server could be started");
    Ok(servers)
}

fn switch_on(server: &Server, machines: u16, file: &[u8]) -> Result<Visited> {
    let before = server.cpu()?;
    let room = Room::switch_on(server.namespace(), machines, file)?;
    let visited = Visited {
        name: server.kind().name(),
        room,
        server_cpu: used(before, server.cpu()?),
        memory: server.memory()?,
    };
    eprintln!("{}: {}", visited.name, visited.line());
    Ok(visited)
}

/// The servers take turns: what else the machine does is then in every server's rounds.
fn measure(
    at: &str,
    servers: &[Server],
    row: &Row,
    file: &[u8],
    rounds: u8,
) -> Result<Vec<Measured>> {
    let of_server = |server: &Server| Measured { kind: server.kind(), row: *row, rounds: vec![] };
    let mut row_of_all: Vec<Measured> = servers.iter().map(of_server).collect();
    for round in 1..=rounds {
        for (server, measured) in servers.iter().zip(&mut row_of_all) {
            let name = server.kind().name();
            let before = server.cpu()?;
            row.cores().give(server.id())?;
            let outcome = server.namespace().enter(|| row.run(file))?;
            let after = server.cpu().with_context(|| format!("{name} ended"))?;
            let round_of_it = Round { outcome, server_cpu: used(before, after) };
            eprintln!(
                "{at}, round {round}/{rounds}: {} clients, window {}, blksize {}: {name}: {}",
                row.clients,
                row.window,
                row.block_size,
                round_of_it.line()
            );
            measured.rounds.push(round_of_it);
        }
    }
    Ok(row_of_all)
}

fn used(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    Some(after?.saturating_sub(before?))
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
