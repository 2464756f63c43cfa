//! The daemon's completion of an answer, which the kernel leaves to the daemon: an INFORM's and a ProxyDHCP's header
//! differ, an answer that is too long is shortened, and some firmware wants its answer longer.

use crate::{
    decide::Decision,
    destination::{self, inform_destination},
    frame::{Destination, Frame},
    message::Message,
    options::Index,
    proxy,
    reply::{self, HEADERS},
    request::Request,
    trim::{Fit, find, remove, remove_unasked, shorten},
    verdict::Verdict,
    wire::{INFORM, OFFER, YIADDR, code},
};

/// Puts encoded options into a built answer, before the relay's: "Servers SHOULD copy the Relay Agent Information
/// option as the last DHCP option in the response" (RFC 3046 section 2.2). Returns where the options end.
///
/// # Errors
/// [`Verdict::ReplyTooLong`]: they have no room.
pub fn append(reply: &mut Message, end: usize, more: [&[u8]; 2]) -> Result<usize, Verdict> {
    let relays = find(reply, end, code::RELAY_AGENT);
    let (mut at, mut end) = (relays.map_or(end, |(at, _)| at), end);
    for options in more {
        let place = reply.get_mut(at..end + options.len()).ok_or(Verdict::ReplyTooLong)?;
        place.copy_within(..end - at, options.len());
        place.get_mut(..options.len()).ok_or(Verdict::ReplyTooLong)?.copy_from_slice(options);
        (at, end) = (at + options.len(), end + options.len());
    }
    Ok(end)
}

/// Option 118 as the client sent it, where it is heeded: who sends it takes no answer without (RFC 3011 section 2).
pub fn selection<'o>(request: &Request, option: &'o mut [u8; 6]) -> [&'o [u8]; 2] {
    let [a, b, c, d] = request.selected;
    *option = [code::SUBNET_SELECTION, 4, a, b, c, d];
    [if request.selected == [0; 4] { &[] } else { option }, &[]]
}

/// Ends the options of a built answer, and returns the message's length and what the answer is counted as.
///
/// # Errors
/// [`Verdict::ReplyTooLong`]: even what must be told is over the limit.
pub fn finish(
    message: &Message,
    index: &Index,
    request: &Request,
    decision: &Decision<'_>,
    reply: &mut Message,
    end: usize,
    limit: usize,
) -> Result<(usize, Verdict), Verdict> {
    let mut end = end;
    let mut verdict = decision.verdict();
    if request.message_type == INFORM {
        // RFC 2131 section 4.3.5: "The server MUST NOT send a lease expiration time to the client and SHOULD NOT fill
        // in 'yiaddr'."
        clear_address(reply);
        for code in [code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME] {
            end = remove(reply, end, code);
        }
        verdict = Verdict::InformAck;
    }
    if decision.is_proxy {
        clear_address(reply);
        if let Some(item) = proxy::boot_item(message, index) {
            end = proxy::put_boot_item(reply, end, item);
        }
    }
    if decision.only_asked {
        end = remove_unasked(message, index, reply, end);
    }
    let (end, fit) = shorten(message, index, reply, end, limit);
    let verdict = match fit {
        Fit::Whole => verdict,
        Fit::Shortened if decision.message_type == OFFER => Verdict::OfferShortened,
        Fit::Shortened => Verdict::AckShortened,
        Fit::WithoutRelayInfo => Verdict::NoRelayInfo,
        Fit::No => return Err(Verdict::ReplyTooLong),
    };
    let len = reply::finish(reply, end, limit)?;
    let least = usize::from(decision.reservation.min_message).min(limit.saturating_sub(HEADERS));
    if least > len {
        // With what the checksum reads.
        reply.get_mut(end + 1..least + 32).ok_or(Verdict::ReplyTooLong)?.fill(0);
    }
    Ok((len.max(least), verdict))
}

fn clear_address(reply: &mut Message) {
    if let Some(address) = reply.get_mut(YIADDR..YIADDR + 4) {
        address.fill(0);
    }
}

/// Where the answer goes.
///
/// # Errors
/// [`Verdict::WrongAddress`]: an INFORM or a request to port 4011 does not say where.
pub fn destination(
    request: &Request,
    frame: &Frame,
    decision: &Decision<'_>,
) -> Result<Destination, Verdict> {
    if decision.is_proxy {
        proxy::destination(request, frame)
    } else if request.message_type == INFORM {
        inform_destination(request, frame, decision.subnet)
    } else {
        Ok(destination::destination(request, frame, decision.reservation))
    }
}
