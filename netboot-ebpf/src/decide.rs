//! What to answer: pure policy over a request and the tables.

use crate::{
    client::{Stage, architecture_slot},
    frame::{Destination, Frame},
    message::{Message, forget},
    options::Index,
    request::Request,
    shared::{BootFile, Reservation, Settings, Station, Subnet},
    tables::Tables,
    verdict::Verdict,
    wire::{
        ACK, BROADCAST_FLAG, CLIENT_PORT, DECLINE, DISCOVER, INFORM, OFFER, RELEASE, REQUEST,
        SERVER_PORT,
    },
};

/// An answer to be built.
pub struct Decision<'t> {
    /// OFFER or ACK.
    pub message_type: u8,
    pub reservation: &'t Reservation,
    pub subnet: &'t Subnet,
    pub boot: &'t BootFile,
}

const ZERO: [u8; 4] = [0; 4];

/// Decides on a request that came over an interface.
///
/// # Errors
/// A verdict that says why there is no OFFER or ACK. [`Verdict::Nak`] asks for a NAK, which userspace
/// sends.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "a struct of references would be built on the BPF stack"
)]
pub fn decide<'t, T: Tables>(
    message: &Message,
    index: &Index,
    request: &Request,
    stage: Stage,
    frame: &Frame,
    ifindex: u32,
    tables: &'t T,
    cell: &mut usize,
) -> Result<Decision<'t>, Verdict> {
    let Some(settings) = tables.settings() else { return Err(Verdict::NoTables) };
    if !frame.is_broadcast() && !settings.is_ours(frame.destination) {
        return Err(Verdict::OtherDestination);
    }
    if request.message_type == REQUEST
        && request.server != ZERO
        && !settings.is_ours(request.server)
    {
        return Err(Verdict::OtherServer);
    }
    let Some(reservation) = tables.reservation(&Station::untagged(request.mac)) else {
        return Err(Verdict::UnknownMachine);
    };
    let Some(subnet) = tables.subnet(reservation.subnet) else { return Err(Verdict::NoTables) };
    let message_type = match request.message_type {
        DISCOVER => discover(request, settings, subnet, ifindex)?,
        REQUEST => request_state(request, frame, settings, reservation, subnet, ifindex)?,
        DECLINE => return Err(Verdict::Decline),
        RELEASE => return Err(Verdict::Release),
        INFORM => return Err(Verdict::Inform),
        _ => return Err(Verdict::UnsupportedType),
    };
    let slot = architecture_slot(message, index, settings, cell);
    let row = boot_row(reservation.boot_set, stage, settings.slots, slot);
    let row = forget(row as usize, cell) as u32;
    let Some(boot) = tables.boot_file(row) else { return Err(Verdict::NoTables) };
    // One state for all that led here: what follows is verified once.
    let message_type = forget(usize::from(message_type), cell) as u8;
    Ok(Decision { message_type, reservation, subnet, boot })
}

impl Decision<'_> {
    /// What the answer is counted as.
    #[inline(always)]
    #[must_use]
    pub fn verdict(&self, stage: Stage) -> Verdict {
        let missing =
            stage != Stage::Plain && self.reservation.boot_set != 0 && self.boot.name_len == 0;
        match (self.message_type == OFFER, missing) {
            (true, false) => Verdict::Offer,
            (true, true) => Verdict::OfferNoBootFile,
            (false, false) => Verdict::Ack,
            (false, true) => Verdict::AckNoBootFile,
        }
    }
}

/// A DISCOVER is offered the reserved address, whatever address it asks for, on its own link.
#[inline(always)]
fn discover(
    request: &Request,
    settings: &Settings,
    subnet: &Subnet,
    ifindex: u32,
) -> Result<u8, Verdict> {
    if on_link(request, subnet, ifindex) || settings.has(Settings::SHARED_NETWORKS) {
        Ok(OFFER)
    } else {
        Err(Verdict::WrongSubnet)
    }
}

/// The states of a REQUEST (RFC 2131 section 4.3.2, table 4).
#[inline(always)]
fn request_state(
    request: &Request,
    frame: &Frame,
    settings: &Settings,
    reservation: &Reservation,
    subnet: &Subnet,
    ifindex: u32,
) -> Result<u8, Verdict> {
    let link = on_link(request, subnet, ifindex) || settings.has(Settings::SHARED_NETWORKS);
    let wrong =
        if settings.has(Settings::AUTHORITATIVE) { Verdict::Nak } else { Verdict::WrongAddress };
    if request.server != ZERO || request.ciaddr == ZERO {
        // SELECTING and INIT-REBOOT: the client has no address yet, and names the one that it wants.
        if request.requested == ZERO || request.ciaddr != ZERO {
            return Err(Verdict::BadOption);
        }
        return if link && request.requested == reservation.address { Ok(ACK) } else { Err(wrong) };
    }
    // REBINDING is broadcast, and may be relayed; RENEWING comes straight to us, possibly through a router.
    let rebinding = frame.is_broadcast() || request.is_relayed();
    if request.ciaddr == reservation.address && (link || !rebinding) {
        return Ok(ACK);
    }
    // A client that rebinds an address of a network that is not ours has another server.
    if rebinding && !subnet.contains(request.ciaddr) {
        return Err(Verdict::WrongAddress);
    }
    Err(wrong)
}

/// Whether the client is on the link of its subnet: the relay's address says which link, else the
/// interface does.
#[inline(always)]
fn on_link(request: &Request, subnet: &Subnet, ifindex: u32) -> bool {
    if request.is_relayed() { subnet.contains(request.giaddr) } else { subnet.ifindex == ifindex }
}

/// The row of `BOOT_FILES`; row 0 is the empty one.
#[inline(always)]
fn boot_row(set: u32, stage: Stage, slots: u32, slot: u32) -> u32 {
    if set == 0 || stage == Stage::Plain || (slot == 0 && stage != Stage::Script) {
        return 0;
    }
    set + stage.row(slots, slot)
}

/// Where an OFFER or ACK goes (RFC 2131 section 4.1).
///
/// A relayed answer and one to an address in use go back to the station that delivered the request,
/// which is the client, or the relay or router on the way to it; no ARP is needed.
#[inline(always)]
#[must_use]
pub fn destination(request: &Request, frame: &Frame, reservation: &Reservation) -> Destination {
    if request.is_relayed() {
        Destination { mac: frame.source_mac, ip: request.giaddr, port: SERVER_PORT }
    } else if request.ciaddr != ZERO {
        Destination { mac: frame.source_mac, ip: request.ciaddr, port: CLIENT_PORT }
    } else if request.flags & BROADCAST_FLAG != 0 {
        Destination::BROADCAST
    } else {
        Destination { mac: request.mac, ip: reservation.address, port: CLIENT_PORT }
    }
}

/// Where a NAK goes: broadcast, since the client's address is what is wrong; or to the relay.
#[must_use]
pub fn refusal_destination(request: &Request, frame: &Frame) -> Destination {
    if request.is_relayed() {
        Destination { mac: frame.source_mac, ip: request.giaddr, port: SERVER_PORT }
    } else {
        Destination::BROADCAST
    }
}
