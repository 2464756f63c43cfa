//! The time of a reload: the example reads a configuration, and reads it again for each line of the input, and
//! prints the seconds that it took, and what changed. `cargo xtask bench hosts` measures by it.

use std::{env, io, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use netboot_site::{config::Sources, model::State};

fn main() -> Result<()> {
    let path: PathBuf = env::args_os().nth(1).context("name the configuration file")?.into();
    let begin = Instant::now();
    let (mut sources, loaded) = Sources::open(&path)?;
    println!("{:.6} {} hosts", begin.elapsed().as_secs_f64(), loaded.config.hosts.len());
    let mut state = State::new(loaded.config);
    for line in io::stdin().lines() {
        line?;
        let begin = Instant::now();
        let proposal = sources.reload(&state)?;
        state.apply(&proposal.difference);
        sources.take_over();
        let seconds = begin.elapsed().as_secs_f64();
        match proposal.difference.is_empty() {
            true => println!("{seconds:.6} nothing"),
            false => println!("{seconds:.6} {}", proposal.difference.summary()),
        }
    }
    Ok(())
}
