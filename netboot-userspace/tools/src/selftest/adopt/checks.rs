//! Checks of what the next daemon makes of what one left.

use std::{fs, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use netboot_answer::kernel::{self, Takeover};
use netboot_base::clock;
use netboot_ebpf::shared::Deadlines;

use super::{
    switch,
    trial::Trial,
    variants::{self, DECLINES, STEPS, other, same, swapped, tables},
};

/// A check begins with nothing, and may leave anything.
type Check = fn(&Trial) -> anyhow::Result<()>;

/// What becomes of the pins between two daemons.
type Event = fn(&Trial) -> anyhow::Result<()>;

pub(super) const CHECKS: [(&str, Check); 9] = [
    ("started, and removed", removed),
    ("adopted, one host at a time", adopted),
    ("addresses held back stay so", held_back),
    ("replaced for other settings", replaced),
    ("replaced under way, none lost", switch::is_atomic),
    ("a refused program changes nothing", refused),
    ("a half-done switch heals", half_done),
    ("maps of another layout replaced", other_layout),
    ("counters of another size kept", other_counters),
];

fn removed(trial: &Trial) -> anyhow::Result<()> {
    let (resident, _) = trial.begin(same)?;
    ensure!(trial.attached()?.is_some(), "no program is attached");
    resident.remove()?;
    trial.is_clear()
}

fn adopted(trial: &Trial) -> anyhow::Result<()> {
    let (mut resident, mut tables) = trial.begin(same)?;
    for (variant, difference) in STEPS {
        let left = trial.kill(resident, &tables)?;
        tables = variants::tables(variant)?;
        let start;
        (resident, start) = trial.again(&left, &tables)?;
        let Takeover::Adopted { interfaces: 1, patch } = &start else {
            bail!("not adopted ({difference}): {start:?}");
        };
        ensure!(patch.to_string() == difference, "{patch} instead of {difference}");
    }
    Ok(())
}

/// Also where all is replaced, a switch was under way, or another machine has the address.
fn held_back(trial: &Trial) -> anyhow::Result<()> {
    let (mut resident, mut tables) = trial.begin(same)?;
    let now = clock::since_boot();
    resident.hold(DECLINES, now + Duration::from_secs(3600))?;
    let own = tables.reservations.get(&DECLINES).context("the machine's reservation")?;
    let address = Ipv4Addr::from(own.address);
    let nothing: Event = |_| Ok(());
    let between: [(variants::Variant, Event); 6] = [
        (same, nothing),
        (other, nothing),
        (other, begun),
        (same, moved),
        (swapped, nothing),
        (swapped, begun),
    ];
    for (variant, happens) in between {
        let left = trial.kill(resident, &tables)?;
        happens(trial)?;
        tables = variants::tables(variant)?;
        (resident, _) = trial.again(&left, &tables)?;
        ensure!(tables.quarantine.is_held(address, now), "the daemon does not know of it");
        let pinned = kernel::held_back(trial.directory())?;
        let pinned: Vec<_> = pinned.iter().map(|held| held.address).collect();
        ensure!(pinned == [address], "the kernel holds {pinned:?} back, not {address}");
    }
    Ok(())
}

fn replaced(trial: &Trial) -> anyhow::Result<()> {
    after(trial, same, |_| Ok(()))
}

fn half_done(trial: &Trial) -> anyhow::Result<()> {
    after(trial, other, begun)?;
    trial.clear()?;
    after(trial, other, |trial| move_to_next(trial, &["SUBNETS"]))
}

/// A daemon dies at the beginning of a switch.
fn begun(trial: &Trial) -> anyhow::Result<()> {
    move_to_next(trial, &[])
}

/// The daemon dies when the next tables are in service, but not yet at their place.
fn moved(trial: &Trial) -> anyhow::Result<()> {
    move_to_next(trial, &["RESERVATIONS", "SETTINGS"])
}

fn move_to_next(trial: &Trial, maps: &[&str]) -> anyhow::Result<()> {
    let next = trial.directory().join("next");
    fs::create_dir(&next)?;
    Ok(maps.iter().try_for_each(|map| fs::rename(trial.directory().join(map), next.join(map)))?)
}

fn other_counters(trial: &Trial) -> anyhow::Result<()> {
    after(trial, other, |trial| kernel::enlarge_counters(trial.directory()))
}

/// What the next daemon replaces as a whole: something `happens` meanwhile.
fn after(
    trial: &Trial,
    variant: variants::Variant,
    happens: impl Fn(&Trial) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (resident, before) = trial.begin(variant)?;
    let left = trial.kill(resident, &before)?;
    happens(trial)?;
    let (_, start) = trial.again(&left, &tables(other)?)?;
    ensure!(start == Takeover::Replaced { interfaces: 1 }, "{start:?}");
    Ok(())
}

fn other_layout(trial: &Trial) -> anyhow::Result<()> {
    let (mut resident, tables) = trial.begin(same)?;
    let mut foreign = tables.clone();
    foreign.settings.layout ^= 1;
    resident.replace(&foreign, &Deadlines::NEVER, &|copy| trial.stands(&foreign, copy))?;
    let left = trial.kill(resident, &tables)?;
    let (_, start) = trial.again(&left, &tables)?;
    ensure!(start == Takeover::Replaced { interfaces: 1 }, "{start:?}");
    Ok(())
}

fn refused(trial: &Trial) -> anyhow::Result<()> {
    let (mut resident, before) = trial.begin(same)?;
    let program = trial.attached()?;
    let refused = resident.replace(&tables(other)?, &Deadlines::NEVER, &|_| bail!("not this one"));
    ensure!(refused.is_err(), "it is in service all the same");
    ensure!(trial.attached()? == program, "the attached program is another one");
    trial.serves(&mut resident, &before)?;
    let left = trial.kill(resident, &before)?;
    let (_, start) = trial.again(&left, &before)?;
    ensure!(matches!(start, Takeover::Adopted { interfaces: 1, .. }), "{start:?}");
    Ok(())
}
