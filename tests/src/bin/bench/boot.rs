//! Machines from power-on to their script, with and without the wait for an IPv6 router.

use std::time::Duration;

use anyhow::{Result, ensure};
use netboot_tests::{
    interrupt,
    machine::way::{WAYS, Way},
};
use serde_json::{Value, json};

use crate::{
    table::{row, table},
    usage,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the ways whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

struct Row {
    way: &'static Way,
    /// `boot.skip-ipv6-wait = false`
    waits: Duration,
    /// `boot.skip-ipv6-wait = true`
    skips: Duration,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!(
        "boot: QEMU without KVM, from power-on to the script's request; {}",
        usage::machine()
    );
    eprintln!("{header}");
    let wanted = |way: &&Way| args.only.as_ref().is_none_or(|name| way.name.contains(name));
    let mut rows = Vec::new();
    for way in WAYS.iter().filter(wanted) {
        eprintln!("== {}", way.name);
        let skips = way.boot(true)?;
        ensure!(skips.answered == way.ipxes, "{} solicitations were answered", skips.answered);
        interrupt::check()?;
        let waits = way.boot(false)?;
        ensure!(waits.answered == 0, "{} solicitations were answered", waits.answered);
        interrupt::check()?;
        let row = Row { way, waits: waits.script, skips: skips.script };
        eprintln!("   {}", row.said());
        rows.push(row);
    }
    ensure!(!rows.is_empty(), "no way has such a name");
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "ways": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    Ok(())
}

impl Row {
    fn said(&self) -> String {
        format!("{} s, where it waits {} s", seconds(self.skips), seconds(self.waits))
    }

    fn ratio(&self) -> f64 {
        self.waits.as_secs_f64() / self.skips.as_secs_f64()
    }

    fn json(&self) -> Value {
        json!({
            "way": self.way.name,
            "ipxes": self.way.ipxes,
            "seconds": self.skips.as_secs_f64(),
            "seconds_where_it_waits": self.waits.as_secs_f64(),
            "ratio": self.ratio(),
        })
    }
}

fn summary(rows: &[Row]) -> String {
    let mut cells = vec![row(["way", "iPXEs", "waits, s", "skips, s", "ratio"])];
    for row in rows {
        cells.push(vec![
            row.way.name.to_owned(),
            row.way.ipxes.to_string(),
            seconds(row.waits),
            seconds(row.skips),
            format!("{:.1}", row.ratio()),
        ]);
    }
    table(&cells)
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
