//! Another daemon on this node: one that was killed may not have let go of everything yet.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use netboot_machines::running;
use netboot_site::model::{PinPath, Settings};

/// How long one that is ending is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
pub(super) const ASK_EVERY: Duration = Duration::from_millis(50);

/// One that holds `xdp.pin-path`, and does not end.
#[derive(Clone, Debug)]
pub(super) struct StillRunning(PinPath);

/// Waits for one that is ending. No thread may have been started yet.
///
/// # Errors
/// One runs, with the same state directory: what it has must stay its own.
pub(super) fn wait(config: &Settings) -> anyhow::Result<Option<StillRunning>> {
    let has_state_dir = || running::has_state_dir(&config.state_dir);
    let holds_pins = || running::holds_pins(&config.xdp.pin_path);
    if has_state_dir() || holds_pins() {
        tracing::warn!(
            "another netboot is running here: waiting for its end, {PATIENCE:?} at most"
        );
        let since = Instant::now();
        while (has_state_dir() || holds_pins()) && since.elapsed() < PATIENCE {
            thread::sleep(ASK_EVERY);
        }
    }
    anyhow::ensure!(
        !has_state_dir(),
        "another netboot is running with state-dir {}: stop it, or give this one its own state-dir",
        config.state_dir.display()
    );
    Ok(holds_pins().then(|| StillRunning(config.xdp.pin_path.clone())))
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "another netboot is running here, with xdp.pin-path {}: stop it first",
            self.0.display()
        )
    }
}
