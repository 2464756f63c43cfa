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
//! * Silence for somewhat longer than the round trip: the end of a window may be lost, of which the client knows nothing.
//!   Its first and its last block are sent once more, so that it tells how far it is.
//! * Silence for as long as the round trip lets expect: the window is sent again, then only its first block, with
//!   longer and longer pauses. With a window of one block these stay long until a round trip was measured (RFC 6298, 5.7): a
//!   client may have become slow.
//!
//! How fast the blocks of a window leave is [`Pace`]'s.
//!
//! Until something is acknowledged one packet is all that goes out, three times again: whoever asks may be forged.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{pace::Pace, round_trip::RoundTrip};

/// A client that has acknowledged something, and is silent for so long, is gone.
pub(super) const GIVE_UP: Duration = Duration::from_secs(20);
/// The first packet is sent so often again.
const FIRST_RETRIES: u32 = 3;
/// A window is sent so often again as a whole; then its first block stands for it.
const WINDOW_RETRIES: u32 = 2;
/// Between two times that half a window is sent again without credit.
const LEND: Duration = Duration::from_millis(200);
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
    /// The next one that is to be sent, until `end`.
    next: u64,
    end: u64,
    /// The first block that was never sent.
    new: u64,
    /// Halves of blocks that may be sent twice without a pause.
    credit: u64,
    /// Acknowledgements in a row that were of one block each, with more under way, and no answers to a probe: who tells
    /// of each block goes on with that after a loss.
    singles: u32,
    /// The block that the window was sent from once more, since one was missing.
    mended: u64,
    pace: Pace,
    round_trip: RoundTrip,
    /// The client was asked how far it is, since the last progress.
    probed: bool,
    /// How often in a row that was too early.
    vain: u32,
    /// When the last blocks were sent again that no credit paid.
    lent: Option<Instant>,
    /// Pauses since the last progress.
    pauses: u32,
    /// Blocks since a round trip was measured.
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
            end: next,
            new: next,
            credit: 2 * window,
            singles: 0,
            mended: 0,
            pace: Pace::default(),
            round_trip,
            probed: false,
            vain: 0,
            lent: None,
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

    /// What was sent last and is not acknowledged.
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
        if self.next < self.end {
            self.deadline = now + self.pace.pause(1);
        }
    }

    /// When to call [`Self::due`].
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
        let before = self.base;
        self.earn(acknowledged + 1 - before);
        let is_single = acknowledged == before;
        self.base = acknowledged + 1;
        if self.base > self.last {
            return Next::Complete;
        }
        self.pace.arrived(self.base - before, self.window, now);
        let missed = self.new - self.base;
        if !is_single {
            self.singles = 0;
        } else if missed > 0 && !self.probed {
            self.singles += 1;
        }
        if missed == 0 {
            return self.go_on(now);
        }
        if self.singles < 2 || self.probed {
            return self.again_from_base(now);
        }
        self.once = false;
        self.backoff = 0;
        self.progress(now);
        if self.next < self.end {
            // What is being sent goes on at its pace, and as far as the window is now.
            (self.next, self.end) = (self.next.max(self.base), self.window_end());
            return Next::Wait;
        }
        self.new_blocks(now)
    }

    /// The deadline has passed: the rest of a window is to be sent, or the client is silent.
    pub(super) fn due(&mut self, now: Instant) -> Next {
        if self.next < self.end {
            return self.blocks(now);
        }
        if self.probes_after().is_some() {
            return self.probe(now);
        }
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
                if self.window > 1 && self.pauses == 1 {
                    self.pace.silence(now);
                }
                let is_whole = self.pauses <= WINDOW_RETRIES;
                let end = if is_whole { self.window_end() } else { self.base + 1 };
                self.earn(2 * (end.min(self.new) - self.base));
                self.row(self.base..end, now)
            }
        }
    }

    /// The number that these sixteen bits stand for, if it is under way or the one before.
    fn block_of(&self, block: u16) -> Option<u64> {
        let before = self.base - 1;
        let distance = block.wrapping_sub(low_bits(before));
        let block = before + u64::from(distance);
        (block < self.new).then_some(block)
    }

    fn earn(&mut self, credit: u64) {
        self.credit = (self.credit + credit).min(4 * self.window);
    }

    fn first_is_missing(&mut self, now: Instant) -> Next {
        let is_due = self.mended != self.base && self.new > self.base;
        if self.window == 1 || !is_due || self.credit < 2 {
            return Next::Wait;
        }
        self.again_from_base(now)
    }

    fn again_from_base(&mut self, now: Instant) -> Next {
        let is_asked = self.probed || self.pauses > 0;
        if self.pauses == 0 {
            if self.probed {
                self.pace.tail_lost(self.base, self.new - self.base, self.window, now);
            } else {
                self.pace.missed(self.base, now);
            }
        }
        if is_asked {
            self.vain = 0;
            if self.lent.is_none_or(|lent| now.duration_since(lent) >= LEND) {
                self.lent = Some(now);
                self.earn(self.window);
            }
        }
        self.mended = self.base;
        self.once = false;
        // Of windows that are mended no round trip is measured, and what is late would slow all that follows.
        self.backoff = 0;
        self.progress(now);
        self.row(self.base..self.window_end(), now)
    }

    fn go_on(&mut self, now: Instant) -> Next {
        if self.once {
            let round_trip = now.duration_since(self.sent);
            self.round_trip.measured(round_trip);
            self.pace.measured(round_trip);
            (self.backoff, self.vain) = (0, 0);
        } else if self.window > 1 && self.pauses == 0 && !self.probed {
            self.backoff = 0;
        }
        // Else the client may be slow: that it is waited for longer holds until a round trip is measured (RFC 6298, 5.7).
        if self.probed {
            self.vain += 1;
            // Both copies of the last block are acknowledged.
            self.mended = self.base;
        }
        self.once = true;
        self.progress(now);
        self.new_blocks(now)
    }

    fn progress(&mut self, now: Instant) {
        self.progress = now;
        self.pauses = 0;
        self.probed = false;
    }

    fn new_blocks(&mut self, now: Instant) -> Next {
        self.row(self.new..self.window_end(), now)
    }

    /// Begins to send these.
    fn row(&mut self, blocks: Range<u64>, now: Instant) -> Next {
        (self.next, self.end) = (blocks.start, blocks.end);
        if self.window > 1 {
            self.pace.begins(blocks.start, now);
        }
        self.blocks(now)
    }

    /// The next ones of those that are to be sent.
    fn blocks(&mut self, now: Instant) -> Next {
        let blocks = self.next..self.end.min(self.next.saturating_add(self.pace.at_once()));
        let again = self.new.min(blocks.end).saturating_sub(blocks.start);
        let paid = again.min(self.credit / 2);
        let blocks = if paid < again { blocks.start..blocks.start + paid } else { blocks };
        self.credit -= 2 * paid;
        self.resent += paid;
        if self.window > 1 {
            self.pace.sent(blocks.start, now);
        }
        self.next = blocks.end;
        self.new = self.new.max(self.next);
        self.sent = now;
        if paid < again {
            self.end = self.next;
        }
        self.deadline = if self.next < self.end {
            now + self.pace.pause(blocks.end - blocks.start)
        } else if let Some(soon) = self.probes_after() {
            now + soon
        } else {
            self.after_silence(now)
        };
        if blocks.is_empty() { Next::Wait } else { Next::Blocks(blocks) }
    }

    /// How long before a window's client is asked, if it is to be before a pause is one: later each time that it was only
    /// slow. That is paid, too.
    fn probes_after(&self) -> Option<Duration> {
        let is_window = self.window > 1 && self.new > self.base && self.credit >= 4;
        if !is_window || self.probed || self.pauses > 0 {
            return None;
        }
        let soon = self.round_trip.soon()?.saturating_mul(1 << self.vain.min(8));
        Some(soon).filter(|soon| *soon < self.round_trip.timeout(self.backoff))
    }

    /// The end of a window may be lost, of which the client knows nothing: the block that it may wait for, and the last
    /// one, which it has to acknowledge or to miss some before; or those that there was no credit for.
    fn probe(&mut self, now: Instant) -> Next {
        self.probed = true;
        self.once = false;
        self.resent += 1;
        self.credit -= 2;
        self.deadline = self.after_silence(now);
        let end = self.window_end();
        if self.new < end {
            (self.next, self.end) = (self.new, end);
            self.deadline = now;
        } else if self.new - self.base > 1 {
            (self.next, self.end) = (self.new - 1, self.new);
            self.deadline = now;
        }
        Next::Blocks(self.base..self.base + 1)
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
