//! Waiting until a number stays as it is.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use netboot_tests::interrupt;

const PAUSE: Duration = Duration::from_millis(50);
const STILL: Duration = Duration::from_secs(1);
/// For the first change, and for all of them.
const BEGINS: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);

/// The number, once it has grown since `before` and then stayed for a second, or has not grown at all.
pub(super) fn settled(before: usize, mut number: impl FnMut() -> Result<usize>) -> Result<usize> {
    let start = Instant::now();
    let (mut last, mut since) = (before, Instant::now());
    loop {
        interrupt::check()?;
        let now = number()?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let still = if last == before { BEGINS } else { STILL };
        if since.elapsed() >= still || start.elapsed() >= LONGEST {
            return Ok(now);
        }
        thread::park_timeout(PAUSE);
    }
}
