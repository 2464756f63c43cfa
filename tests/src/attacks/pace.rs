//! A rate that is kept: what was late is made up for.

use std::{
    thread,
    time::{Duration, Instant},
};

pub struct Pace {
    start: Instant,
    between: Duration,
    count: u32,
}

impl Pace {
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let between = Duration::from_secs(1) / per_second;
        Self { start: Instant::now(), between, count: 0 }
    }

    /// Returns when it is time for the next.
    pub fn wait(&mut self) {
        let due = self.between * self.count;
        self.count += 1;
        loop {
            let left = due.saturating_sub(self.start.elapsed());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}

/// The items at this rate.
pub fn paced<T>(per_second: u32, items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut pace = Pace::new(per_second);
    items.inspect(move |_| pace.wait())
}
