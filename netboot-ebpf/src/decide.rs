//! The decision about a request: pure policy over the request and the tables.

use crate::{
    client::{Asker, Stage, architecture_slot, is_sure},
    frame::Frame,
    message::{Message, forget},
    options::Index,
    parameters::asks_for,
    reply::FILE_NAME,
    request::{Request, is_unicast},
    shared::{BootFile, Reservation, Settings, Subnet},
    side::Side,
    tables::Tables,
    verdict::Verdict,
    wire::{ACK, DECLINE, DISCOVER, INFORM, OFFER, RELEASE, REQUEST, code},
};

/// An answer to be built.
pub struct Decision<'t> {
    /// OFFER or ACK.
    pub message_type: u8,
    /// Another server gives the address.
    pub is_proxy: bool,
    pub stage: Stage,
    pub reservation: &'t Reservation,
    pub subnet: &'t Subnet,
    /// Of `SUBNETS`.
    pub row: u32,
    pub boot: &'t BootFile,
    /// Next server.
    pub siaddr: [u8; 4],
    /// The client gets what it asks for alone.
    pub only_asked: bool,
    /// The machine would get a boot file, if the daemon were there.
    pub withheld: bool,
}

const ZERO: [u8; 4] = [0; 4];

/// Decides on a request that came over an interface. `told` is the stage that others are told.
///
/// # Errors
/// A verdict that says why there is no OFFER or ACK. [`Verdict::Nak`] asks for a NAK, which the daemon
/// sends.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "a struct of references would be built on the BPF stack"
)]
pub fn decide<'t, S: Side, T: Tables>(
    message: &Message,
    index: &Index,
    request: &Request,
    asker: &Asker,
    frame: &Frame,
    ifindex: u32,
    tables: &'t T,
    cell: &mut usize,
    told: &mut u8,
) -> Result<Decision<'t>, Verdict> {
    let Some(settings) = tables.settings() else { return Err(Verdict::NoTables) };
    if settings.has(Settings::PROXY) {
        return Err(Verdict::ProxyMode);
    }
    came_over_relay(request, settings)?;
    // RFC 2131 section 4.1: "A server with multiple network addresses MUST be prepared to [...] accept any of its
    // network addresses as identifying that server in a DHCP message."
    if request.server != ZERO
        && names_server(request.message_type)
        && request.server != request.server_override
        && !settings.is_ours(request.server)
    {
        return Err(Verdict::OtherServer);
    }
    // RFC 2131 section 4.2: "to retain stringent control over the clients attached to the network", servers may
    // "respond only to clients that have been previously registered through some external mechanism".
    let reservation = tables.reservation(&request.station)?;
    let stage = asker.stage(reservation.script_list(), cell);
    *told = stage as u8;
    is_sure::<S>(message, index, stage)?;
    if !S::COMPLETE && settings.has(Settings::SUBNET_SELECTION) && index.has(code::SUBNET_SELECTION)
    {
        return Err(Verdict::Quirk);
    }
    let Some(subnet) = tables.subnet(reservation.subnet) else { return Err(Verdict::NoTables) };
    let link = on_link(request, subnet, ifindex) || settings.has(Settings::SHARED_NETWORKS);
    let message_type = match request.message_type {
        // Whatever address the client asks for: "a server MAY, for administrative reasons, assign an address other than
        // the one requested" (RFC 2131 section 4.3.1).
        DISCOVER if link => OFFER,
        DISCOVER => return Err(Verdict::WrongSubnet),
        REQUEST => request_state(request, frame, settings, reservation, link)?,
        INFORM if !S::COMPLETE => return Err(Verdict::Inform),
        INFORM => ACK,
        // The daemon knows which machines were acknowledged.
        DECLINE if !S::COMPLETE => return Err(Verdict::Decline),
        DECLINE if link && names(request, request.requested, reservation) => {
            return Err(if came_as_declines_do(request, frame, subnet) {
                Verdict::Decline
            } else {
                Verdict::DeclineFromElsewhere
            });
        }
        RELEASE if names(request, request.ciaddr, reservation) => return Err(Verdict::Release),
        DECLINE | RELEASE => return Err(Verdict::WrongAddress),
        _ => return Err(Verdict::UnsupportedType),
    };
    // One state for all that led here: what follows is verified once.
    let message_type = forget(usize::from(message_type), cell) as u8;
    // "The server MUST mark the network address as not available" (RFC 2131 section 4.3.3): it was declined. An INFORM
    // asks for no address: the server "MUST NOT check for an existing lease" (section 3.4).
    if request.message_type != INFORM && tables.is_quarantined(reservation) {
        return Err(Verdict::Quarantined);
    }
    let is_rare =
        reservation.min_message | reservation.delay | reservation.flags & Reservation::HAS_MORE;
    // Without the daemon the loader gets more than it asks for, rather than nothing.
    let only_asked = stage == Stage::Loader && tables.has_daemon();
    if !S::COMPLETE && (is_rare != 0 || only_asked) {
        return Err(Verdict::Quirk);
    }
    // RFC 3442, "DHCP Server Administrator Responsibilities": where a client asks for classless routes and gets them,
    // "the server SHOULD NOT include the Router or Static Routes options".
    let mut row = reservation.subnet as usize;
    if subnet.classless != 0 && asks_for::<S>(message, index, code::CLASSLESS_ROUTES)? {
        row = subnet.classless as usize - 1;
    }
    let row = forget(row, cell) as u32;
    let subnet_row = row;
    let Some(subnet) = tables.subnet(row) else { return Err(Verdict::NoTables) };
    let slot = architecture_slot(message, index, settings, reservation, cell);
    let stage = assumed(stage, reservation, cell);
    let slot = match stage {
        Stage::Plain => own_file_slot::<S>(message, index, reservation)?,
        _ => slot,
    };
    let mut row = boot_row(reservation.boot_set, stage, settings.slots, slot);
    let mut withheld = false;
    if !tables.has_boot_files() {
        let Some(boot) = tables.boot_file(row) else { return Err(Verdict::NoTables) };
        withheld = names_file(boot, reservation);
        row = 0;
    }
    let row = forget(row as usize, cell) as u32;
    let withheld = forget(usize::from(withheld), cell) != 0;
    let Some(boot) = tables.boot_file(row) else { return Err(Verdict::NoTables) };
    let siaddr = siaddr(stage, boot, subnet, cell);
    Ok(Decision {
        message_type,
        is_proxy: false,
        stage,
        reservation,
        subnet,
        row: subnet_row,
        boot,
        siaddr,
        only_asked,
        withheld,
    })
}

