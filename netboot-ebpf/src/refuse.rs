//! The NAK, which the daemon alone sends.

use crate::{
    decide::is_rebinding,
    frame::Frame,
    message::Message,
    options::Index,
    reply::{build_nak, finish, limit},
    request::Request,
    shared::Interface,
    side::Side,
    tables::Tables,
    trim::{Fit, shorten},
    verdict::Verdict,
};

/// A NAK that stands in the working memory.
pub struct Refusal {
    /// Our address in the machine's subnet.
    pub server: [u8; 4],
    /// Bytes of the message.
    pub len: usize,
    pub verdict: Verdict,
}

/// Builds the NAK that [`crate::decide::decide`] asks for.
///
/// # Errors
/// [`Verdict::WrongAddress`]: the machine rebinds an address of a network that is not ours, so another
/// server's; or the machine asks from such a network. Else as [`crate::reply::build`].
#[expect(clippy::too_many_arguments, reason = "the parts of the working memory")]
pub fn refuse<S: Side, T: Tables>(
    frame: &Frame,
    interface: &Interface,
    tables: &T,
    message: &Message,
    index: &Index,
    request: &Request,
    cell: &mut usize,
    reply: &mut Message,
) -> Result<Refusal, Verdict> {
    if is_rebinding(request, frame) && !tables.is_served(request.ciaddr) {
        return Err(Verdict::WrongAddress);
    }
    if request.link != [0; 4] && !tables.is_asked_from(request.link) {
        return Err(Verdict::WrongAddress);
    }
    let reservation = tables.reservation(&request.station)?;
    let server = tables.subnet(reservation.subnet).ok_or(Verdict::NoTables)?.server;
    let known = if request.server_override == [0; 4] { server } else { request.server_override };
    let end = build_nak::<S>(message, index, request, known, cell, reply)?;
    let limit = limit(request, interface.mtu);
    let (end, fit) = shorten(message, index, reply, end, limit);
    let verdict = if fit == Fit::WithoutRelayInfo { Verdict::NoRelayInfo } else { Verdict::Nak };
    Ok(Refusal { server, len: finish(reply, end, limit)?, verdict })
}
