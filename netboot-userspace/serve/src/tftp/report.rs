//! What became of each transfer: one line, a machine's step, and counters.

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use netboot_base::printable::printable;
use netboot_ebpf::shared::Mac;
use netboot_machines::memory::{Machines, Step};
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    /// All but the last acknowledgement.
    Unconfirmed,
    /// The client ended it: code and text.
    Aborted(u16, Box<str>),
    Lost,
    /// Too few bytes in the time that it had.
    TooSlow,
    AskedAnew,
    GaveWay,
    /// It was acknowledged to ports that were not its own.
    Guessed,
    Cut,
    Unread(String),
}

impl Outcome {
    /// The client knows that it ended.
    pub(super) fn is_by_client(&self) -> bool {
        match self {
            Self::Complete | Self::Unconfirmed | Self::Aborted(..) | Self::AskedAnew => true,
            Self::Lost
            | Self::TooSlow
            | Self::GaveWay
            | Self::Guessed
            | Self::Cut
            | Self::Unread(_) => false,
        }
    }
}

impl Reporter {
    /// Where nothing more comes, that is what the machine came to: it does not hear us, or we do not hear it.
    pub(super) fn began(&self, asked: &Asked) {
        self.counters.count(Event::Begun);
        self.step(
            asked.machine,
            &asked.file,
            "asked for; no answer to the first packet".to_owned(),
        );
    }

    pub(super) fn answered(&self, asked: &Asked) {
        self.step(asked.machine, &asked.file, "started".to_owned());
    }

    pub(super) fn ended(&self, asked: &Asked, progress: Progress, outcome: &Outcome, now: Instant) {
        let Asked { client, machine, file, mode, size, block_size, window, asks_size, started: _ } =
            asked;
        let Progress { bytes, block, resent_blocks, is_answered, took } = progress;
        let event = event(outcome, is_answered, *asks_size);
        self.counters.ended(event, took);
        self.counters.add(Event::Bytes, bytes);
        self.counters.add(Event::BlocksResent, resent_blocks);
        let (machine, ms, mode) = (machine.map(display), took.as_millis(), mode.name());
        let code = match outcome {
            Outcome::Aborted(code, _) => Some(code),
            _ => None,
        };
        let shown = Shown { outcome, event, bytes, size: *size, is_answered };
        let outcome = event.name();
        // Firmware looks at the size, leaves, and asks again: that one is the boot's step.
        let is_step = is_answered
            || !matches!(event, Event::Probe | Event::GaveWay | Event::Guessed | Event::Lost);
        let is_line = is_step || (event == Event::Lost && machine.is_some());
        if is_line && self.lines.admit(client.ip().to_canonical(), now) {
            info!(
                %client, machine, %file, mode, outcome, code, bytes, size, ms, block, block_size, window,
                resent_blocks, "tftp: {shown}"
            );
        } else {
            debug!(
                %client, machine, %file, mode, outcome, code, bytes, size, ms, block, block_size, window,
                resent_blocks, "tftp: {shown}"
            );
        }
        if is_step {
            self.step(asked.machine, &asked.file, shown.to_string());
        }
    }

    /// Notes what a machine came to.
    pub(super) fn step(&self, machine: Option<Mac>, file: &str, result: String) {
        if let Some(mac) = machine {
            self.machines.record(mac, Step::Tftp { file: file.to_owned(), result });
        }
    }
}

fn event(outcome: &Outcome, is_answered: bool, asks_size: bool) -> Event {
    match outcome {
        Outcome::Complete | Outcome::Unconfirmed => Event::Complete,
        Outcome::Aborted(..) if !is_answered && asks_size => Event::Probe,
        Outcome::Aborted(..) => Event::Aborted,
        Outcome::Lost | Outcome::TooSlow => Event::Lost,
        Outcome::AskedAnew => Event::AskedAnew,
        Outcome::GaveWay => Event::GaveWay,
        Outcome::Guessed => Event::Guessed,
        Outcome::Cut => Event::Cut,
        Outcome::Unread(_) => Event::Unread,
    }
}

struct Shown<'o> {
    outcome: &'o Outcome,
    event: Event,
    bytes: u64,
    size: u64,
    is_answered: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, event, bytes, size, is_answered } = self;
        match outcome {
            Outcome::Complete => return f.write_str("complete"),
            Outcome::Unconfirmed => {
                return f.write_str("complete, the last acknowledgement is missing");
            }
            Outcome::Aborted(..) if *event == Event::Probe => {
                return f.write_str("the client asked for the size only");
            }
            Outcome::Lost if !is_answered => {
                return f.write_str("no answer to the first packet, sent four times");
            }
            Outcome::GaveWay if !is_answered => {
                return f.write_str("made room for another: it was not answered");
            }
            _ => write!(f, "aborted at {bytes} of {size} bytes")?,
        }
        match outcome {
            Outcome::Aborted(code, text) if text.is_empty() => {
                write!(f, ": the client says error {code}")
            }
            Outcome::Aborted(code, text) => {
                let text = printable(text.as_bytes(), 80);
                write!(f, ": the client says error {code}, {text}")
            }
            Outcome::Lost => f.write_str(": the client is silent"),
            Outcome::TooSlow => f.write_str(": the client is too slow"),
            Outcome::AskedAnew => f.write_str(": the client asked anew"),
            Outcome::Cut => f.write_str(": the daemon ends"),
            Outcome::Unread(why) => write!(f, ": {why}"),
            Outcome::Guessed => f.write_str(": somebody guesses its port"),
            Outcome::GaveWay => f.write_str(": made room for another machine"),
            Outcome::Complete | Outcome::Unconfirmed => Ok(()),
        }
    }
}
