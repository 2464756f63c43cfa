//! Looks whether `boot.root` can be read, and the boot files are in it: a disk may be unmounted, or not be
//! there yet.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::health::{Standing, State};
use crate::files::Files;

const EVERY: Duration = Duration::from_secs(1);
/// For a file server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells how it is until it is cancelled.
pub(super) async fn watch(
    files: Files,
    names: Arc<BTreeSet<String>>,
    standing: Standing,
    cancel: CancellationToken,
) {
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
            trouble = look(files.clone(), Arc::clone(&names)) => trouble,
        };
        if trouble == before {
            continue;
        }
        match &trouble {
            Some(why) => {
                tracing::warn!("boot.root: {why}");
            }
            None if before.is_none() => {}
            None => tracing::info!("boot.root: {} can be read", files.root().display()),
        }
        standing.tell(trouble.clone().map_or(State::Up, |why| State::Degraded(why.into())));
        before = trouble;
    }
}

async fn look(files: Files, names: Arc<BTreeSet<String>>) -> Option<String> {
    let root = files.root();
    let check = tokio::task::spawn_blocking(move || {
        if let Err(error) = files.check() {
            return Some(format!("{error}: machines get no files until it can be read"));
        }
        let missing = names.iter().filter(|name| files.open(name.as_bytes()).is_err());
        let missing = missing.map(String::as_str).collect::<Vec<_>>().join(", ");
        let root = files.root();
        (!missing.is_empty()).then(|| {
            format!(
                "no {missing} in {}: machines that are told to load it do not boot",
                root.display()
            )
        })
    });
    match timeout(PATIENCE, check).await {
        Ok(Ok(trouble)) => trouble,
        Ok(Err(_)) => None,
        Err(_elapsed) => Some(format!("{} does not answer", root.display())),
    }
}
