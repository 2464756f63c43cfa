//! ProxyDHCP (PXE 2.1 section 2.2): another server gives the address, the daemon alone tells what to boot.

use crate::{
    client::{Asker, Stage, architecture_slot},
    decide::{Decision, boot_row, came_over_relay, on_link},
    frame::{Destination, Frame},
    message::{CAP, Message, byte, bytes, put},
    options::{Index, length},
    request::{Request, is_unicast},
    shared::{Reservation, Settings, VendorClass},
    tables::{Asked, AtLink, Tables},
    trim::find,
    verdict::Verdict,
    wire::{ACK, DISCOVER, INFORM, OFFER, PROXY_PORT, REQUEST, SERVER_PORT, code, pxe},
};

/// Decides on a request in the proxy modes.
///
/// [`Reservation::ASSUME_PXE`] does not count: an operating system must not take an OFFER without address
/// for one, and firmware's DISCOVER says what it is.
///
/// A DISCOVER gets an OFFER without address beside the other server's. Firmware that then asks port 4011,
/// by REQUEST or INFORM, gets an ACK, unless it chose another boot server; a REQUEST to port 67 is the other
/// server's.
///
/// # Errors
/// A verdict that says why there is no answer.
#[expect(clippy::too_many_arguments, reason = "as `decide`, which it stands in for")]
pub fn decide<'t, T: Tables>(
    message: &Message,
    index: &Index,
    request: &Request,
    asker: &Asker,
    frame: &Frame,
    ifindex: u32,
    tables: &'t T,
    cell: &mut usize,
) -> Result<Decision<'t>, Verdict> {
    let settings = tables.settings().ok_or(Verdict::NoTables)?;
    came_over_relay(request, settings)?;
    let message_type = match (frame.port, request.message_type) {
        (SERVER_PORT, DISCOVER) => OFFER,
        (PROXY_PORT, REQUEST | INFORM) => ACK,
        (SERVER_PORT, REQUEST) => return Err(Verdict::OtherServer),
        _ => return Err(Verdict::UnsupportedType),
    };
    if !knows_proxy(message, index, settings) {
        return Err(Verdict::NotNetboot);
    }
    if boot_item(message, index).is_some_and(|item| !is_ours(item)) {
        return Err(Verdict::OtherServer);
    }
    let reservation = reservation(request, ifindex, settings, tables)?;
    let AtLink { subnet: row, boot_set, script_list } =
        at_link(request, ifindex, reservation, tables);
    let own = reservation.has(Reservation::OWN_LIST).then(|| reservation.script_list());
    let stage = asker.stage(own.unwrap_or(script_list), cell);
    let slot = architecture_slot(message, index, settings, reservation, cell);
    let slot = if stage == Stage::Plain { 0 } else { slot };
    let boot_row = boot_row(boot_set, stage, settings.slots, slot);
    let boot = tables.boot_file(boot_row).ok_or(Verdict::NoTables)?;
    if boot.name_len == 0 {
        return Err(Verdict::NotNetboot);
    }
    let subnet = tables.subnet(row).ok_or(Verdict::NoTables)?;
    // Where two interfaces are on one link, both hear a broadcast: one answers.
    if frame.is_broadcast() && request.link == [0; 4] && subnet.ifindex != ifindex {
        return Err(Verdict::WrongSubnet);
    }
    Ok(Decision {
        message_type,
        is_proxy: true,
        stage,
        reservation,
        subnet,
        row,
        boot,
        siaddr: boot.siaddr,
        only_asked: false,
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

/// The boot server that a PXE client chose: the value of PXE_BOOT_ITEM in its option 43.
#[must_use]
pub fn boot_item(message: &Message, index: &Index) -> Option<[u8; 4]> {
    let option = index.find(code::VENDOR_OPTIONS)?;
    let end = option + 2 + length(message, option);
    let mut at = option + 2;
    while at + 1 < end {
        let len = length(message, at);
        at = match byte(message, at)? {
            code::PAD => at + 1,
            code::END => return None,
            pxe::BOOT_ITEM if len == 4 && at + 2 + len <= end => {
                return bytes(message, at + 2).copied();
            }
            _ => at + 2 + len,
        };
    }
    None
}

/// Whether that is this server: our menus have type 0 alone. The highest bit of the layer asks for signed
/// credentials beside the file, which nobody has here.
const fn is_ours([a, b, layer, _]: [u8; 4]) -> bool {
    a == 0 && b == 0 && layer & 0x80 == 0
}

/// Tells the client in option 43, where that is, which boot server answers. Returns where the options end then.
pub fn put_boot_item(reply: &mut Message, end: usize, [a, b, c, d]: [u8; 4]) -> usize {
    let item = [pxe::BOOT_ITEM, 4, a, b, c, d];
    let Some((at, len)) = find(reply, end, code::VENDOR_OPTIONS) else { return end };
    let Ok(value) = u8::try_from(len - 2 + item.len()) else { return end };
    // Before the End of the items, which ends them.
    let last = at + len - 1;
    let place = if byte(reply, last) == Some(code::END) { last } else { at + len };
    if end + item.len() > CAP {
        return end;
    }
    reply.copy_within(place..end, place + item.len());
    let written = put(reply, place, &item).and_then(|()| put(reply, at + 1, &[value]));
    written.map_or(end, |()| end + item.len())
}

fn reservation<'t, T: Tables>(
    request: &Request,
    ifindex: u32,
    settings: &Settings,
    tables: &'t T,
) -> Result<&'t Reservation, Verdict> {
    match tables.reservation(&request.station) {
        Err(Verdict::UnknownMachine) if settings.has(Settings::AUTO_PROXY) => {
            let asked = Asked { ifindex, link: request.link };
            tables.anybody(asked, &request.station).ok_or(Verdict::UnknownMachine)
        }
        found => found,
    }
}

/// The subnet and the boot set of a machine: those of the link that it asks on, whatever address it is known
/// by, since another server gives the addresses.
fn at_link<T: Tables>(
    request: &Request,
    ifindex: u32,
    reservation: &Reservation,
    tables: &T,
) -> AtLink {
    let own = AtLink {
        subnet: reservation.subnet,
        boot_set: reservation.boot_set,
        script_list: reservation.script_list(),
    };
    let subnet = tables.subnet(reservation.subnet);
    if subnet.is_some_and(|subnet| on_link(request, subnet, ifindex)) {
        own
    } else {
        tables.at_link(Asked { ifindex, link: request.link }, reservation).unwrap_or(own)
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
