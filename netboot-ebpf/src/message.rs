//! The working memory of a message, and reads and writes that the verifier can follow: every access
//! is compared with a constant.

/// Bytes of working memory for a request and for a reply. Longer requests are not read.
pub const CAP: usize = 2048;

/// A DHCP message, from `op` on; bytes past its end are undefined in a request, zero in a reply.
pub type Message = [u8; CAP];

/// The longest option, with code and length.
pub const ANY_OPTION: usize = 257;

/// The byte at an offset.
#[inline(always)]
#[must_use]
pub fn byte(message: &Message, at: usize) -> Option<u8> {
    message.get(at).copied()
}

/// `N` bytes at an offset.
#[inline(always)]
#[must_use]
pub fn bytes<const N: usize>(message: &Message, at: usize) -> Option<&[u8; N]> {
    if at > CAP - N {
        return None;
    }
    message.get(at..)?.first_chunk()
}

/// Writes `N` bytes at an offset. The length is constant: a loop over a variable length explodes in
/// the verifier of Linux 6.1. What is shorter is zero-padded, and what follows overwrites the padding.
#[inline(always)]
#[must_use]
pub fn put<const N: usize>(message: &mut Message, at: usize, value: &[u8; N]) -> Option<()> {
    if at > CAP - N {
        return None;
    }
    *message.get_mut(at..)?.first_chunk_mut()? = *value;
    Some(())
}

/// Passes a value through memory, so that the verifier forgets what it knew of it: two ways that lead
/// here with different ranges are then one state, and what follows is verified once, not twice.
#[inline(always)]
#[must_use]
pub fn forget(value: usize, cell: &mut usize) -> usize {
    *cell = value;
    *core::hint::black_box(cell)
}

/// By length: a mask of the first bytes. `ROWS` is one more than `LEN`.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
pub(crate) const fn prefixes<const LEN: usize, const ROWS: usize>() -> [[u8; LEN]; ROWS] {
    let mut masks = [[0; LEN]; ROWS];
    let mut len = 0;
    while len < ROWS {
        let mut position = 0;
        while position < len {
            masks[len][position] = 0xff;
            position += 1;
        }
        len += 1;
    }
    masks
}
