//! A request's whole way, from its bytes to the answer's: what the XDP program and the slow path both
//! call.

use core::hint::black_box;

use crate::{
    checksum,
    client::{self, Stage},
    decide::{decide, destination, refusal_destination},
    frame::{self, Frame, HEADERS},
    message::{CAP, Message, forget},
    options::Index,
    reply,
    request::{Request, parse},
    shared::{Seen, Station},
    tables::Tables,
    verdict::Verdict,
};

/// The working memory of one message. In the kernel it is per-CPU map memory: nothing of this size
/// fits its stack.
#[repr(C, align(8))]
pub struct Scratch {
    /// The request's message: the caller copies it here.
    pub message: Message,
    /// The answer's message.
    pub reply: Message,
    /// The answer's headers.
    pub headers: [u8; HEADERS],
    pub request: Request,
    /// What is told about the request's machine.
    pub seen: Seen,
    pub index: Index,
    /// For [`crate::message::forget`].
    pub cell: usize,
}

impl Scratch {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            message: [0; CAP],
            reply: [0; CAP],
            headers: [0; HEADERS],
            request: Request::empty(),
            seen: Seen::NOTHING,
            index: Index::new(),
            cell: 0,
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
}

/// Answers the request in `scratch.message`, that came over an interface. `scratch.seen` must be
/// [`Seen::NOTHING`].
///
/// # Errors
/// A verdict that says why there is no OFFER or ACK.
#[inline(always)]
pub fn respond<const ECHO: usize, T: Tables>(
    frame: &Frame,
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &T,
) -> Result<Answer, Verdict> {
    let Scratch { message, reply, headers, request, seen, index, cell } = scratch;
    let parsed = parse(message, frame.message_len, index, request);
    seen.mac = request.mac;
    parsed?;
    // What was read stands in memory: the verifier must not follow each field's ways on from here.
    let (index, request) = (&*black_box(index), &*black_box(request));
    seen.giaddr = request.giaddr;
    seen.message_type = request.message_type;
    seen.address = request.address();
    seen.architecture = client::architecture(message, index);
    let stage = client::stage(message, index, tables, cell);
    seen.stage = stage as u8;
    let stage = Stage::from_number(black_box(&*seen).stage).unwrap_or(Stage::Plain);
    let decision = decide(message, index, request, stage, frame, ifindex, tables, cell)?;
    let Some(interface) = tables.interface(ifindex) else { return Err(Verdict::NoTables) };
    let len = reply::build::<ECHO>(message, index, request, &decision, interface.mtu, cell, reply)?;
    let to = destination(request, frame, decision.reservation);
    if decision.reservation.station.mac != request.mac {
        return Err(Verdict::Changed);
    }
    let sum = forget(checksum::message(reply, len) as usize, cell) as u32;
    frame::write(headers, interface.mac, decision.subnet.server, &to, len, sum);
    Ok(Answer { verdict: decision.verdict(stage), len })
}

/// Refuses the request in `scratch.message`, for which [`respond`] said [`Verdict::Nak`].
///
/// # Errors
/// As [`respond`].
pub fn refuse<const ECHO: usize, T: Tables>(
    frame: &Frame,
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &T,
) -> Result<Answer, Verdict> {
    let Scratch { message, reply, headers, request, index, cell, .. } = scratch;
    let reservation =
        tables.reservation(&Station::untagged(request.mac)).ok_or(Verdict::UnknownMachine)?;
    let subnet = tables.subnet(reservation.subnet).ok_or(Verdict::NoTables)?;
    let interface = tables.interface(ifindex).ok_or(Verdict::NoTables)?;
    let mtu = interface.mtu;
    let len = reply::build_nak::<ECHO>(message, index, request, subnet.server, mtu, cell, reply)?;
    let to = refusal_destination(request, frame);
    let sum = checksum::message(reply, len);
    frame::write(headers, interface.mac, subnet.server, &to, len, sum);
    Ok(Answer { verdict: Verdict::Nak, len })
}
