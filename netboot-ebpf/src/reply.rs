//! The answer's bytes: the fixed header, the rendered blocks, and what depends on the request.

use crate::{
    decide::Decision,
    message::{CAP, Message, bytes, forget, put},
    options::{Index, length},
    request::Request,
    shared::{BootFile, Reservation},
    side::{Daemon, Kernel, Side},
    verdict::Verdict,
    wire::{
        ACK, BOOTREPLY, BROADCAST_FLAG, CHADDR, CIADDR, COOKIE, FILE, FLAGS, GIADDR, HTYPE,
        MAGIC_COOKIE, MAX_DATAGRAM, MIN_MESSAGE, NAK, OP, OPTIONS, SIADDR, SNAME, XID, YIADDR,
        code,
    },
};

/// The longest boot file name that fits the `file` field with its NUL.
pub const FILE_NAME: usize = 127;

/// Builds an OFFER or ACK in `reply`, and returns where its options end. The bytes after that are zero up to
/// [`MIN_MESSAGE`].
///
/// # Errors
/// [`Verdict::EchoTooLong`], [`Verdict::ReplyTooLong`]; `reply` is then undefined.
#[inline(always)]
pub fn build<S: Side>(
    message: &Message,
    index: &Index,
    request: &Request,
    decision: &Decision<'_>,
    cell: &mut usize,
    reply: &mut Message,
) -> Result<usize, Verdict> {
    let Decision { reservation, subnet, boot, .. } = *decision;
    let mut flags = message[FLAGS];
    if reservation.has(Reservation::ALWAYS_BROADCAST) {
        // The relay reads the flag.
        flags |= BROADCAST_FLAG;
    }
    let flags = forget(usize::from(flags), cell) as u8;
    let ciaddr = if decision.message_type == ACK { request.ciaddr } else { [0; 4] };
    header(message, reply, ciaddr, reservation.address, decision.siaddr, flags).ok_or(LONG)?;
    let long_name = usize::from(boot.name_len) > FILE_NAME;
    if long_name {
        put(reply, FILE, &[0; 128]).ok_or(LONG)?;
    } else {
        let name = boot.name.first_chunk::<128>().ok_or(LONG)?;
        put(reply, FILE, name).ok_or(LONG)?;
    }
    put(reply, OPTIONS, &[code::MESSAGE_TYPE, 1, decision.message_type]).ok_or(LONG)?;
    let mut at = OPTIONS + 3;

    put(reply, at, &subnet.options).ok_or(LONG)?;
    // A ProxyDHCP's has no lease that would be renewed through the relay, which RFC 5107 is for.
    if request.server_override != [0; 4] && !decision.is_proxy {
        put(reply, at, &[code::SERVER_ID, 4]).ok_or(LONG)?;
        put(reply, at + 2, &request.server_override).ok_or(LONG)?;
    }
    at += subnet.options_len as usize & 0x1ff;
    // RFC 6842 section 3: "the server MUST return the 'client identifier' option, unaltered, in its response message."
    at = echo::<S>(message, index, code::CLIENT_ID, reply, at, cell)?;
    at = echo::<S>(message, index, code::MACHINE_ID, reply, at, cell)?;
    put(reply, at, &reservation.options).ok_or(LONG)?;
    at += usize::from(reservation.options_len) & 0xff;
    put(reply, at, &boot.options).ok_or(LONG)?;
    at += usize::from(boot.options_len) & 0x7f;
    let in_option = long_name || boot.flags & BootFile::IN_OPTION != 0;
    if in_option && !reservation.has(Reservation::NO_BOOT_FILE_OPTION) {
        put(reply, at, &[code::BOOT_FILE, boot.name_len as u8]).ok_or(LONG)?;
        put(reply, at + 2, &boot.name).ok_or(LONG)?;
        at += 2 + (usize::from(boot.name_len) & 0xff);
    }
    at = forget(at, cell);
    // RFC 3046 section 2.2: "Servers SHOULD copy the Relay Agent Information option as the last DHCP option in the
    // response."
    echo::<S>(message, index, code::RELAY_AGENT, reply, at, cell)
}

const LONG: Verdict = Verdict::ReplyTooLong;

