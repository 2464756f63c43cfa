//! The switch of all tables while machines ask: each is answered, from the one or the other.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use anyhow::{Context as _, anyhow, ensure};
use netboot_ebpf::shared::Deadlines;

use super::{
    trial::Trial,
    variants::{other, same, tables},
};

const TIMES: usize = 4;

/// What was seen from outside.
#[derive(Default)]
struct Seen {
    programs: BTreeSet<u32>,
    answers: BTreeSet<Vec<u8>>,
}

pub(super) fn is_atomic(trial: &Trial) -> anyhow::Result<()> {
    let (mut resident, _) = trial.begin(same)?;
    let both = [tables(other)?, tables(same)?];
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let watch = scope.spawn(|| watch(trial, &done));
        let mut times = both.iter().cycle().take(TIMES);
        let replaced = times.try_for_each(|tables| {
            resident.replace(tables, &Deadlines::NEVER, &|copy| trial.stands(tables, copy))
        });
        done.store(true, Relaxed);
        let seen = watch.join().map_err(|_| anyhow!("the watch panicked"))?;
        replaced.and(seen)
    })?;
    ensure!(seen.programs.len() > 1, "the attached program stayed the same");
    let wanted = both.iter().map(|tables| trial.answer(tables));
    let wanted = wanted.collect::<anyhow::Result<BTreeSet<_>>>()?;
    ensure!(seen.answers == wanted, "the answers are not those of both tables");
    Ok(())
}

/// Asks until all is done, and says what it saw.
fn watch(trial: &Trial, done: &AtomicBool) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    while !done.load(Relaxed) {
        let program = trial.attached()?.context("for a moment no program was attached")?;
        seen.programs.insert(program);
        seen.answers.insert(trial.wire.ask(trial.request()?)?);
    }
    Ok(seen)
}
