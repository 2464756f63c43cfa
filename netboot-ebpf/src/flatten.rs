//! Options that stand in several places, put together so that one walk reads them: option overload (RFC
//! 2131 section 4.1) and split options (RFC 3396). The daemon's alone.

use crate::{
    message::{ANY_OPTION, CAP, Message, byte},
    options::length,
    verdict::Verdict,
    wire::{COOKIE, FILE, OPTIONS, SNAME, code},
};

/// Where options can stand beside their field, with the bit of option 52 that says so.
const FIELDS: [(u8, (usize, usize)); 2] = [(1, (FILE, COOKIE)), (2, (SNAME, FILE))];

/// Writes each option of a message of `end` bytes once, its pieces joined in the order of the options
/// field, `file` and `sname`, and copies that back. Returns the message's new length. Reads each option
/// three times, however many there are.
///
/// # Errors
/// [`Verdict::Truncated`]: an option is cut off. [`Verdict::SplitOption`]: it is longer than 255 bytes
/// once joined. [`Verdict::BadOption`]: option 52 has no meaning. [`Verdict::TooLong`]: it does not fit.
pub fn flatten(message: &mut Message, end: usize, spare: &mut Message) -> Result<usize, Verdict> {
    let areas = areas(message, end)?;
    let lengths = lengths(message, &areas)?;
    *spare = *message;
    spare.get_mut(OPTIONS..).ok_or(Verdict::TooLong)?.fill(0);
    let (mut places, end) = heads(&lengths, spare)?;
    each(message, &areas, |code, value| {
        let Some(at) = places.get_mut(usize::from(code)).filter(|at| **at != 0) else {
            return Ok(());
        };
        let to = usize::from(*at);
        let place = spare.get_mut(to..to + value.len()).ok_or(Verdict::TooLong)?;
        place.copy_from_slice(value);
        *at += value.len() as u16;
        Ok(())
    })?;
    *spare.get_mut(end).ok_or(Verdict::TooLong)? = code::END;
    *message = *spare;
    Ok(end + 1)
}

/// Where options stand: begin and end; empty where there are none.
type Areas = [(usize, usize); 3];

fn areas(message: &Message, end: usize) -> Result<Areas, Verdict> {
    let options = (OPTIONS, end);
    // Only the options field says whether there is more.
    let mut overload = 0;
    each(message, &[options], |code, value| {
        if code == code::OVERLOAD {
            let [bits @ 1..=3] = *value else { return Err(Verdict::BadOption) };
            if overload != 0 {
                return Err(Verdict::BadOption);
            }
            overload = bits;
        }
        Ok(())
    })?;
    let field = |(bit, field)| if overload & bit != 0 { field } else { (0, 0) };
    let [file, sname] = FIELDS.map(field);
    Ok([options, file, sname])
}

/// By code: one more than the bytes of all its pieces; 0: it is not there. Option 52 has done its work.
fn lengths(message: &Message, areas: &Areas) -> Result<[u16; 256], Verdict> {
    let mut lengths = [0; 256];
    each(message, areas, |code, value| {
        if let Some(length) = lengths.get_mut(usize::from(code)).filter(|_| code != code::OVERLOAD)
        {
            *length = u16::max(*length, 1) + value.len() as u16;
        }
        Ok(())
    })?;
    Ok(lengths)
}

/// Writes code and length of each option that is there. Returns by code where its value stands, and where
/// the options end.
fn heads(lengths: &[u16; 256], spare: &mut Message) -> Result<([u16; 256], usize), Verdict> {
    let mut places = [0; 256];
    let mut at = OPTIONS;
    for ((code, length), place) in (0..=u8::MAX).zip(lengths).zip(&mut places) {
        let Some(length) = length.checked_sub(1) else { continue };
        let short = u8::try_from(length).map_err(|_| Verdict::SplitOption)?;
        let head = spare.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        *head.ok_or(Verdict::TooLong)? = [code, short];
        *place = at as u16 + 2;
        at += 2 + usize::from(length);
        if at > CAP - ANY_OPTION {
            return Err(Verdict::TooLong);
        }
    }
    Ok((places, at))
}

/// Calls for the code and value of each option.
fn each(
    message: &Message,
    areas: &[(usize, usize)],
    mut call: impl FnMut(u8, &[u8]) -> Result<(), Verdict>,
) -> Result<(), Verdict> {
    for (mut at, end) in areas.iter().copied() {
        while at < end {
            let code = byte(message, at).ok_or(Verdict::TooLong)?;
            match code {
                code::PAD => at += 1,
                code::END => break,
                code => {
                    let after = at + 2 + length(message, at);
                    if at + 1 >= end || after > end {
                        return Err(Verdict::Truncated);
                    }
                    call(code, message.get(at + 2..after).ok_or(Verdict::TooLong)?)?;
                    at = after;
                }
            }
        }
    }
    Ok(())
}
