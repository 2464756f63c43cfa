//! The interface goes, and comes back.

use anyhow::Result;
use serde_json::Value;

use super::scene::{DEADLINE, Scene};
use crate::{lab::INTERFACE, wait::wait_closely};

/// How long the load is whose requests nobody can answer.
const DOWN: u32 = 2;

pub(super) fn down(scene: &mut Scene) -> Result<()> {
    scene.wire.server.ip(&["link", "set", INTERFACE, "down"])?;
    scene.could_not = scene.start_load_unheard(DOWN)?.finish()?;
    scene.wire.server.ip(&["link", "set", INTERFACE, "up"])?;
    scene.strikes();
    wait_for_carrier(scene)
}

pub(super) fn removed(scene: &mut Scene) -> Result<()> {
    scene.wire.cut()?;
    scene.could_not = scene.start_load_unheard(DOWN)?.finish()?;
    scene.wire.mend()?;
    scene.strikes();
    wait_for_carrier(scene)
}

/// Linux takes a moment to send on a cable that is back.
fn wait_for_carrier(scene: &Scene) -> Result<()> {
    wait_closely("the carrier", DEADLINE, || {
        for namespace in [&scene.wire.client, &scene.wire.server] {
            let links = namespace.ip(&["-json", "link", "show", INTERFACE])?;
            let links: Value = serde_json::from_str(&links)?;
            if links[0]["operstate"] != "UP" {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}
