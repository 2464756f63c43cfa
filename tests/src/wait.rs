use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks at a condition: a look can be a program of its own, on the cores that a booting
/// machine needs.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// Polls until there is a value, an error, or the deadline is over.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    poll_until(what, deadline, |waited| (waited / 8).clamp(SHORTEST, LONGEST), poll)
}

/// The same, polling each 20 ms, for what is measured.
pub fn wait_closely<T>(
    what: &str,
    deadline: Duration,
    poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    poll_until(what, deadline, |_waited| Duration::from_millis(20), poll)
}

/// The same without a pause, for what lasts a moment only.
pub fn catch<T>(
    what: &str,
    deadline: Duration,
    poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    poll_until(what, deadline, |_waited| Duration::ZERO, poll)
}

fn poll_until<T>(
    what: &str,
    deadline: Duration,
    pause: impl Fn(Duration) -> Duration,
    mut poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = poll()? {
            return Ok(value);
        }
        let waited = start.elapsed();
        if waited > deadline {
            bail!("waited {deadline:?} for {what}");
        }
        thread::park_timeout(pause(waited));
    }
}
