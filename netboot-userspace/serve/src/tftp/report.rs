//! The report of each transfer: one line, an event of a machine, and counters.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;
use netboot_machines::{
    channel::Teller,
    event::{self, EndedTransfer, MachineText, TftpEvent, Transfer, TransferOutcome},
    memory::Machines,
};
use tracing::{debug, field::display, info};

use super::{
    counters::{Counted, Counters},
    packet::Mode,
};
use crate::log_budget::LogBudget;

/// Where it is told what became of requests and transfers; cheap to clone.
#[derive(Clone)]
pub(super) struct TransferReporter {
    pub(super) machines: Machines,
    pub(super) teller: Teller,
    pub(super) lines: LogBudget,
    pub(super) counters: Counters,
}

/// A transfer, as it was asked for.
#[derive(Debug)]
pub(super) struct AskedTransfer {
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
pub(super) struct TransferProgress {
    /// Bytes that the client acknowledged.
    pub(super) bytes: u64,
    /// The last block that the client acknowledged.
    pub(super) block: u64,
    pub(super) resent_blocks: u64,
    pub(super) is_answered: bool,
    pub(super) took: Duration,
}

impl TransferReporter {
    pub(super) fn began(&self, asked: &AskedTransfer) {
        self.counters.count(Counted::Begun);
        self.tell(asked.machine, &asked.file, Transfer::Asked);
    }

    pub(super) fn answered(&self, asked: &AskedTransfer) {
        self.tell(asked.machine, &asked.file, Transfer::Started);
    }

    pub(super) fn ended(
        &self,
        asked: &AskedTransfer,
        progress: TransferProgress,
        outcome: &TransferOutcome,
        now: Instant,
    ) {
        let AskedTransfer {
            client,
            machine,
            file,
            mode,
            size,
            block_size,
            window,
            asks_size,
            started: _,
        } = asked;
        let TransferProgress { bytes, block, resent_blocks, is_answered, took } = progress;
        let is_probe =
            matches!(outcome, TransferOutcome::Aborted(..)) && !is_answered && *asks_size;
        self.counters.add(Counted::Bytes, bytes);
        self.counters.add(Counted::BlocksResent, resent_blocks);
        let (machine, ms, mode) = (machine.map(display), took.as_millis(), mode.name());
        let code = match outcome {
            TransferOutcome::Aborted(code, _) => Some(code),
            _ => None,
        };
        let outcome = if is_probe { &TransferOutcome::SizeOnly } else { outcome };
        let event = event(outcome);
        self.counters.ended(event, took);
        let ended =
            EndedTransfer { outcome: outcome.clone(), bytes, size: *size, took, is_answered };
        let outcome = event.name();
        // Firmware looks at the size, leaves, and asks again: that one is the boot's step.
        let is_step = is_answered
            || !matches!(
                event,
                Counted::Probe | Counted::GaveWay | Counted::Guessed | Counted::Lost
            );
        let is_line = is_step || (event == Counted::Lost && machine.is_some());
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
            self.teller
                .tell(event::Event::now(mac, TftpEvent { file: MachineText::of(file), transfer }));
        }
    }
}

fn event(outcome: &TransferOutcome) -> Counted {
    match outcome {
        TransferOutcome::Complete | TransferOutcome::Unconfirmed => Counted::Complete,
        TransferOutcome::SizeOnly => Counted::Probe,
        TransferOutcome::Aborted(..) => Counted::Aborted,
        TransferOutcome::Lost | TransferOutcome::TooSlow => Counted::Lost,
        TransferOutcome::AskedAnew => Counted::AskedAnew,
        TransferOutcome::GaveWay => Counted::GaveWay,
        TransferOutcome::Guessed => Counted::Guessed,
        TransferOutcome::Cut => Counted::Cut,
        TransferOutcome::Unread(_) => Counted::Unread,
    }
}
