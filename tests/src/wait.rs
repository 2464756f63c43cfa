use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);

/// Polls until there is a value, an error, or the deadline is over.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = poll()? {
            return Ok(value);
        }
        if Instant::now() > end {
            bail!("waited {deadline:?} for {what}");
        }
        thread::park_timeout(POLL);
    }
}