/// Builds a NAK (RFC 2131 table 3): 53, 54, 61, 56 and 82 only. Returns where its options end.
///
/// # Errors
/// As [`build`].
pub fn build_nak<S: Side>(
    message: &Message,
    index: &Index,
    request: &Request,
    server: [u8; 4],
    cell: &mut usize,
    reply: &mut Message,
) -> Result<usize, Verdict> {
    const REASON: &[u8; 13] = b"wrong address";
    *reply = [0; CAP];
    // RFC 2131 section 4.3.2: "The server MUST set the broadcast bit in the DHCPNAK, so that the relay agent will
    // broadcast the DHCPNAK to the client, because the client may not have a correct network address".
    let flags = if request.is_relayed() { message[FLAGS] | BROADCAST_FLAG } else { message[FLAGS] };
    header(message, reply, [0; 4], [0; 4], [0; 4], flags).ok_or(LONG)?;
    let [a, b, c, d] = server;
    put(reply, OPTIONS, &[code::MESSAGE_TYPE, 1, NAK, code::SERVER_ID, 4, a, b, c, d])
        .ok_or(LONG)?;
    let mut at = OPTIONS + 9;
    put(reply, at, &[code::MESSAGE, REASON.len() as u8]).ok_or(LONG)?;
    put(reply, at + 2, REASON).ok_or(LONG)?;
    at += 2 + REASON.len();
    at = echo::<S>(message, index, code::CLIENT_ID, reply, at, cell)?;
    echo::<S>(message, index, code::RELAY_AGENT, reply, at, cell)
}

/// The fixed header (RFC 2131 table 3), but for `file`; `sname`, `hops` and `secs` are zero.
#[inline(always)]
fn header(
    message: &Message,
    reply: &mut Message,
    ciaddr: [u8; 4],
    yiaddr: [u8; 4],
    siaddr: [u8; 4],
    flags: u8,
) -> Option<()> {
    let [htype, hlen] = *bytes(message, HTYPE)?;
    put(reply, OP, &[BOOTREPLY, htype, hlen, 0])?;
    put(reply, XID, bytes::<4>(message, XID)?)?;
    put(reply, XID + 4, &[0, 0, flags, message[FLAGS + 1]])?;
    put(reply, CIADDR, &ciaddr)?;
    put(reply, YIADDR, &yiaddr)?;
    put(reply, SIADDR, &siaddr)?;
    put(reply, GIADDR, bytes::<4>(message, GIADDR)?)?;
    put(reply, CHADDR, bytes::<16>(message, CHADDR)?)?;
    put(reply, SNAME, &[0; 64])?;
    put(reply, COOKIE, &MAGIC_COOKIE)
}

/// Copies an option of the request, if it is there, to `to`, and zeroes what the copy of constant
/// length left behind it. Returns the offset after it.
#[inline(always)]
fn echo<S: Side>(
    message: &Message,
    index: &Index,
    code: u8,
    reply: &mut Message,
    to: usize,
    cell: &mut usize,
) -> Result<usize, Verdict> {
    let mut after = to;
    if let Some(at) = index.find(code) {
        after = if S::COMPLETE {
            copy::<{ Daemon::ECHO }>(message, at, reply, to)?
        } else {
            copy::<{ Kernel::ECHO }>(message, at, reply, to)?
        };
    }
    Ok(forget(after, cell))
}

#[inline(always)]
fn copy<const ECHO: usize>(
    message: &Message,
    at: usize,
    reply: &mut Message,
    to: usize,
) -> Result<usize, Verdict> {
    let len = 2 + length(message, at);
    if len > ECHO {
        return Err(Verdict::EchoTooLong);
    }
    let Some(option) = bytes::<ECHO>(message, at) else { return Err(Verdict::EchoTooLong) };
    put(reply, to, option).ok_or(LONG)?;
    put(reply, to + len, &[0; ECHO]).ok_or(LONG)?;
    Ok(to + len)
}

/// The End option, and zeros as far as [`crate::checksum::message`] reads.
const END: [u8; 32] = {
    let mut end = [0; 32];
    end[0] = code::END;
    end
};

/// IPv4 and UDP header.
pub(crate) const HEADERS: usize = 28;

/// The longest IP datagram that the client and the link take, in bytes (option 57 counts it so).
#[inline(always)]
#[must_use]
pub fn limit(request: &Request, mtu: u16) -> usize {
    usize::from(request.max_datagram.min(mtu)).min(MAX_DATAGRAM)
}

/// Ends the options, and returns the message's length.
///
/// # Errors
/// [`Verdict::ReplyTooLong`]: its datagram is over the limit.
#[inline(always)]
pub fn finish(reply: &mut Message, at: usize, limit: usize) -> Result<usize, Verdict> {
    put(reply, at, &END).ok_or(LONG)?;
    let len = (at + 1).max(MIN_MESSAGE);
    if len + HEADERS > limit { Err(LONG) } else { Ok(len) }
}
