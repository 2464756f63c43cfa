//! The options of a message: one walk that notes where each is, and readers of one option.

use core::hint::black_box;

use crate::{
    message::{CAP, Message, byte, bytes},
    verdict::Verdict,
    wire::{OPTIONS, code},
};

/// The walk's bound on options and pads.
pub const MAX_OPTIONS: usize = 64;

/// Where each option was found: offset of its code in the message, by code; 0: not there.
///
/// In memory, not in locals: LLVM keeps those in registers, and the verifier's states multiply.
#[repr(C, align(8))]
pub struct Index {
    at: [u16; 256],
    /// Where each sub-option of option 82 was found: offset of its code from the option's, by code.
    relay: [u8; 256],
    /// Non-zero where a code occurs twice.
    twice: u16,
}

impl Index {
    #[must_use]
    pub const fn new() -> Self {
        Self { at: [0; 256], relay: [0; 256], twice: 0 }
    }

    /// The offset of the option's code octet.
    #[inline(always)]
    #[must_use]
    pub fn find(&self, code: u8) -> Option<usize> {
        match self.at.get(usize::from(code)) {
            Some(&at) if at != 0 => Some(usize::from(at)),
            _ => None,
        }
    }

    /// Whether the option is there.
    #[inline(always)]
    #[must_use]
    pub fn has(&self, code: u8) -> bool {
        self.find(code).is_some()
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

/// Walks the options of a message of `end` bytes and notes them in `index`.
///
/// # Errors
/// [`Verdict::Truncated`]: the last option is cut off. [`Verdict::TooManyOptions`],
/// [`Verdict::SplitOption`] (RFC 3396), [`Verdict::Overload`] (RFC 2131 section 4.1): the options
/// cannot be read in one walk.
#[inline(always)]
pub fn walk(message: &Message, end: usize, index: &mut Index) -> Result<(), Verdict> {
    index.at = [0; 256];
    index.twice = 0;
    walk_into(message, end, index)?;
    if index.has(code::OVERLOAD) {
        return Err(Verdict::Overload);
    }
    if index.twice != 0 { Err(Verdict::SplitOption) } else { Ok(()) }
}

/// The loop. A turn has one way on: the step over a pad and over an option is computed, not branched
/// to (with a branch the walk cost more than ten times the verified instructions).
#[inline(always)]
fn walk_into(message: &Message, end: usize, index: &mut Index) -> Result<(), Verdict> {
    let mut at = OPTIONS;
    for _ in 0..MAX_OPTIONS {
        if at >= end {
            // "The last option must always be the 'end' option" (RFC 2131 section 4.1); messages without one end with
            // the datagram.
            return if at == end { Ok(()) } else { Err(Verdict::Truncated) };
        }
        let Some(code) = byte(message, at) else { return Err(Verdict::TooLong) };
        if code == code::END {
            return Ok(());
        }
        let Some(len) = byte(message, at + 1) else { return Err(Verdict::TooLong) };
        let body = not_zero(code);
        let Some(slot) = index.at.get_mut(usize::from(code)) else { return Err(Verdict::TooLong) };
        index.twice |= *slot * body as u16;
        *slot = at as u16;
        at += 1 + body * (1 + usize::from(len));
    }
    Err(Verdict::TooManyOptions)
}

/// 0 for 0, else 1. LLVM must not know that it is a comparison: BPF has none without a branch.
#[inline(always)]
fn not_zero(octet: u8) -> usize {
    (black_box(usize::from(octet)) + 255) >> 8
}

/// The length of the option at this offset.
#[inline(always)]
#[must_use]
pub fn length(message: &Message, at: usize) -> usize {
    match byte(message, at + 1) {
        Some(len) => usize::from(len),
        None => 0,
    }
}

/// The value of an option that is `N` bytes long; `Ok(None)` where it is not there.
///
/// # Errors
/// [`Verdict::BadOption`]: it has another length.
#[inline(always)]
pub fn fixed<const N: usize>(
    message: &Message,
    index: &Index,
    code: u8,
) -> Result<Option<[u8; N]>, Verdict> {
    let Some(at) = index.find(code) else { return Ok(None) };
    if at > CAP - 2 - N || length(message, at) != N {
        return Err(Verdict::BadOption);
    }
    match bytes::<N>(message, at + 2) {
        Some(value) => Ok(Some(*value)),
        None => Err(Verdict::BadOption),
    }
}

/// The walk's bound on sub-options.
const MAX_RELAY_OPTIONS: usize = 16;

/// Walks the sub-options of option 82 (RFC 3046: neither pad nor end among them) as far as they are well
/// formed: what relays put there is theirs, and echoed in any case.
#[inline(always)]
pub fn walk_relay(message: &Message, index: &mut Index) {
    let Some(option) = index.find(code::RELAY_AGENT) else { return };
    index.relay = [0; 256];
    let end = 2 + length(message, option);
    let mut at = 2;
    for _ in 0..MAX_RELAY_OPTIONS {
        if at + 2 > end {
            return;
        }
        let Some(code) = byte(message, option + at) else { return };
        let after = at + 2 + length(message, option + at);
        if after > end {
            return;
        }
        let Some(slot) = index.relay.get_mut(usize::from(code)) else { return };
        *slot = at as u8;
        at = after;
    }
}

/// The value of a sub-option of option 82 that is an address; `None` where it is not there. Only after
/// [`walk_relay`].
#[inline(always)]
#[must_use]
pub fn relay_address(message: &Message, index: &Index, code: u8) -> Option<[u8; 4]> {
    let option = index.find(code::RELAY_AGENT)?;
    let at = match index.relay.get(usize::from(code)) {
        Some(&at) if at != 0 => option + usize::from(at),
        _ => return None,
    };
    if length(message, at) != 4 {
        return None;
    }
    bytes(message, at + 2).copied()
}
