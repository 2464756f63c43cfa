//! Ctrl-C ends a benchmark in order: what it changed is put back.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Takes SIGINT, SIGTERM and SIGHUP from now on. They are not blocked: programs that are started would
/// inherit that, and not end when they are asked to.
pub fn watch() -> Result<()> {
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().context("cannot wait")?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot take SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot take SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot take SIGHUP")?;
    drop(entered);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        INTERRUPTED.store(true, Relaxed);
    });
    Ok(())
}

/// An error, once there was such a signal.
pub fn check() -> Result<()> {
    ensure!(!INTERRUPTED.load(Relaxed), "interrupted");
    Ok(())
}
