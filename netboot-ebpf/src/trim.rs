//! Options that the daemon takes out of a built answer: what an INFORM is not told, and what does not fit.

use crate::{
    message::{CAP, Message, byte},
    options::{Index, length},
    parameters::place,
    reply::HEADERS,
    wire::{OPTIONS, code},
};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It was short enough.
    Whole,
    /// Without some of the configured options.
    Shortened,
    /// Without the relay's, too: "If a server is unable to copy a full Relay Agent Information field into a response,
    /// it SHALL send the response without the Relay Information Field" (RFC 3046 section 2.2).
    WithoutRelayInfo,
    /// Even what must be told does not fit.
    No,
}

/// Takes an option out of an answer whose options end at `end`, in all its pieces (RFC 3396); returns where they
/// end then.
pub fn remove(reply: &mut Message, end: usize, code: u8) -> usize {
    let mut end = end;
    while let Some((at, len)) = find(reply, end, code) {
        reply.copy_within(at + len..end.min(CAP), at);
        if let Some(freed) = reply.get_mut(end - len..end) {
            freed.fill(0);
        }
        end -= len;
    }
    end
}

/// Takes options out until the IP datagram is `limit` bytes long at most; returns where they end.
///
/// Where the relay's does not fit beside what must be told, it goes first. Then go those that the client did not ask
/// for, the last in the answer first; then those on the client's list (option 55) from the list's end, since "the
/// client MAY list the options in order of preference" (RFC 2132 section 9.8); at last what boots the machine.
pub fn shorten(
    message: &Message,
    index: &Index,
    reply: &mut Message,
    end: usize,
    limit: usize,
) -> (usize, Fit) {
    // With the End option, and the datagram's headers.
    let limit = limit.saturating_sub(HEADERS + 1);
    if end <= limit {
        return (end, Fit::Whole);
    }
    let mut end = end;
    let mut fit = Fit::Shortened;
    let kept = places(reply, end).filter(|(code, ..)| is_kept(*code, reply, end));
    if OPTIONS + kept.map(|(_, _, len)| len).sum::<usize>() > limit {
        end = remove(reply, end, code::RELAY_AGENT);
        fit = Fit::WithoutRelayInfo;
    }
    while end > limit {
        let Some(code) = least_wanted(message, index, reply, end) else { return (end, Fit::No) };
        end = remove(reply, end, code);
        // With option 60 and without 43.6 firmware looks for boot servers (PXE 2.1 section 2.2.3), and EDK2 ends
        // with PXE-E16.
        if code == code::VENDOR_OPTIONS && names_pxe(reply, end) {
            end = remove(reply, end, code::VENDOR_CLASS);
        }
    }
    (end, fit)
}

/// What is told as long as anything is.
const KEPT: [u8; 8] = [
    code::SUBNET_MASK,
    code::ROUTER,
    code::LEASE_TIME,
    code::MESSAGE_TYPE,
    code::SERVER_ID,
    code::CLIENT_ID,
    code::RELAY_AGENT,
    // Who sends it takes no answer without (RFC 3011 section 2).
    code::SUBNET_SELECTION,
];

fn is_kept(code: u8, reply: &Message, end: usize) -> bool {
    // Without a router, the routes are the only way out.
    KEPT.contains(&code)
        || code == code::CLASSLESS_ROUTES && find(reply, end, code::ROUTER).is_none()
}

/// What nobody asks for, and everybody is told: what is told in any case, the lease's times, and what boots a machine,
/// but for option 43.
fn is_for_all(code: u8, reply: &Message, end: usize) -> bool {
    matches!(code, code::RENEWAL_TIME | code::REBINDING_TIME)
        || code != code::VENDOR_OPTIONS && BOOT.contains(&code)
        || is_kept(code, reply, end)
}

/// Takes out the options that the client did not ask for, where it asks for some; returns where they end.
pub fn remove_unasked(message: &Message, index: &Index, reply: &mut Message, end: usize) -> usize {
    if !index.has(code::PARAMETER_LIST) {
        return end;
    }
    let mut end = end;
    while let Some(code) = unasked(message, index, reply, end) {
        end = remove(reply, end, code);
    }
    end
}

fn unasked(message: &Message, index: &Index, reply: &Message, end: usize) -> Option<u8> {
    let is_unasked =
        |code: u8| !is_for_all(code, reply, end) && place(message, index, code).is_none();
    places(reply, end).map(|(code, ..)| code).find(|code| is_unasked(*code))
}

/// What boots a machine, the most dispensable first.
const BOOT: [u8; 6] = [
    code::MACHINE_ID,
    code::IPXE,
    code::TFTP_SERVER_NAME,
    code::VENDOR_OPTIONS,
    code::BOOT_FILE,
    code::VENDOR_CLASS,
];

/// The option to do without next; `None`: only those that are kept are left.
fn least_wanted(message: &Message, index: &Index, reply: &Message, end: usize) -> Option<u8> {
    // The greatest rank: options asked for have 1 to 255 by their place on the list, boot options less than 0.
    let rank = |code: u8| match BOOT.iter().position(|boot| *boot == code) {
        Some(place) => -1 - place as i32,
        None => place(message, index, code).map_or(256, |place| place as i32),
    };
    let codes = places(reply, end).map(|(code, ..)| code);
    codes.filter(|code| !is_kept(*code, reply, end)).max_by_key(|code| rank(*code))
}

fn names_pxe(reply: &Message, end: usize) -> bool {
    let class = find(reply, end, code::VENDOR_CLASS);
    let value = class.and_then(|(at, len)| reply.get(at + 2..at + len));
    value.is_some_and(|value| value.starts_with(b"PXEClient"))
}

/// Offset and length of an option, with its code and length octet.
pub(crate) fn find(reply: &Message, end: usize, code: u8) -> Option<(usize, usize)> {
    places(reply, end).find(|(found, ..)| *found == code).map(|(_, at, len)| (at, len))
}

/// Code, offset and whole length of each option.
fn places(reply: &Message, end: usize) -> impl Iterator<Item = (u8, usize, usize)> {
    let mut at = OPTIONS;
    core::iter::from_fn(move || {
        let found = (byte(reply, at).filter(|_| at + 1 < end)?, at, 2 + length(reply, at));
        at += found.2;
        (at <= end).then_some(found)
    })
}
