//! The daemon's heartbeat in the kernel, which bounds what the kernel does without the daemon.

use std::time::{Duration, Instant};

use netboot_answer::kernel::Heartbeat;
use netboot_base::{clock, throttle::Throttle};
use netboot_ebpf::shared::Deadlines;
use netboot_site::model::Xdp;
use tokio::sync::watch;

/// Several times within the shortest `xdp.boot-files-without-daemon`.
const INTERVAL: Duration = Duration::from_secs(2);

/// Until when the kernel does what, if this daemon ends now.
pub(super) fn deadlines(xdp: &Xdp) -> Deadlines {
    let now = clock::since_boot();
    let end = |length: Option<Duration>| {
        let end = length.map_or(0, |length| (now + length).as_nanos());
        u64::try_from(end).unwrap_or(0)
    };
    Deadlines {
        boot_files: end(xdp.boot_files_without_daemon),
        answers: end(xdp.answers_without_daemon),
        daemon: end(Some(3 * INTERVAL)),
    }
}

/// The task that tells the kernel that the daemon lives.
pub(super) struct HeartbeatTask {
    xdp: watch::Sender<Option<Xdp>>,
    failure: watch::Receiver<Option<String>>,
}

impl HeartbeatTask {
    /// Starts the task, which is one of its own, since a change of the configuration may take long.
    pub(super) fn start() -> Self {
        let xdp = watch::Sender::new(None);
        let (failed, failure) = watch::channel(None);
        tokio::spawn(tell(xdp.subscribe(), failed));
        Self { xdp, failure }
    }

    /// How the task tells the kernel from now on; `None`: nothing in the kernel is ours.
    pub(super) fn set(&self, xdp: Option<Xdp>) {
        self.xdp.send_replace(xdp);
    }

    /// Why the kernel was not told last time.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }
}

async fn tell(mut xdp: watch::Receiver<Option<Xdp>>, failed: watch::Sender<Option<String>>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut failures = Throttle::default();
    let mut heartbeat = Heartbeat::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = xdp.changed() => if changed.is_err() {
                return;
            }
        }
        let told = xdp
            .borrow_and_update()
            .as_ref()
            .map_or(Ok(()), |xdp| heartbeat.put_off(&xdp.pin_path, &deadlines(xdp)));
        let failure = told
            .err()
            .map(|error| format!("the kernel is not told that the daemon lives: {error:#}"));
        if let Some(failure) = &failure
            && failures.ready(Instant::now())
        {
            tracing::error!("{failure}");
        }
        failed.send_replace(failure);
    }
}
