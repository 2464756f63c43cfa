//! The interface goes, and comes back.

use anyhow::Result;
use serde_json::Value;

use super::{
    scene::{DEADLINE, Scene},
    service::Service,
};
use crate::{
    lab::INTERFACE,
    namespace::{Namespace, connect},
    wait::wait_closely,
};

const SECOND: &str = "eth1";

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

/// The daemon serves one more interface, over which nobody asks.
pub(super) fn start_with_second(scene: &mut Scene) -> Result<()> {
    let beside = Namespace::new()?;
    connect((&scene.wire.server, SECOND), (&beside, INTERFACE))?;
    scene.wire.server.add_address(SECOND, "10.100.0.1/14")?;
    scene.how.interfaces.push(SECOND);
    scene.beside = Some(beside);
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

/// Its slow path fails, then the interface is gone.
pub(super) fn second_removed(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.wire.server.ip(&["link", "set", SECOND, "down"])?;
    scene.wait_for_log("the interface went down")?;
    scene.wire.server.ip(&["link", "delete", SECOND])?;
    scene.wait_for_log("the interface was removed")
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
