//! The sending of one file, as a pure function of what is heard and of the time: no sockets, no bytes.
//!
//! A window of blocks is under way (RFC 7440; of one block without the option). What is heard moves it:
//!
//! * An acknowledgement of the last block under way: the next window.
//! * One of a block inside the window: the client misses the next one, and is sent from there at once. A client that
//!   acknowledges each block looks the same at first: from its second such acknowledgement on it gets only what is new.
//!   What is sent twice is paid from a credit, too, which grows with half of what is acknowledged: no host gets a
//!   multiple of what it asks for.
//! * One of the block before the window: the first one is missing, and the window is sent once more, from the credit
//!   too. With a window of one block it is a duplicate, which must not be answered ("Sorcerer's Apprentice", RFC 1123
//!   4.2.3.1).
//! * Anything else is of the past.
//! * Silence for as long as the round trip lets expect: the window is sent again, then only its first block, with
//!   longer and longer pauses. With a window of one block these stay long until a round trip was measured (RFC 6298, 5.7): a
//!   client may have become slow.
//!
//! Until something is acknowledged one packet is all that goes out, three times again: whoever asks may be forged.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::round_trip::RoundTrip;

/// A client that has acknowledged something, and is silent for so long, is gone.
pub(super) const GIVE_UP: Duration = Duration::from_secs(20);
/// The first packet is sent so often again.
const FIRST_RETRIES: u32 = 3;
/// A window is sent so often again as a whole; then its first block stands for it.
const WINDOW_RETRIES: u32 = 2;
/// The last block is sent so often again before its client is taken for one that has left.
const LAST_RETRIES: u32 = 3;

pub(super) struct Sending {
    /// The number of the last block; the first is 1. It is shorter than a block, and may be empty.
    last: u64,
    /// In blocks.
    window: u64,
    phase: Phase,
    /// The first block that is not acknowledged.
    base: u64,
    /// The first block that was not sent.
    next: u64,
    /// Halves of blocks that may be sent twice without a pause.
    credit: u64,
    /// Acknowledgements in a row that were of one block each, with more under way.
    singles: u32,
    /// The block that the window was sent from once more, since one was missing.
    mended: u64,
    round_trip: RoundTrip,
    /// Pauses since the last progress.
    pauses: u32,
    /// Those since a round trip was measured.
    backoff: u32,
    progress: Instant,
    sent: Instant,
    /// Nothing of the window was sent twice: its acknowledgement tells the round trip (Karn).
    once: bool,
    deadline: Instant,
    /// Blocks that were sent again.
    pub(super) resent: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The OACK is out, which the client acknowledges as block 0.
    Oack,
    /// The first block is out, to a client without options.
    First,
    /// The client is there.
    Data,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    Oack,
    /// These blocks are to be sent, in order.
    Blocks(Range<u64>),
    Complete,
    /// All was sent, and the client is silent: many leave without the last acknowledgement.
    Unconfirmed,
    /// The client has been silent for too long.
    Lost,
}

impl Sending {
    /// Of `blocks` blocks, at least one; with what goes out first.
    pub(super) fn new(
        blocks: u64,
        window: u16,
        has_oack: bool,
        round_trip: RoundTrip,
        now: Instant,
    ) -> (Self, Next) {
        let window = u64::from(window).max(1);
        let (phase, next) = if has_oack { (Phase::Oack, 1) } else { (Phase::First, 2) };
        let deadline = now + round_trip.timeout(0);
        let sending = Self {
            last: blocks.max(1),
            window,
            phase,
            base: 1,
            next,
            credit: 2 * window,
            singles: 0,
            mended: 0,
            round_trip,
            pauses: 0,
            backoff: 0,
            progress: now,
            sent: now,
            once: true,
            deadline,
            resent: 0,
        };
        let first = sending.first();
        (sending, first)
    }

    /// The first packet, which is sent again to a request that comes again.
    pub(super) fn first(&self) -> Next {
        match self.phase {
            Phase::Oack => Next::Oack,
            Phase::First | Phase::Data => Next::Blocks(1..2),
        }
    }

