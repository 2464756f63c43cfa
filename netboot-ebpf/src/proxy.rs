//! ProxyDHCP (PXE 2.1 section 2.2): another server gives the address, we tell what to boot. The daemon's
//! alone.

use crate::{
    client::{Stage, architecture_slot},
    decide::{Decision, boot_row, came_over_relay},
    frame::{Destination, Frame},
    message::{Message, bytes},
    options::{Index, length},
    request::{Request, is_unicast},
    shared::{Reservation, Settings, VendorClass},
    tables::Tables,
    verdict::Verdict,
    wire::{ACK, DISCOVER, OFFER, PROXY_PORT, REQUEST, SERVER_PORT, code},
};

/// Decides on a request in the proxy modes.
///
/// [`Reservation::ASSUME_PXE`] does not count: an operating system must not take an OFFER without address
/// for one, and firmware's DISCOVER says what it is.
///
/// A DISCOVER gets an OFFER without address beside the other server's. Firmware that then asks port 4011
/// gets an ACK; a REQUEST to port 67 is the other server's.
///
/// # Errors
/// A verdict that says why there is no answer.
#[expect(clippy::too_many_arguments, reason = "as `decide`, which it stands in for")]
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
    let settings = tables.settings().ok_or(Verdict::NoTables)?;
    came_over_relay(request, settings)?;
    let message_type = match (frame.port, request.message_type) {
        (SERVER_PORT, DISCOVER) => OFFER,
        (PROXY_PORT, REQUEST) => ACK,
        (SERVER_PORT, REQUEST) => return Err(Verdict::OtherServer),
        _ => return Err(Verdict::UnsupportedType),
    };
    if !knows_proxy(message, index, settings) {
        return Err(Verdict::NotNetboot);
    }
    let reservation = reservation(request, ifindex, settings, tables)?;
    let slot = architecture_slot(message, index, settings, reservation, cell);
    let row = boot_row(reservation.boot_set, stage, settings.slots, slot);
    let boot = tables.boot_file(row).ok_or(Verdict::NoTables)?;
    if boot.name_len == 0 {
        return Err(Verdict::NotNetboot);
    }
    let subnet = tables.subnet(reservation.subnet).ok_or(Verdict::NoTables)?;
    Ok(Decision {
        message_type,
        is_proxy: true,
        stage,
        reservation,
        subnet,
        row: reservation.subnet,
        boot,
        withheld: false,
    })
}

/// Whether the vendor class is one that knows ProxyDHCP. Others, iPXE started by hand or U-Boot among them,
/// may take an OFFER without address for one.
fn knows_proxy(message: &Message, index: &Index, settings: &Settings) -> bool {
    let Some(at) = index.find(code::VENDOR_CLASS) else { return false };
    let Some(begin) = bytes(message, at + 2) else { return false };
    let len = length(message, at);
    let class = settings.vendor_classes.iter().find(|class| class.is_of(begin, len));
    class.is_some_and(|class| class.flags & VendorClass::KNOWS_PROXY != 0)
}

fn reservation<'t, T: Tables>(
    request: &Request,
    ifindex: u32,
    settings: &Settings,
    tables: &'t T,
) -> Result<&'t Reservation, Verdict> {
    match tables.reservation(&request.station) {
        Err(Verdict::UnknownMachine) if settings.has(Settings::AUTO_PROXY) => {
            tables.anybody(ifindex, &request.station).ok_or(Verdict::UnknownMachine)
        }
        found => found,
    }
}

/// Where the answer goes: who asks at 67 has no address yet; who asks at 4011 is answered where it asked
/// from.
///
/// # Errors
/// [`Verdict::WrongAddress`]: that is no address.
pub fn destination(request: &Request, frame: &Frame) -> Result<Destination, Verdict> {
    let to = |ip, port, from| Destination { mac: frame.source_mac, ip, port, from };
    if frame.port == PROXY_PORT && !is_unicast(frame.source) {
        Err(Verdict::WrongAddress)
    } else if frame.port == PROXY_PORT {
        Ok(to(frame.source, frame.source_port, PROXY_PORT))
    } else if request.is_relayed() {
        Ok(to(request.giaddr, SERVER_PORT, SERVER_PORT))
    } else {
        Ok(Destination::BROADCAST)
    }
}
