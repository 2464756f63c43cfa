//! Options that stand in several places, put together so that one walk reads them: option overload (RFC
//! 2131 section 4.1) and split options (RFC 3396). The daemon's alone.

use crate::{
    message::{ANY_OPTION, CAP, Message, byte},
    options::length,
    verdict::Verdict,
    wire::{COOKIE, FILE, OPTIONS, SNAME, code},
};

/// What may follow in the options' order: the options field, then `file`, then `sname`.
const FIELDS: [(usize, usize); 2] = [(FILE, COOKIE), (SNAME, FILE)];

/// Writes each option of a message of `end` bytes once, with its pieces joined, behind a copy of the fixed
/// header, and copies that back. Returns the message's new length.
///
/// # Errors
/// [`Verdict::Truncated`]: an option is cut off. [`Verdict::SplitOption`]: it is longer than 255 bytes
/// once joined. [`Verdict::BadOption`]: option 52 has no meaning. [`Verdict::TooLong`]: it does not fit.
pub fn flatten(message: &mut Message, end: usize, spare: &mut Message) -> Result<usize, Verdict> {
    let areas = areas(message, end)?;
    *spare = *message;
    spare.get_mut(OPTIONS..).ok_or(Verdict::TooLong)?.fill(0);
    let mut to = OPTIONS;
    let present = present(message, &areas)?;
    for (code, _) in (0..=u8::MAX).zip(present).filter(|(_, present)| *present) {
        to = join(message, &areas, code, spare, to)?;
    }
    *spare.get_mut(to).ok_or(Verdict::TooLong)? = code::END;
    let [file, sname] = [areas[1], areas[2]];
    for (start, end) in [file, sname] {
        spare.get_mut(start..end).unwrap_or_default().fill(0);
    }
    *message = *spare;
    Ok(to + 1)
}

/// Where options stand: begin and end; empty where there are none.
type Areas = [(usize, usize); 3];

fn areas(message: &Message, end: usize) -> Result<Areas, Verdict> {
    let options = (OPTIONS, end);
    // Only the options field says whether there is more.
    let mut overload = 0;
    for option in Walk::new(message, options) {
        let (at, len) = option?;
        if byte(message, at) == Some(code::OVERLOAD) {
            if len != 1 || overload != 0 {
                return Err(Verdict::BadOption);
            }
            overload = byte(message, at + 2).unwrap_or(0);
            if !(1..=3).contains(&overload) {
                return Err(Verdict::BadOption);
            }
        }
    }
    let field = |bit, field| if overload & bit != 0 { field } else { (0, 0) };
    let [file, sname] = FIELDS;
    Ok([options, field(1, file), field(2, sname)])
}

/// By code: whether the option is there. Option 52 has done its work.
fn present(message: &Message, areas: &Areas) -> Result<[bool; 256], Verdict> {
    let mut present = [false; 256];
    for area in areas {
        for option in Walk::new(message, *area) {
            let code = byte(message, option?.0).unwrap_or(code::OVERLOAD);
            if let Some(place) = present.get_mut(usize::from(code)) {
                *place = code != code::OVERLOAD;
            }
        }
    }
    Ok(present)
}

/// Appends the option with all its pieces.
fn join(
    message: &Message,
    areas: &Areas,
    code: u8,
    spare: &mut Message,
    to: usize,
) -> Result<usize, Verdict> {
    let mut after = to + 2;
    for area in areas {
        for option in Walk::new(message, *area) {
            let (at, len) = option?;
            if byte(message, at) != Some(code) {
                continue;
            }
            let value = message.get(at + 2..at + 2 + len).ok_or(Verdict::Truncated)?;
            spare.get_mut(after..after + len).ok_or(Verdict::TooLong)?.copy_from_slice(value);
            after += len;
        }
    }
    let len = u8::try_from(after - to - 2).map_err(|_| Verdict::SplitOption)?;
    let head = spare.get_mut(to..).and_then(<[u8]>::first_chunk_mut);
    *head.ok_or(Verdict::TooLong)? = [code, len];
    if after > CAP - ANY_OPTION { Err(Verdict::TooLong) } else { Ok(after) }
}

/// The options of an area: offset of the code, and length of the value.
struct Walk<'m> {
    message: &'m Message,
    at: usize,
    end: usize,
}

impl<'m> Walk<'m> {
    fn new(message: &'m Message, (at, end): (usize, usize)) -> Self {
        Self { message, at, end }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<(usize, usize), Verdict>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end && byte(self.message, self.at)? == code::PAD {
            self.at += 1;
        }
        let at = self.at;
        if at >= self.end || byte(self.message, at)? == code::END {
            return None;
        }
        let len = length(self.message, at);
        self.at = at + 2 + len;
        if at + 1 >= self.end || self.at > self.end {
            self.at = self.end;
            return Some(Err(Verdict::Truncated));
        }
        Some(Ok((at, len)))
    }
}
