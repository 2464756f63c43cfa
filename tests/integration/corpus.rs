//! What the fuzz targets' corpus holds, among it all that once broke something, through their own checks.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    differ::{Differs, Outcome},
    parsers,
};

/// Runs all inputs of a target; returns what became of each.
fn replay<T>(target: &str, mut check: impl FnMut(&[u8]) -> Result<T>) -> Result<Vec<T>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    let mut outcomes = Vec::new();
    for input in inputs {
        let path = input?.path();
        outcomes.push(check(&fs::read(&path)?).with_context(|| path.display().to_string())?);
    }
    ensure!(!outcomes.is_empty(), "{} is empty", directory.display());
    Ok(outcomes)
}

fn count(outcomes: &[Outcome], wanted: Outcome) -> usize {
    outcomes.iter().filter(|outcome| **outcome == wanted).count()
}

#[test]
fn the_kernels_corpus_holds() -> Result<()> {
    let mut differs = Differs::with_kernel()?;
    let outcomes = replay("kernel", |input| differs.check(input))?;
    for wanted in [Outcome::Kernel, Outcome::Userspace, Outcome::Unanswered] {
        assert!(count(&outcomes, wanted) > 5, "the corpus has hardly a frame that is {wanted:?}");
    }
    Ok(())
}

#[test]
fn the_hosts_corpus_holds() -> Result<()> {
    let mut differs = Differs::of_host()?;
    let outcomes = replay("host", |input| differs.check(input))?;
    assert_eq!(count(&outcomes, Outcome::Kernel), 0);
    for wanted in [Outcome::Userspace, Outcome::Unanswered] {
        assert!(count(&outcomes, wanted) > 5, "the corpus has hardly a frame that is {wanted:?}");
    }
    Ok(())
}

#[test]
fn the_other_readers_corpora_hold() -> Result<()> {
    replay("syslog", parsers::syslog)?;
    replay("probe", parsers::probe)?;
    replay("router_discovery", parsers::router_discovery)?;
    replay("tftp", parsers::tftp)?;
    let tree = parsers::Tree::new()?;
    replay("files", |name| tree.open(name))?;
    Ok(())
}
