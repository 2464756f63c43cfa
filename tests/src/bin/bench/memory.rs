//! What the maps and the daemon take, by the number of reservations.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{Xdp, wait_until_ready_within},
    lab::INTERFACE,
    process::{self, Process},
    wire::Wire,
};
use serde_json::{Value, json};

use crate::{
    inventory::Format,
    table::{row, table},
    usage,
};

const COUNTS: [u32; 3] = [10, 10_000, 1_000_000];
const START: Duration = Duration::from_secs(300);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this number of reservations
    #[arg(long)]
    only: Option<u32>,
    #[arg(long)]
    json: bool,
}

struct Row {
    hosts: u32,
    /// By name, in bytes.
    maps: BTreeMap<String, u64>,
    /// In KiB.
    resident: u64,
    peak: u64,
    start: Duration,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!("memory: XDP generic, inventory in CSV; {}", usage::machine());
    eprintln!("{header}");
    let counts = args.only.map_or(COUNTS.to_vec(), |count| vec![count]);
    let mut rows = Vec::new();
    for count in counts {
        eprintln!("== {count} reservations");
        let row = measure(count)?;
        eprintln!("   {}", row.said());
        rows.push(row);
    }
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "rows": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    Ok(())
}

fn measure(hosts: u32) -> Result<Row> {
    let wire = Wire::new(1)?;
    let setup = Format::Csv.setup(Xdp::Generic)?;
    Format::Csv.replace(&setup, &Format::Csv.hosts(0..hosts, "node"))?;
    let start = Instant::now();
    let mut daemon = setup.spawn(&wire.server, INTERFACE)?.quiet();
    wait_until_ready_within(&mut daemon, START)?;
    let start = start.elapsed();
    let row = Row {
        hosts,
        maps: maps(&daemon, setup.pin_path())?,
        resident: usage::resident_of_process(daemon.id())?,
        peak: usage::peak_of_process(daemon.id())?,
        start,
    };
    let output = daemon.terminate(START)?;
    ensure!(output.status.success(), "{}:\n{}", output.status, output.stderr);
    Ok(row)
}

/// The maps that the daemon holds, and those that are pinned: each once.
fn maps(daemon: &Process, pins: &Path) -> Result<BTreeMap<String, u64>> {
    let mut ids: BTreeMap<u64, ()> = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{}/fdinfo", daemon.id()))?.flatten() {
        // A descriptor that was closed meanwhile.
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        if let Some(id) = text.lines().find_map(|line| line.strip_prefix("map_id:")) {
            ids.insert(id.trim().parse()?, ());
        }
    }
    let mut maps = BTreeMap::new();
    for map in bpftool(&["map", "show"])?.as_array().context("bpftool shows no maps")? {
        let id = map["id"].as_u64().context("a map without id")?;
        let pinned = map["pinned"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if ids.contains_key(&id) || pinned.into_iter().any(|path| Path::new(path).starts_with(pins))
        {
            let name = map["name"].as_str().unwrap_or("?").to_owned();
            *maps.entry(name).or_default() +=
                map["bytes_memlock"].as_u64().context("a map without bytes_memlock")?;
        }
    }
    ensure!(!maps.is_empty(), "the daemon has no maps");
    Ok(maps)
}

/// With the pins' paths.
fn bpftool(arguments: &[&str]) -> Result<Value> {
    let mut command = std::process::Command::new("bpftool");
    command.args(["--json", "--bpffs"]).args(arguments);
    let text = process::run(command, Duration::from_secs(60))?;
    serde_json::from_str(&text).with_context(|| format!("bpftool: {text}"))
}

impl Row {
    fn all_maps(&self) -> u64 {
        self.maps.values().sum()
    }

    fn said(&self) -> String {
        let mut maps: Vec<_> = self.maps.iter().collect();
        maps.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
        let maps: Vec<_> =
            maps.iter().map(|(name, bytes)| format!("{name} {}", mib(**bytes))).collect();
        format!(
            "started in {:.1} s; daemon {}, at most {}; maps: {}",
            self.start.as_secs_f64(),
            mib(self.resident << 10),
            mib(self.peak << 10),
            maps.join(", ")
        )
    }

    fn json(&self) -> Value {
        json!({
            "reservations": self.hosts,
            "maps_bytes": self.all_maps(),
            "maps": self.maps,
            "daemon_resident_bytes": self.resident << 10,
            "daemon_peak_bytes": self.peak << 10,
            "start_seconds": self.start.as_secs_f64(),
        })
    }
}

fn summary(rows: &[Row]) -> String {
    let mut cells = vec![row(["reservations", "maps", "daemon", "daemon at most", "start"])];
    for row in rows {
        cells.push(vec![
            row.hosts.to_string(),
            mib(row.all_maps()),
            mib(row.resident << 10),
            mib(row.peak << 10),
            format!("{:.1} s", row.start.as_secs_f64()),
        ]);
    }
    table(&cells)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
