//! Options that stand in several places, put together so that one walk reads them: option overload (RFC
//! 2131 section 4.1), split options (RFC 3396), and more options or pads than are walked. The daemon's alone.

use crate::{
    message::{ANY_OPTION, CAP, Message},
    verdict::Verdict,
    wire::{COOKIE, FILE, OPTIONS, SNAME, code},
};

/// Where options can stand beside their field, with the bit of option 52 that says so: "The 'file' field MUST be
/// interpreted next [...], followed by the 'sname' field" (RFC 2131 section 4.1).
const FIELDS: [(u8, (usize, usize)); 2] = [(1, (FILE, COOKIE)), (2, (SNAME, FILE))];

/// Writes each `wanted` option of a message once, its pieces joined in the order of the options field, `file`
/// and `sname`, and returns the new message's length. All others are left out, however many or long they are.
/// Reads each option three times.
///
/// One that is longer than 255 bytes once joined is read from its begin (55, 60, 77, 93) or left out, since it
/// is echoed whole or not at all (61, 97).
///
/// # Errors
/// [`Verdict::Truncated`]: an option is cut off. [`Verdict::BadOption`]: option 52 has no meaning, or option 82
/// is longer than 255 bytes. [`Verdict::TooLong`]: what is wanted does not fit.
pub fn flatten(source: &[u8], wanted: &[u8], into: &mut Message) -> Result<usize, Verdict> {
    let header = source.first_chunk::<OPTIONS>().ok_or(Verdict::Truncated)?;
    let areas = areas(source)?;
    let lengths = lengths(source, &areas, wanted)?;
    *into = [0; CAP];
    *into.first_chunk_mut().ok_or(Verdict::TooLong)? = *header;
    let (mut rooms, end) = rooms(&lengths, into)?;
    each(source, &areas, |code, value| {
        let Some(Room { at, left }) = rooms.get_mut(usize::from(code)) else { return Ok(()) };
        let value = value.get(..value.len().min(*left)).unwrap_or_default();
        let place = into.get_mut(*at..*at + value.len()).ok_or(Verdict::TooLong)?;
        place.copy_from_slice(value);
        *at += value.len();
        *left -= value.len();
        Ok(())
    })?;
    *into.get_mut(end).ok_or(Verdict::TooLong)? = code::END;
    Ok(end + 1)
}

/// Where options stand: begin and end; empty where there are none.
type Areas = [(usize, usize); 3];

fn areas(source: &[u8]) -> Result<Areas, Verdict> {
    let options = (OPTIONS, source.len());
    // RFC 2131 section 4.1: "The options in the 'options' field MUST be interpreted first, so that any 'option
    // overload' options may be interpreted."
    let mut overload = 0;
    each(source, &[options], |code, value| {
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

/// By code: the bytes of all pieces of a wanted option that is there.
type Lengths = [Option<usize>; 256];

fn lengths(source: &[u8], areas: &Areas, wanted: &[u8]) -> Result<Lengths, Verdict> {
    let mut lengths = [None; 256];
    each(source, areas, |code, value| {
        if let Some(length) = lengths.get_mut(usize::from(code)).filter(|_| wanted.contains(&code))
        {
            *length = Some(length.unwrap_or_default() + value.len());
        }
        Ok(())
    })?;
    Ok(lengths)
}

/// Where an option's value goes on, and how much more of it is kept.
#[derive(Clone, Copy, Default)]
struct Room {
    at: usize,
    left: usize,
}

/// Writes code and length of each option that is kept. Returns the rooms for their values by code, and where
/// the options end.
fn rooms(lengths: &Lengths, into: &mut Message) -> Result<([Room; 256], usize), Verdict> {
    let mut rooms = [Room::default(); 256];
    let mut at = OPTIONS;
    for ((code, length), room) in (0..=u8::MAX).zip(lengths).zip(&mut rooms) {
        let Some(length) = length else { continue };
        let Some(kept) = kept(code, *length)? else { continue };
        let head = into.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        *head.ok_or(Verdict::TooLong)? = [code, kept];
        *room = Room { at: at + 2, left: usize::from(kept) };
        at += 2 + usize::from(kept);
        if at > CAP - ANY_OPTION {
            return Err(Verdict::TooLong);
        }
    }
    Ok((rooms, at))
}

/// The bytes that are kept of an option of this length; `None`: it is left out.
fn kept(code: u8, length: usize) -> Result<Option<u8>, Verdict> {
    match (u8::try_from(length), code) {
        (Ok(length), _) => Ok(Some(length)),
        // RFC 6842 and RFC 4578 section 2.3: an echo of a part would be another's.
        (Err(_), code::CLIENT_ID | code::MACHINE_ID) => Ok(None),
        // It says where the client is, and RFC 3046 section 2.2 wants it back whole.
        (Err(_), code::RELAY_AGENT) => Err(Verdict::BadOption),
        // What is searched from its begin; what has one length has a wrong one so, too.
        (Err(_), _) => Ok(Some(u8::MAX)),
    }
}

/// Calls for the code and value of each option.
fn each(
    source: &[u8],
    areas: &[(usize, usize)],
    mut call: impl FnMut(u8, &[u8]) -> Result<(), Verdict>,
) -> Result<(), Verdict> {
    for (mut at, end) in areas.iter().copied() {
        while at < end {
            let code = *source.get(at).ok_or(Verdict::Truncated)?;
            match code {
                code::PAD => at += 1,
                code::END => break,
                code => {
                    let length = source.get(at + 1).filter(|_| at + 1 < end);
                    let after = at + 2 + usize::from(*length.ok_or(Verdict::Truncated)?);
                    if after > end {
                        return Err(Verdict::Truncated);
                    }
                    call(code, source.get(at + 2..after).ok_or(Verdict::Truncated)?)?;
                    at = after;
                }
            }
        }
    }
    Ok(())
}
