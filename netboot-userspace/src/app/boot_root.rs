//! Looks whether `boot.root` can be read: a disk may be unmounted, or not be there yet.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::health::{Standing, State};
use crate::files::Files;

const EVERY: Duration = Duration::from_secs(1);
/// For a file server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells how it is until it is cancelled.
pub(super) async fn watch(files: Files, standing: Standing, cancel: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let trouble = tokio::select! {
            () = cancel.cancelled() => return,
            trouble = look(files.clone()) => trouble,
        };
        if trouble == before {
            continue;
        }
        match &trouble {
            Some(why) => {
                tracing::warn!("boot.root: {why}: machines get no files until it is there")
            }
            None => tracing::info!("boot.root: {} can be read", files.root().display()),
        }
        standing.tell(trouble.clone().map_or(State::Up, State::Degraded));
        before = trouble;
    }
}

async fn look(files: Files) -> Option<String> {
    let root = files.root();
    let check = tokio::task::spawn_blocking(move || files.check());
    match timeout(PATIENCE, check).await {
        Ok(Ok(Ok(()))) | Ok(Err(_)) => None,
        Ok(Ok(Err(error))) => Some(error.to_string()),
        Err(_elapsed) => Some(format!("{} does not answer", root.display())),
    }
}