impl Decision<'_> {
    /// What the answer is counted as.
    #[inline(always)]
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let offers = self.message_type == OFFER;
        if self.withheld {
            return if offers { Verdict::OfferWithoutDaemon } else { Verdict::AckWithoutDaemon };
        }
        let missing = self.stage != Stage::Plain
            && self.reservation.boot_set != 0
            && !names_file(self.boot, self.reservation);
        match (offers, missing) {
            (true, false) => Verdict::Offer,
            (true, true) => Verdict::OfferNoBootFile,
            (false, false) => Verdict::Ack,
            (false, true) => Verdict::AckNoBootFile,
        }
    }
}

/// Whether the machine is told a file's name.
#[inline(always)]
fn names_file(boot: &BootFile, reservation: &Reservation) -> bool {
    let name = usize::from(boot.name_len);
    name != 0 && (name <= FILE_NAME || !reservation.has(Reservation::NO_BOOT_FILE_OPTION))
}

/// Whether option 54 of such a message says which server it is for.
#[inline(always)]
fn names_server(message_type: u8) -> bool {
    message_type == REQUEST || message_type == DECLINE || message_type == RELEASE
}

/// Whether a DECLINE or RELEASE is for us and of the reserved address (RFC 2131 table 5: both name the
/// server).
#[inline(always)]
fn names(request: &Request, address: [u8; 4], reservation: &Reservation) -> bool {
    request.server != ZERO && address == reservation.address
}

/// Whether a DECLINE came as clients send it: broadcast, and from no address (RFC 2131 section 4.4.4 and table
/// 5), or through a relay. To a subnet on a link of ours only a relay there passes it on, or one that is configured:
/// from elsewhere, anybody can send what looks relayed.
fn came_as_declines_do(request: &Request, frame: &Frame, subnet: &Subnet) -> bool {
    if request.ciaddr != ZERO {
        false
    } else if request.is_relayed() {
        subnet.ifindex == 0 || subnet.is_asked_from(frame.source)
    } else {
        frame.is_broadcast() && frame.source == ZERO
    }
}

/// Whether a request came over no relay, or one that answers can go to: the relay's address is a unicast one, and not
/// ours.
#[inline(always)]
pub(crate) fn came_over_relay(request: &Request, settings: &Settings) -> Result<(), Verdict> {
    let giaddr = request.giaddr;
    if request.is_relayed() && (!is_unicast(giaddr) || settings.is_ours(giaddr)) {
        return Err(Verdict::BadRelay);
    }
    Ok(())
}

