//! The whole way of a request, from its bytes to those of the answer: the function that the XDP program and the slow
//! path both call.

use core::hint::black_box;

use crate::{
    checksum, client, complete,
    decide::decide,
    destination::{destination, refusal_destination},
    flatten::flatten,
    frame::{self, BROADCAST, Frame, HEADERS},
    message::{ANY_OPTION, CAP, Message, forget},
    options::Index,
    proxy,
    refuse::refuse,
    reply::{self, finish, limit},
    request::{Request, parse},
    shared::{Reservation, Seen, Settings, Vlan},
    side::Side,
    tables::Tables,
    verdict::Verdict,
    wire::code,
};

/// The options of a request that an answer depends on: all others are skipped.
pub const READ: [u8; 13] = [
    code::VENDOR_OPTIONS,
    code::REQUESTED_ADDRESS,
    code::MESSAGE_TYPE,
    code::SERVER_ID,
    code::PARAMETER_LIST,
    code::MAX_MESSAGE,
    code::VENDOR_CLASS,
    code::CLIENT_ID,
    code::USER_CLASS,
    code::RELAY_AGENT,
    code::ARCHITECTURE,
    code::MACHINE_ID,
    code::SUBNET_SELECTION,
];

/// The working memory of one message. In the kernel it is per-CPU map memory: nothing of this size
/// fits its stack.
#[repr(C, align(8))]
pub struct Scratch {
    /// The request's message: the caller copies it here.
    pub message: Message,
    /// The answer's message.
    pub reply: Message,
    /// The request's headers without tags, then the answer's.
    pub headers: [u8; HEADERS],
    pub request: Request,
    /// Of the request's frame.
    pub vlan: Vlan,
    /// What is told about the request's machine.
    pub seen: Seen,
    pub index: Index,
    /// For [`crate::message::forget`].
    pub cell: usize,
    /// The same for a verdict: it is read back from here.
    pub verdict: Verdict,
}

impl Scratch {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            message: [0; CAP],
            reply: [0; CAP],
            headers: [0; HEADERS],
            request: Request::empty(),
            vlan: Vlan::NONE,
            seen: Seen::NOTHING,
            index: Index::new(),
            cell: 0,
            verdict: Verdict::NotDhcp,
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// An answer that stands in the scratch memory: `headers`, and this much of `reply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// Bytes of the message.
    pub len: usize,
    /// Milliseconds to wait before it is sent.
    pub delay: u16,
}

/// Whether a frame is for this node. A bridge's port and an interface in promiscuous mode see frames to
/// others, and a router is sent requests to servers behind it: nothing of theirs is counted, limited or read.
///
/// # Errors
/// [`Verdict::OtherDestination`]: it is not.
#[inline(always)]
pub fn is_for_us<T: Tables>(
    headers: &[u8; HEADERS],
    ifindex: u32,
    tables: &T,
) -> Result<(), Verdict> {
    let (mac, address) = frame::destinations(headers);
    let is_to_group = mac.octets[0] & 1 != 0;
    if !is_to_group {
        let Some(interface) = tables.interface(ifindex) else { return Err(Verdict::NoTables) };
        if mac != interface.mac {
            return Err(Verdict::OtherDestination);
        }
    }
    let Some(settings) = tables.settings() else { return Err(Verdict::NoTables) };
    if address != BROADCAST && !settings.is_ours(address) && !settings.is_broadcast(address) {
        return Err(Verdict::OtherDestination);
    }
    Ok(())
}

