//! The cores that a server and its clients may run on.

use std::fs;

use anyhow::{Context as _, Result};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// Where threads may run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cores {
    All,
    /// All on the same one.
    One,
}

impl Cores {
    /// Of the calling thread, and of those that it starts from now on.
    pub(super) fn take(self) -> Result<()> {
        let itself = Pid::from_raw(0);
        sched_setaffinity(itself, &self.set()?).context("cannot choose this thread's cores")
    }

    /// Of a process' threads, and of the threads and children that these will have.
    pub(super) fn give(self, process: u32) -> Result<()> {
        let (path, set) = (format!("/proc/{process}/task"), self.set()?);
        for entry in fs::read_dir(&path).with_context(|| format!("cannot read {path}"))? {
            let name = entry?.file_name();
            let thread = name.to_str().and_then(|name| name.parse().ok()).context("no thread")?;
            // One that has just ended is no error.
            let _ = sched_setaffinity(Pid::from_raw(thread), &set);
        }
        Ok(())
    }

    /// Of those that the calling thread has: the last, since interrupts of devices are often on the first.
    fn set(self) -> Result<CpuSet> {
        let all = sched_getaffinity(Pid::from_raw(0)).context("cannot read this thread's cores")?;
        let last = (0..CpuSet::count()).rfind(|core| all.is_set(*core).unwrap_or(false));
        match (self, last) {
            (Self::One, Some(last)) => {
                let mut one = CpuSet::new();
                one.set(last)?;
                Ok(one)
            }
            _ => Ok(all),
        }
    }
}
