//! Reads a configuration, and reads it again for each line of the input: the seconds that it took, and
//! what changed. `cargo xtask bench hosts` measures by it.

use std::{env, io, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use netboot_site::config::{Change, Reloader};

fn main() -> Result<()> {
    let path: PathBuf = env::args_os().nth(1).context("name the configuration file")?.into();
    let begin = Instant::now();
    let (mut reloader, loaded) = Reloader::open(&path)?;
    println!("{:.6} {} hosts", begin.elapsed().as_secs_f64(), loaded.config.hosts.len());
    for line in io::stdin().lines() {
        line?;
        let begin = Instant::now();
        let change = reloader.reload()?;
        let seconds = begin.elapsed().as_secs_f64();
        match change {
            Change::Nothing => println!("{seconds:.6} nothing"),
            Change::Hosts { summary, .. } | Change::Whole { summary, .. } => {
                println!("{seconds:.6} {summary}");
            }
        }
    }
    Ok(())
}