    /// The client has answered.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.phase == Phase::Data
    }

    /// How many blocks are acknowledged.
    pub(super) fn acknowledged_blocks(&self) -> u64 {
        self.base - 1
    }

    /// What was sent and is not acknowledged.
    pub(super) fn under_way(&self) -> Range<u64> {
        self.base..self.next
    }

    /// How long the client has acknowledged nothing new.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.duration_since(self.progress)
    }

    /// All was sent, and the client is silent: it has left, most likely, as many do without the last acknowledgement.
    pub(super) fn has_left(&self) -> bool {
        self.is_at_end() && self.pauses > LAST_RETRIES
    }

    fn is_at_end(&self) -> bool {
        self.phase == Phase::Data && self.base == self.last
    }

    /// What was to be sent is sent only now: the client is not to blame.
    pub(super) fn delayed(&mut self, now: Instant) {
        self.once = false;
        self.progress = now;
        self.sent = now;
        self.deadline = self.after_silence(now);
    }

    /// When to call [`Self::silence`].
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn after_silence(&self, now: Instant) -> Instant {
        now + self.round_trip.timeout(self.backoff)
    }

    pub(super) fn acknowledged(&mut self, block: u16, now: Instant) -> Next {
        let Some(acknowledged) = self.block_of(block) else { return Next::Wait };
        if self.phase == Phase::Oack {
            // Block 0, and nothing else was sent.
            self.phase = Phase::Data;
            return self.go_on(now);
        }
        if acknowledged < self.base {
            return self.first_is_missing(now);
        }
        self.phase = Phase::Data;
        self.credit = (self.credit + acknowledged + 1 - self.base).min(4 * self.window);
        let is_single = acknowledged == self.base;
        self.base = acknowledged + 1;
        if self.base > self.last {
            return Next::Complete;
        }
        let missed = self.next - self.base;
        self.singles = if is_single && missed > 0 { self.singles + 1 } else { 0 };
        if missed > 0 {
            if self.singles < 2 && 2 * missed <= self.credit {
                self.mended = self.base;
                return self.again_from_base(missed, now);
            }
            self.progress(now);
            self.once = false;
            return self.new_blocks(now);
        }
        self.go_on(now)
    }

    /// The deadline has passed.
    pub(super) fn silence(&mut self, now: Instant) -> Next {
        self.pauses += 1;
        let is_over = match self.phase {
            Phase::Oack | Phase::First => self.pauses > FIRST_RETRIES,
            Phase::Data => {
                now.duration_since(self.progress) >= GIVE_UP.max(self.round_trip.timeout(0) * 3)
            }
        };
        if is_over {
            return if self.is_at_end() { Next::Unconfirmed } else { Next::Lost };
        }
        self.backoff += 1;
        self.once = false;
        self.mended = 0;
        self.deadline = self.after_silence(now);
        match self.phase {
            Phase::Oack => Next::Oack,
            Phase::First => {
                self.resent += 1;
                Next::Blocks(1..2)
            }
            Phase::Data => {
                let end = if self.pauses <= WINDOW_RETRIES { self.next } else { self.base + 1 };
                self.resent += end - self.base;
                Next::Blocks(self.base..end)
            }
        }
    }

    /// The number that these sixteen bits stand for, if it is under way or the one before.
    fn block_of(&self, block: u16) -> Option<u64> {
        let before = self.base - 1;
        let distance = block.wrapping_sub(low_bits(before));
        let block = before + u64::from(distance);
        (block < self.next).then_some(block)
    }

    fn first_is_missing(&mut self, now: Instant) -> Next {
        let missed = self.next - self.base;
        if self.window == 1 || self.mended == self.base || missed == 0 || 2 * missed > self.credit {
            return Next::Wait;
        }
        self.mended = self.base;
        self.resend(missed, now)
    }

    fn again_from_base(&mut self, missed: u64, now: Instant) -> Next {
        self.progress(now);
        self.resend(missed, now)
    }

    fn resend(&mut self, missed: u64, now: Instant) -> Next {
        self.credit -= 2 * missed;
        self.resent += missed;
        self.once = false;
        self.sent = now;
        self.deadline = self.after_silence(now);
        self.next = self.window_end();
        Next::Blocks(self.base..self.next)
    }

    fn go_on(&mut self, now: Instant) -> Next {
        if self.once {
            self.round_trip.measured(now.duration_since(self.sent));
            self.backoff = 0;
        }
        self.once = true;
        self.progress(now);
        self.new_blocks(now)
    }

    fn progress(&mut self, now: Instant) {
        self.progress = now;
        self.pauses = 0;
        // Of windows that are mended no round trip is measured, and what is late would slow all that follows.
        if self.window > 1 {
            self.backoff = 0;
        }
    }

    fn new_blocks(&mut self, now: Instant) -> Next {
        self.sent = now;
        self.deadline = self.after_silence(now);
        let blocks = self.next..self.window_end();
        self.next = blocks.end.max(self.next);
        if blocks.is_empty() { Next::Wait } else { Next::Blocks(blocks) }
    }

    fn window_end(&self) -> u64 {
        (self.base + self.window).min(self.last + 1)
    }
}

fn low_bits(block: u64) -> u16 {
    let [.., high, low] = block.to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests;
