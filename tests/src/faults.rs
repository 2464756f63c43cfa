//! Faults while machines boot: what is lost, and how long until all is served again.

mod clock;
mod deaths;
mod disks;
mod flood;
mod links;
mod list;
mod machine;
mod memory_group;
mod mount;
mod ports;
mod reloads;
mod scene;
mod service;
mod site;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

pub use self::list::{FAULTS, MACHINE_BESIDE_FLOOD};
use self::scene::Scene;
use crate::{
    daemon::Xdp,
    load::{Exchanges, Load},
    wire::Wire,
};

/// Something that goes wrong, or that an operator does.
pub struct Fault {
    /// For the command line.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    cable: Cable,
    schedule: Schedule,
    /// Starts the daemon.
    prepare: fn(&mut Scene) -> Result<()>,
    /// Until the operator, or whoever watches over the daemon, has done what is theirs.
    strike: fn(&mut Scene) -> Result<()>,
    /// Once all is served again.
    check: fn(&mut Scene) -> Result<()>,
}

#[derive(Clone, Copy)]
enum Cable {
    Direct,
    /// The client's addresses outlive its interface.
    Bridged,
}

/// When load is offered whose losses count.
#[derive(Clone, Copy)]
enum Schedule {
    /// For so many seconds, from before the fault until after it.
    Throughout(u32),
    /// Before the fault, and from when it is mended.
    Around,
    /// Before the fault, and from when all is served again.
    Apart,
}

/// How much is offered.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub xdp: Xdp,
    /// Exchanges a second.
    pub rate: u32,
    /// Reservations, each machine asking again and again.
    pub machines: u32,
    /// perfdhcp's processes.
    pub generators: u8,
    /// Reservations that a growing inventory has in the end.
    pub grown: u32,
    /// Hostile frames.
    pub hostile: u64,
}

/// What a fault did.
#[derive(Debug)]
pub struct Outcome {
    pub exchanges: Exchanges,
    /// Offered, and not answered, while nobody could answer.
    pub could_not: u64,
    /// From the fault, or from when it was mended, until all is served.
    pub recovery: Duration,
    pub notes: Vec<String>,
    /// All was served, but not as it should be.
    pub wrong: Option<anyhow::Error>,
}

impl Scale {
    fn load(&self, seconds: u32) -> Load {
        let Self { rate, machines, generators, .. } = *self;
        Load { rate, seconds, machines, generators }
    }
}

impl Fault {
    /// The fault of this name.
    pub fn named(name: &str) -> Result<&'static Self> {
        FAULTS.iter().find(|fault| fault.name == name).with_context(|| format!("no fault {name}"))
    }

    /// Makes it happen to a daemon under load.
    pub fn run(&self, scale: &Scale) -> Result<Outcome> {
        let wire = match self.cable {
            Cable::Direct => Wire::new(scale.generators)?,
            Cable::Bridged => Wire::with_bridge(scale.generators)?,
        };
        let mut scene = Scene::new(wire, *scale)?;
        let happened = self.happen(&mut scene);
        let (exchanges, recovery) = happened.with_context(|| scene.end_of_log())?;
        let checked = (self.check)(&mut scene).with_context(|| scene.end_of_log());
        let could_not = scene.could_not.lost();
        let notes = std::mem::take(&mut scene.notes);
        let wrong = checked.and_then(|()| scene.close()).err();
        Ok(Outcome { exchanges, could_not, recovery, notes, wrong })
    }

    /// What was exchanged, and the time until all is served.
    fn happen(&self, scene: &mut Scene) -> Result<(Exchanges, Duration)> {
        const BEFORE: u32 = 2;
        const AFTER: u32 = 4;
        (self.prepare)(scene)?;
        match self.schedule {
            Schedule::Throughout(seconds) => {
                let mut load = scene.start_load(seconds)?;
                (self.strike)(scene)?;
                let recovery = scene.recover()?;
                ensure!(load.is_running()?, "the load ended before all was served: {recovery:?}");
                Ok((load.finish()?, recovery))
            }
            Schedule::Around => {
                let before = scene.run_load(BEFORE)?;
                (self.strike)(scene)?;
                let load = scene.start_load_unheard(AFTER)?;
                let recovery = scene.recover()?;
                Ok((before.and(load.finish()?), recovery))
            }
            Schedule::Apart => {
                let before = scene.run_load(BEFORE)?;
                (self.strike)(scene)?;
                let recovery = scene.recover()?;
                Ok((before.and(scene.run_load(AFTER)?), recovery))
            }
        }
    }
}
