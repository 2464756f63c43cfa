//! The configuration changes.

use std::{fs, time::Instant};

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{
    scene::{DEADLINE, Scene},
    service::Service,
    site::{self, Hosts},
};
use crate::{interrupt, replace::replace, wait::wait_closely};

const MANY: u32 = 200;

pub(super) fn all(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    reload(scene, Hosts { edition: 2, ..scene.hosts })
}

/// Each as soon as the one before is confirmed.
pub(super) fn many(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    let start = Instant::now();
    for turn in 0..MANY {
        reload(scene, Hosts { edition: 1 + (turn + 1) % 2, ..scene.hosts })?;
    }
    let each = start.elapsed().as_secs_f64() * 1000.0 / f64::from(MANY);
    scene.notes.push(format!("{each:.0} ms for each reload"));
    // Not what the daemon began with.
    reload(scene, Hosts { edition: 3, ..scene.hosts })
}

pub(super) fn grow(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    reload(scene, Hosts { edition: 2, further: scene.scale.grown, ..scene.hosts })
}

/// Rewrites the inventory and says so; returns once the daemon says that it has reloaded.
fn reload(scene: &mut Scene, hosts: Hosts) -> Result<()> {
    let before = reloads(scene);
    scene.write_hosts(hosts)?;
    scene.signal(Signal::SIGHUP)?;
    wait_closely("a reload", DEADLINE, || {
        interrupt::check()?;
        Ok((reloads(scene) > before).then_some(()))
    })
}

fn reloads(scene: &Scene) -> usize {
    scene.log().lines().filter(|line| line.contains("reloaded")).count()
}

/// The last edition is what is answered.
pub(super) fn is_new(scene: &mut Scene) -> Result<()> {
    let name = scene.hosts.probe_name();
    scene.probe.wait_for_hostname(&scene.wire, &name)
}

/// First the configuration, then the inventory; at last both are right again, and new.
pub(super) fn invalid(scene: &mut Scene) -> Result<()> {
    const KEPT: &str = "kept the old configuration";
    scene.strikes();
    let config = scene.setup.path();
    let good = fs::read_to_string(&config)?;
    replace(&config, &good.replace("[[subnet]]", "[[sub net]]"))?;
    scene.wait_for_log(KEPT)?;
    scene.wait_until_served(&Service::ALL)?;
    replace(&config, &good)?;
    reload(scene, Hosts { edition: 2, ..scene.hosts })?;

    let kept = |scene: &Scene| scene.log().matches(KEPT).count();
    let before = kept(scene);
    let inventory = config.with_file_name(site::HOSTS);
    replace(&inventory, "mac,ip\nno-mac,10.99.16.0\n")?;
    wait_closely("the second refusal", DEADLINE, || Ok((kept(scene) > before).then_some(())))?;
    scene.wait_until_served(&Service::ALL)?;
    reload(scene, Hosts { edition: 3, ..scene.hosts })
}