/// The states of a REQUEST (RFC 2131 section 4.3.2, table 4): "If the DHCPREQUEST message contains a 'server
/// identifier' option, the message is in response to a DHCPOFFER message. Otherwise, the message is a request to
/// verify or extend an existing lease."
#[inline(always)]
fn request_state(
    request: &Request,
    frame: &Frame,
    settings: &Settings,
    reservation: &Reservation,
    link: bool,
) -> Result<u8, Verdict> {
    // "If a server receives a DHCPREQUEST message with an invalid 'requested IP address', the server SHOULD respond
    // to the client with a DHCPNAK message" (section 3.5).
    let refuses = settings.has(Settings::AUTHORITATIVE) && !reservation.has(Reservation::NEVER_NAK);
    let wrong = if refuses { Verdict::Nak } else { Verdict::WrongAddress };
    if request.server != ZERO || request.ciaddr == ZERO {
        // SELECTING and INIT-REBOOT: "'ciaddr' MUST be zero", "'requested IP address' MUST be filled in". A NAK is
        // due "if the 'requested IP address' is incorrect, or is on the wrong network".
        if request.requested == ZERO || request.ciaddr != ZERO {
            return Err(Verdict::BadOption);
        }
        return if link && request.requested == reservation.address { Ok(ACK) } else { Err(wrong) };
    }
    // RENEWING: "the DHCP server will trust the value in 'ciaddr'". REBINDING: "The DHCP server SHOULD check 'ciaddr'
    // for correctness before replying to the DHCPREQUEST."
    if request.ciaddr == reservation.address && (link || !is_rebinding(request, frame)) {
        return Ok(ACK);
    }
    Err(wrong)
}

/// REBINDING is broadcast, and may be relayed; RENEWING comes straight to us, possibly through a router: "This message
/// will be unicast, so no relay agents will be involved in its transmission" (RFC 2131 section 4.3.2).
#[inline(always)]
#[must_use]
pub fn is_rebinding(request: &Request, frame: &Frame) -> bool {
    request.server == ZERO
        && request.ciaddr != ZERO
        && (frame.is_broadcast() || request.is_relayed())
}

/// Whether the client is on the link of its subnet: the relay says which link, or the client, else the interface
/// does. "the address is selected based on the subnet from which the message was received (if 'giaddr' is 0) or on
/// the address of the relay agent that forwarded the message" (RFC 2131 section 4.3.1).
#[inline(always)]
pub(crate) fn on_link(request: &Request, subnet: &Subnet, ifindex: u32) -> bool {
    if request.link == ZERO {
        subnet.ifindex == ifindex
    } else {
        subnet.is_asked_from(request.link)
    }
}

/// The stage of a machine that boots from the network also where it does not say so.
#[inline(always)]
fn assumed(stage: Stage, reservation: &Reservation, cell: &mut usize) -> Stage {
    let plain = stage == Stage::Plain && reservation.has(Reservation::ASSUME_PXE);
    let stage = forget(if plain { Stage::Pxe } else { stage } as usize, cell);
    Stage::from_number(stage as u8).unwrap_or(Stage::Plain)
}

/// The slot of a plain client, which can be told of one file alone: its machine's own. 0: the client is not told.
#[inline(always)]
fn own_file_slot<S: Side>(
    message: &Message,
    index: &Index,
    reservation: &Reservation,
) -> Result<u32, Verdict> {
    let is_asked = reservation.has(Reservation::OWN_FILE)
        && (asks_for::<S>(message, index, code::BOOT_FILE)?
            || asks_for::<S>(message, index, code::TFTP_SERVER_NAME)?);
    Ok(u32::from(is_asked))
}

/// Next server: that of the boot file, or what its subnet has for a client that boots nothing from us.
#[inline(always)]
fn siaddr(stage: Stage, boot: &BootFile, subnet: &Subnet, cell: &mut usize) -> [u8; 4] {
    let mut siaddr = u32::from_ne_bytes(boot.siaddr);
    if stage == Stage::Plain && siaddr == 0 {
        siaddr = u32::from_ne_bytes(subnet.next_server);
    }
    (forget(siaddr as usize, cell) as u32).to_ne_bytes()
}

/// The row of `BOOT_FILES`; row 0 is the empty one.
#[inline(always)]
pub(crate) fn boot_row(set: u32, stage: Stage, slots: u32, slot: u32) -> u32 {
    if set == 0 || (slot == 0 && stage != Stage::Script) {
        return 0;
    }
    set + stage.row(slots, slot)
}
