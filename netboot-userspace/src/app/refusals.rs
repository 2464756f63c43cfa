//! Log lines on configurations that are not taken on.

use std::time::Instant;

use netboot_base::throttle::Throttle;

/// What was said last: a file that is read again, as broken as it was, fills no log.
#[derive(Default)]
pub(super) struct Refusals {
    said: String,
    again: Throttle,
}

impl Refusals {
    pub(super) fn say(&mut self, why: &str) {
        if self.said != why {
            tracing::error!("kept the old configuration: {why}");
            why.clone_into(&mut self.said);
            self.again = Throttle::default();
        } else if let Some(left_out) = self.again.admit(Instant::now()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::error!(
                left_out,
                "kept the old configuration: as before, `netboot check` says why"
            );
        }
    }
}
