//! What became of each transfer: one line, an event of a machine, and counters.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;
use netboot_machines::{
    channel::Teller,
    event::{self, Ended, Outcome, Text, Tftp, Transfer},
    memory::Machines,
};
use tracing::{debug, field::display, info};

use super::{
    counters::{Counters, Event},
    packet::Mode,
};
use crate::log_budget::LogBudget;

/// Where it is told what became of requests and transfers; cheap to clone.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) machines: Machines,
    pub(super) teller: Teller,
    pub(super) lines: LogBudget,
    pub(super) counters: Counters,
}

/// A transfer, as it was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client: SocketAddr,
    pub(super) machine: Option<Mac>,
    pub(super) file: Box<str>,
    pub(super) mode: Mode,
    /// In bytes, as they are sent.
    pub(super) size: u64,
    pub(super) block_size: u16,
    pub(super) window: u16,
    pub(super) asks_size: bool,
    pub(super) started: Instant,
}

/// How far it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Bytes that the client acknowledged.
    pub(super) bytes: u64,
    /// The last block that the client acknowledged.
    pub(super) block: u64,
    pub(super) resent_blocks: u64,
    pub(super) is_answered: bool,
    pub(super) took: Duration,
}

impl Reporter {
    pub(super) fn began(&self, asked: &Asked) {
        self.counters.count(Event::Begun);
        self.tell(asked.machine, &asked.file, Transfer::Asked);
    }

    pub(super) fn answered(&self, asked: &Asked) {
        self.tell(asked.machine, &asked.file, Transfer::Started);
    }

    pub(super) fn ended(&self, asked: &Asked, progress: Progress, outcome: &Outcome, now: Instant) {
        let Asked { client, machine, file, mode, size, block_size, window, asks_size, started: _ } =
            asked;
        let Progress { bytes, block, resent_blocks, is_answered, took } = progress;
        let is_probe = matches!(outcome, Outcome::Aborted(..)) && !is_answered && *asks_size;
        self.counters.add(Event::Bytes, bytes);
        self.counters.add(Event::BlocksResent, resent_blocks);
        let (machine, ms, mode) = (machine.map(display), took.as_millis(), mode.name());
        let code = match outcome {
            Outcome::Aborted(code, _) => Some(code),
            _ => None,
        };
        let outcome = if is_probe { &Outcome::SizeOnly } else { outcome };
        let event = event(outcome);
        self.counters.ended(event, took);
        let ended = Ended { outcome: outcome.clone(), bytes, size: *size, took, is_answered };
        let outcome = event.name();
        // Firmware looks at the size, leaves, and asks again: that one is the boot's step.
        let is_step = is_answered
            || !matches!(event, Event::Probe | Event::GaveWay | Event::Guessed | Event::Lost);
        let is_line = is_step || (event == Event::Lost && machine.is_some());
        if is_line && self.lines.admit(client.ip().to_canonical(), now) {
            info!(
                %client, machine, %file, mode, outcome, code, bytes, size, ms, block, block_size, window,
                resent_blocks, "tftp: {ended}"
            );
        } else {
            debug!(
                %client, machine, %file, mode, outcome, code, bytes, size, ms, block, block_size, window,
                resent_blocks, "tftp: {ended}"
            );
        }
        if is_step {
            self.tell(asked.machine, &asked.file, Transfer::Ended(ended));
        }
    }

    /// Tells how far a machine came.
    pub(super) fn tell(&self, machine: Option<Mac>, file: &str, transfer: Transfer) {
        if let Some(mac) = machine {
            self.teller.tell(event::Event::now(mac, Tftp { file: Text::of(file), transfer }));
        }
    }
}

fn event(outcome: &Outcome) -> Event {
    match outcome {
        Outcome::Complete | Outcome::Unconfirmed => Event::Complete,
        Outcome::SizeOnly => Event::Probe,
        Outcome::Aborted(..) => Event::Aborted,
        Outcome::Lost | Outcome::TooSlow => Event::Lost,
        Outcome::AskedAnew => Event::AskedAnew,
        Outcome::GaveWay => Event::GaveWay,
        Outcome::Guessed => Event::Guessed,
        Outcome::Cut => Event::Cut,
        Outcome::Unread(_) => Event::Unread,
    }
}
