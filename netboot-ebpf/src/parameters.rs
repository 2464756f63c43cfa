//! The client's list of the options that it wants (option 55).

use core::hint::black_box;

use crate::{
    message::{Message, byte, bytes, prefixes},
    options::{Index, length},
    side::Side,
    verdict::Verdict,
    wire::code,
};

/// The longest list that the kernel searches: eight bytes at a time, without a branch. A loop that leaves at
/// the match cost 900 verified instructions for each byte.
const KERNEL_LIST: usize = 64;

/// Whether an option is on the list.
///
/// # Errors
/// [`Verdict::EchoTooLong`]: the list is longer than the kernel searches.
#[inline(always)]
pub fn asks_for<S: Side>(message: &Message, index: &Index, wanted: u8) -> Result<bool, Verdict> {
    if S::COMPLETE {
        return Ok(place(message, index, wanted).is_some());
    }
    let Some(at) = index.find(code::PARAMETER_LIST) else { return Ok(false) };
    let len = length(message, at);
    let Some(mask) = PREFIX.get(black_box(len)) else { return Err(Verdict::EchoTooLong) };
    let Some(list) = bytes::<KERNEL_LIST>(message, at + 2) else {
        return Err(Verdict::EchoTooLong);
    };
    let mut found = 0;
    for (list, mask) in list.as_chunks::<8>().0.iter().zip(mask.as_chunks::<8>().0) {
        // Zero where the byte is the wanted one and within the list.
        let differs =
            (u64::from_ne_bytes(*list) ^ (u64::from(wanted) * ONES)) | !u64::from_ne_bytes(*mask);
        found |= differs.wrapping_sub(ONES) & !differs & (ONES << 7);
    }
    Ok(black_box(found) != 0)
}

/// Whether all of the list is searched on this side.
#[inline(always)]
pub fn is_searched<S: Side>(message: &Message, index: &Index) -> bool {
    let list = index.find(code::PARAMETER_LIST);
    S::COMPLETE || list.is_none_or(|at| length(message, at) <= KERNEL_LIST)
}

/// The place of an option on the list.
#[must_use]
pub fn place(message: &Message, index: &Index, wanted: u8) -> Option<usize> {
    let at = index.find(code::PARAMETER_LIST)?;
    (0..length(message, at)).position(|place| byte(message, at + 2 + place) == Some(wanted))
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// By length: the bytes that count.
static PREFIX: [[u8; KERNEL_LIST]; KERNEL_LIST + 1] = prefixes();
