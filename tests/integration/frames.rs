//! The kernel and the library give the same bytes for the same frame.

use anyhow::Result;
use netboot_answer::golden::{self, Golden};
use netboot_site::model::Config;
use netboot_tests::{
    differ::{Differ, Outcome, sites},
    mutate::{Random, mutate},
};

/// Runs the golden frames, and mutations of them; returns how many the kernel answered of how many.
fn check(config: &Config, mutations: usize, seed: u64) -> Result<(usize, usize)> {
    let mut differ = Differ::with_kernel(config)?;
    let golden = golden::frames()?;
    let mut random = Random::new(seed);
    let mutated = (0..mutations).map(|_| {
        let mut frame = golden[random.below(golden.len())].frame.clone();
        mutate(&mut random, &mut frame);
        frame
    });
    let frames = golden.iter().map(|golden| golden.frame.clone()).chain(mutated);
    let (mut answered, mut run) = (0, 0);
    for frame in frames {
        run += 1;
        answered += usize::from(differ.check(&frame)? == Outcome::Kernel);
    }
    Ok((answered, run))
}

#[test]
fn golden_frames_are_answered_alike() -> Result<()> {
    // Requests to port 4011 are not ours to answer, those of loaders are the daemon's.
    let [golden_site, ..] = sites()?;
    let (answered, run) = check(&golden_site, 0, 1)?;
    let golden = golden::frames()?;
    let is_elsewhere =
        |golden: &&Golden| golden.frame[36..38] != [0, 67] || golden.name.contains(" U-Boot.");
    let elsewhere = golden.iter().filter(is_elsewhere).count();
    assert_eq!(answered, run - elsewhere);
    Ok(())
}

#[test]
fn a_hundred_thousand_mutations_are_treated_alike() -> Result<()> {
    let [golden_site, ..] = sites()?;
    let (answered, run) = check(&golden_site, 100_000, 2)?;
    assert!(run == 100_030 && answered > 10_000, "{answered} of {run} were answered");
    Ok(())
}

#[test]
fn other_sites_are_treated_alike() -> Result<()> {
    let [_, other, mut without_netboot] = sites()?;
    let (answered, run) = check(&other, 20_000, 3)?;
    assert!(answered > 500, "{answered} of {run} were answered");

    check(&without_netboot, 10_000, 4)?;
    without_netboot.hosts.clear();
    let (answered, _) = check(&without_netboot, 10_000, 5)?;
    assert_eq!(answered, 0, "unknown machines are never answered");
    Ok(())
}
