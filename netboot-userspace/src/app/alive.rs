//! Tells the kernel that the daemon lives: it bounds what it does without.

use std::time::{Duration, Instant};

use netboot_ebpf::shared::Deadlines;
use tokio::sync::watch;

use crate::{config::Xdp, fastpath, quarantine, throttle::Throttle};

/// Several times within the shortest `xdp.boot-files-without-daemon`.
const INTERVAL: Duration = Duration::from_secs(2);

/// Until when the kernel does what, if this daemon ends now.
pub(super) fn deadlines(xdp: &Xdp) -> Deadlines {
    let now = quarantine::now();
    let end = |length: Option<Duration>| {
        let end = length.map_or(0, |length| (now + length).as_nanos());
        u64::try_from(end).unwrap_or(0)
    };
    Deadlines {
        boot_files: end(xdp.boot_files_without_daemon),
        answers: end(xdp.answers_without_daemon),
    }
}

/// Goes on for as long as there is somebody to say how; `None`: nothing in the kernel is ours. It is a task of
/// its own, since a change of the configuration may take long.
pub(super) async fn tell(mut xdp: watch::Receiver<Option<Xdp>>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut failures = Throttle::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = xdp.changed() => if changed.is_err() {
                return;
            }
        }
        let Some(xdp) = xdp.borrow_and_update().clone() else { continue };
        if let Err(error) = fastpath::put_off(&xdp.pin_path, &deadlines(&xdp))
            && failures.ready(Instant::now())
        {
            tracing::error!("the kernel is not told that the daemon lives: {error:#}");
        }
    }
}
