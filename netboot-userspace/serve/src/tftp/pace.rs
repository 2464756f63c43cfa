//! The pace at which the blocks of a window leave: at once, until the path turns out not to bear that.
//!
//! The client has asked for the window's length, and RFC 7440 lets no server shorten it: a window that overflows a
//! switch's buffer, or that a way reorders, is lost from there on again and again. So its blocks are spread, as far as
//! the way was seen to need it:
//!
//! * An acknowledgement that asks for a block once more comes as soon as a later block arrives: if that took longer than
//!   a round trip and the pace explain, blocks wait on the way, and the whole row tells how long each takes.
//! * Something is acknowledged much sooner than a round trip after it was sent again: the first copy was not lost, but
//!   overtaken. The more blocks are spread, the fewer are.
//! * The whole end of a window is lost: perhaps all that exceeded a buffer.
//! * After many that arrive they are brought together again, later each time that this was too early.
//!
//! Single blocks that are lost change nothing: that is the way's own doing at any pace.

use std::time::{Duration, Instant};

/// What is sent at once is what belongs to so long a time: shorter pauses are not kept.
const QUANTUM: Duration = Duration::from_millis(1);
/// What blocks are spread by at first, where nothing tells more.
const FIRST: Duration = Duration::from_micros(60);
/// By guess.
const MOST: Duration = Duration::from_millis(2);
/// As was measured.
const MOST_MEASURED: Duration = Duration::from_millis(20);
/// Windows.
const MOST_PATIENCE: u64 = 8;
/// Parts of a row whose times are known.
const PARTS: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// From one block to the next.
    each: Duration,
    /// The shortest round trip.
    least: Option<Duration>,
    /// Since when blocks are sent again that somebody missed.
    again: Option<Instant>,
    /// Where and when the blocks began that are under way.
    row: Option<(u64, Instant)>,
    /// The same of those that were sent at once, the last ones first.
    parts: [Option<(u64, Instant)>; PARTS],
    slowed: Option<Instant>,
    /// Blocks that arrived since.
    calm: u64,
    /// After so many windows of them they are brought together.
    patience: u64,
}

impl Pace {
    /// How many blocks go at once; those after them wait for [`Self::pause`].
    pub(super) fn at_once(&self) -> u64 {
        let at_once = QUANTUM.as_nanos().checked_div(self.each.as_nanos());
        at_once.map_or(u64::MAX, |blocks| u64::try_from(blocks).unwrap_or(u64::MAX).max(1))
    }

    /// After so many blocks.
    pub(super) fn pause(&self, blocks: u64) -> Duration {
        self.each.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX))
    }

    pub(super) fn measured(&mut self, round_trip: Duration) {
        self.least = Some(self.least.map_or(round_trip, |least| least.min(round_trip)));
    }

    /// Blocks are sent in a row from this one on.
    pub(super) fn begins(&mut self, block: u64, now: Instant) {
        self.row = Some((block, now));
        self.parts = [None; PARTS];
    }

    /// Blocks from this one on were sent at once.
    pub(super) fn sent(&mut self, block: u64, now: Instant) {
        self.parts.rotate_right(1);
        if let Some(first) = self.parts.first_mut() {
            *first = Some((block, now));
        }
    }

    /// This block did not arrive, which the client tells as soon as the next one arrives.
    pub(super) fn missed(&mut self, block: u64, now: Instant) {
        self.again = Some(now);
        let least = self.least.unwrap_or_default();
        let since = |from: (u64, Instant)| {
            let arrived = u32::try_from((block + 1).checked_sub(from.0)? + 1).ok()?;
            Some((arrived, now.duration_since(from.1).saturating_sub(least)))
        };
        let part = self.parts.iter().flatten().copied().find_map(since);
        let Some((row, part)) = self.row.and_then(since).zip(part) else { return };
        // The one after it may be lost, too.
        if part.1 > self.each * (part.0 + 2) + least / 2 {
            let each = row.1 / row.0;
            self.slower((each + each / 8).max(self.each).min(MOST_MEASURED), now);
        }
    }

    /// From this one on, the last blocks of a window did not arrive, so many of them: as many as did may go at once.
    pub(super) fn tail_lost(&mut self, first: u64, blocks: u64, window: u64, now: Instant) {
        if blocks <= 1 + window / 8 {
            return;
        }
        let arrived = self.row.map_or(0, |(row, _)| first.saturating_sub(row));
        let arrived = u32::try_from(arrived).unwrap_or(u32::MAX);
        let each = QUANTUM.checked_div(arrived).unwrap_or_default();
        if each > self.each {
            self.slower(each.clamp(FIRST, MOST), now);
        } else {
            self.slow_down(now);
        }
    }

    /// So many blocks more are acknowledged.
    pub(super) fn arrived(&mut self, blocks: u64, window: u64, now: Instant) {
        let again = self.again.take();
        let is_of_first_copy = again
            .zip(self.least)
            .is_some_and(|(again, least)| now.duration_since(again) < least / 4);
        if is_of_first_copy {
            return self.slow_down(now);
        }
        if self.each.is_zero() {
            return;
        }
        self.calm += blocks;
        if self.calm >= self.patience * window {
            self.calm = 0;
            self.each -= self.each / 4;
            if self.at_once() >= window {
                self.each = Duration::ZERO;
            }
        }
    }

    pub(super) fn silence(&mut self, now: Instant) {
        self.again = None;
        self.slow_down(now);
    }

    fn slow_down(&mut self, now: Instant) {
        // What is lost within a round trip left at the pace before.
        let settled = self.least.unwrap_or_default() * 2;
        let is_new = self.slowed.is_none_or(|slowed| now.duration_since(slowed) > settled);
        if is_new {
            self.slower((self.each * 2).clamp(FIRST, MOST), now);
        }
    }

    fn slower(&mut self, each: Duration, now: Instant) {
        if each > self.each {
            self.patience = (self.patience * 2).clamp(1, MOST_PATIENCE);
            self.each = each;
            self.slowed = Some(now);
        }
        self.calm = 0;
    }
}
