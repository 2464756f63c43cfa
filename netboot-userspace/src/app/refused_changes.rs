//! Changes that are not in force, and the log lines on them.

use std::time::Instant;

use netboot_base::throttle::Throttle;
use netboot_serve::health::Trouble;
use netboot_site::config::Problems;

use super::self_check::SelfCheckFailed;

/// Why a change is not in force: the state before is.
pub(super) struct RefusedChange {
    trouble: Trouble,
    /// The program in the kernel did not stand the self-check with it.
    failed_check: Option<String>,
}

impl RefusedChange {
    /// What was `kept` is what goes on.
    pub(super) fn of(error: &anyhow::Error, kept: &str) -> Self {
        let count = error.downcast_ref().map_or(1, Problems::total);
        let text = format!("{error:#}");
        Self {
            trouble: Trouble::of(count, format_args!("kept {kept}: {text}")),
            failed_check: error.is::<SelfCheckFailed>().then_some(text),
        }
    }

    pub(super) fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    pub(super) fn failed_check(&self) -> Option<&str> {
        self.failed_check.as_deref()
    }
}

/// What was said last: a file that is read again, as broken as it was, fills no log.
#[derive(Default)]
pub(super) struct RefusalLog {
    said: String,
    again: Throttle,
}

impl RefusalLog {
    pub(super) fn say(&mut self, kept: &str, why: &str) {
        if self.said != why {
            tracing::error!("kept {kept}: {why}");
            why.clone_into(&mut self.said);
            self.again = Throttle::default();
        } else if let Some(left_out) = self.again.admit(Instant::now()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::error!(left_out, "kept {kept}: as before, `netboot check` says why");
        }
    }
}
