//! What became of a transfer.

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;
use tracing::{debug, info, warn};

use super::GIVE_UP;
use crate::machines::{Machines, Step};

/// Follows a transfer by what the library reads, and reports its end when it is dropped.
pub(super) struct Transfer {
    client: SocketAddr,
    machine: Option<Mac>,
    machines: Machines,
    file: String,
    size: u64,
    started: Instant,
    progress: Progress,
}

/// How far the library has read.
#[derive(Clone, Copy)]
struct Progress {
    /// The size of a block, by the first read; 0 before.
    block: u64,
    sent: u64,
    ended: bool,
    last_read: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Complete,
    /// The last block was not acknowledged: many clients leave without.
    CompleteUnconfirmed,
    /// Not even the first answer was acknowledged: UEFI asks for a size so.
    Unanswered,
    /// The client left, or has not been heard of for a while.
    Aborted {
        sent: u64,
        size: u64,
    },
}

impl Transfer {
    pub(super) fn new(
        client: SocketAddr,
        machine: Option<Mac>,
        machines: Machines,
        file: String,
        size: u64,
    ) -> Self {
        let started = Instant::now();
        let progress = Progress { block: 0, sent: 0, ended: false, last_read: started };
        Self { client, machine, machines, file, size, started, progress }
    }

    /// The library asked for up to `room` bytes and got `bytes`.
    pub(super) fn read(&mut self, room: usize, bytes: usize) {
        let progress = &mut self.progress;
        if progress.block == 0 {
            progress.block = room as u64;
        }
        progress.sent += bytes as u64;
        progress.ended = bytes == 0;
        progress.last_read = Instant::now();
    }

    pub(super) fn read_failed(&self, error: &std::io::Error) {
        let machine = self.machine.map(tracing::field::display);
        warn!(client = %self.client, machine, file = self.file, %error, "tftp: cannot be read");
    }
}

impl Progress {
    fn outcome(&self, size: u64, silent: Duration) -> Outcome {
        let Self { block, sent, ended, .. } = *self;
        if ended && silent < GIVE_UP {
            return Outcome::Complete;
        }
        // The next block is read when the first answer is acknowledged.
        if sent <= block {
            return Outcome::Unanswered;
        }
        if ended {
            return Outcome::CompleteUnconfirmed;
        }
        Outcome::Aborted { sent, size }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let outcome = self.progress.outcome(self.size, self.progress.last_read.elapsed());
        let client = self.client;
        let machine = self.machine.map(tracing::field::display);
        let file = &self.file;
        let bytes = self.progress.sent;
        let ms = self.progress.last_read.duration_since(self.started).as_millis();
        match outcome {
            Outcome::Complete | Outcome::CompleteUnconfirmed => {
                info!(%client, machine, file, bytes, ms, "tftp: {outcome}");
            }
            Outcome::Unanswered => {
                // The transfer that follows such a probe is over by now: it stays the machine's last step.
                debug!(%client, machine, file, "tftp: {outcome}");
                return;
            }
            Outcome::Aborted { size, .. } => {
                info!(%client, machine, file, bytes, size, ms, "tftp: {outcome}");
            }
        }
        if let Some(mac) = self.machine {
            let step = Step::Tftp { file: self.file.clone(), result: outcome.to_string() };
            self.machines.record(mac, step);
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::CompleteUnconfirmed => {
                f.write_str("complete, the last acknowledgement is missing")
            }
            Self::Unanswered => {
                f.write_str("the client asked for the size only, or cannot be reached")
            }
            Self::Aborted { sent, size } => write!(f, "aborted at {sent} of {size} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 5000;

    #[track_caller]
    fn check(sent: u64, ended: bool, silent: Duration, expect: Outcome) {
        let progress = Progress { block: 1000, sent, ended, last_read: Instant::now() };
        assert_eq!(progress.outcome(SIZE, silent), expect, "{sent} {ended} {silent:?}");
    }

    #[test]
    fn outcomes() {
        let quick = Duration::from_millis(5300);
        check(5000, true, quick, Outcome::Complete);
        check(0, true, quick, Outcome::Complete);
        check(5000, true, GIVE_UP, Outcome::CompleteUnconfirmed);
        check(1000, false, GIVE_UP, Outcome::Unanswered);
        check(500, true, GIVE_UP, Outcome::Unanswered);
        check(0, false, quick, Outcome::Unanswered);
        check(4000, false, GIVE_UP, Outcome::Aborted { sent: 4000, size: SIZE });
        check(4000, false, quick, Outcome::Aborted { sent: 4000, size: SIZE });
    }
}