/// Answers the request in `scratch.message`, of a frame that [`is_for_us`], that came over an interface.
/// `scratch.seen` must be [`Seen::NOTHING`], and `scratch.vlan` the frame's.
///
/// # Errors
/// A verdict that says why there is no answer, or not on this side.
#[inline(always)]
pub fn respond<S: Side, T: Tables>(
    frame: &Frame,
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &T,
) -> Result<Answer, Verdict> {
    let Scratch { message, reply, headers, request, vlan, seen, index, cell, verdict: counted } =
        scratch;
    let mut parsed = parse(message, frame.message_len, vlan, index, request);
    seen.station = request.station;
    if S::COMPLETE
        && matches!(parsed, Err(Verdict::Overload | Verdict::SplitOption | Verdict::TooManyOptions))
    {
        *reply = *message;
        let source = reply.get(..frame.message_len).unwrap_or_default();
        parsed = flatten(source, &READ, message)
            .and_then(|len| parse(message, len, vlan, index, request));
    }
    parsed?;
    if S::COMPLETE && has_flag(tables, Settings::SUBNET_SELECTION) {
        request.select_subnet(message, index);
        // Another interface on this link may have a subnet: one answers.
        let is_direct = request.selected != [0; 4] && !request.is_relayed();
        if is_direct && frame.is_broadcast() && !tables.has_subnet(ifindex) {
            return Err(Verdict::WrongSubnet);
        }
    }
    // What was read stands in memory: the verifier must not follow each field's ways on from here.
    let (index, request) = (&*black_box(index), &*black_box(request));
    seen.giaddr = request.giaddr;
    seen.message_type = request.message_type;
    seen.address = request.address();
    seen.architecture = client::architecture(message, index);
    let asker = client::asker::<S>(message, index, tables, cell);
    // Of a machine without reservation.
    seen.stage = asker.stage(0, cell) as u8;
    let told = &mut seen.stage;
    let decided =
        decide::<S, T>(message, index, request, &asker, frame, ifindex, tables, cell, told);
    let decision = match decided {
        Err(Verdict::ProxyMode) if S::COMPLETE => {
            proxy::decide(message, index, request, &asker, frame, ifindex, tables, cell)?
        }
        Err(Verdict::Nak) if S::COMPLETE => {
            let interface = tables.interface(ifindex).ok_or(Verdict::NoTables)?;
            let refusal =
                refuse::<S, T>(frame, interface, tables, message, index, request, cell, reply)?;
            let sum = checksum::message(reply, refusal.len);
            // Another interface on this link may be the one that answers: what is wrong here, it may acknowledge.
            if frame.is_broadcast() && request.link == [0; 4] && !tables.has_subnet(ifindex) {
                return Err(Verdict::WrongSubnet);
            }
            let is_on_link = tables.is_on_link(ifindex, request.ciaddr);
            let to = refusal_destination(request, frame, is_on_link);
            frame::write(headers, interface.mac, refusal.server, &to, refusal.len, sum);
            return Ok(Answer { verdict: refusal.verdict, len: refusal.len, delay: 0 });
        }
        decided => decided?,
    };
    seen.stage = decision.stage as u8;
    let Some(interface) = tables.interface(ifindex) else { return Err(Verdict::NoTables) };
    let end = reply::build::<S>(message, index, request, &decision, cell, reply)?;
    let limit = limit(request, interface.mtu);
    // One state for all verdicts, as of what `forget` passes through memory.
    *counted = decision.verdict();
    let mut verdict = *black_box(counted);
    let (len, to);
    if S::COMPLETE {
        let end = if decision.reservation.has(Reservation::HAS_MORE) {
            let more = tables.more(decision.row, &decision.reservation.station);
            complete::append(reply, end, more)?
        } else {
            end
        };
        let end = complete::append(reply, end, complete::selection(request, &mut [0; 6]))?;
        (len, verdict) = complete::finish(message, index, request, &decision, reply, end, limit)?;
        to = complete::destination(request, frame, &decision)?;
    } else {
        len = finish(reply, end, limit)?;
        to = destination(request, frame, decision.reservation);
        // The daemon may have put another machine's row in its place meanwhile.
        if decision.reservation.station != request.station {
            return Err(Verdict::Changed);
        }
    }
    let sum = forget(checksum::message(reply, len) as usize, cell) as u32;
    frame::write(headers, interface.mac, decision.subnet.server, &to, len, sum);
    Ok(Answer { verdict, len, delay: decision.reservation.delay })
}

/// As [`respond`], to a frame in memory.
///
/// # Errors
/// As [`respond`].
pub fn answer<S: Side, T: Tables>(
    frame: &[u8],
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &T,
) -> Result<Answer, Verdict> {
    scratch.seen = Seen::NOTHING;
    let (parts, classified) = frame::split(frame)?;
    // They may be no DHCP messages: their port was not read, or is another.
    if let Err(verdict @ (Verdict::NotDhcp | Verdict::IpOptions)) = classified {
        return Err(verdict);
    }
    is_for_us(&parts.headers, ifindex, tables)?;
    tables.admit()?;
    match classified {
        Err(Verdict::ProxyPort) if S::COMPLETE && has_flag(tables, Settings::PROXY) => {}
        classified => classified?,
    }
    scratch.vlan = parts.vlan;
    let mut parsed = frame::parse(&parts.headers, frame.len() - parts.tags.len())?;
    let message = parts.rest.get(..parsed.message_len).ok_or(Verdict::Truncated)?;
    if message.is_empty() {
        return Err(Verdict::Truncated);
    }
    if S::COMPLETE && message.len() > CAP - ANY_OPTION {
        parsed.message_len = flatten(message, &READ, &mut scratch.message)?;
    } else {
        scratch.message.get_mut(..message.len()).ok_or(Verdict::TooLong)?.copy_from_slice(message);
    }
    respond::<S, T>(&parsed, ifindex, scratch, tables)
}

fn has_flag(tables: &impl Tables, flag: u32) -> bool {
    tables.settings().is_some_and(|settings| settings.has(flag))
}
