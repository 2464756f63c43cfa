//! The destinations of answers: IP address, port and Ethernet address by RFC 2131 section 4.1.

use crate::{
    frame::{Destination, Frame},
    request::{Request, is_unicast},
    shared::{Reservation, Subnet},
    verdict::Verdict,
    wire::{BROADCAST_FLAG, CLIENT_PORT, DISCOVER, SERVER_PORT},
};

const ZERO: [u8; 4] = [0; 4];

/// Where an OFFER or ACK goes.
///
/// A relayed answer and one to an address in use go back to the station that delivered the request,
/// which is the client, or the relay or router on the way to the client; no ARP is needed.
#[inline(always)]
#[must_use]
pub fn destination(request: &Request, frame: &Frame, reservation: &Reservation) -> Destination {
    let to = |mac, ip, port| Destination { mac, ip, port, from: SERVER_PORT };
    if request.is_relayed() {
        // "the server sends any return messages to the 'DHCP server' port on the BOOTP relay agent whose address
        // appears in 'giaddr'".
        to(frame.source_mac, request.giaddr, SERVER_PORT)
    } else if request.ciaddr != ZERO && request.message_type != DISCOVER {
        // "the server unicasts DHCPOFFER and DHCPACK messages to the address in 'ciaddr'". In a DISCOVER that field is
        // zero (table 5): what else stands there is no address to send to.
        to(frame.source_mac, request.ciaddr, CLIENT_PORT)
    } else if request.flags & BROADCAST_FLAG != 0 || reservation.has(Reservation::ALWAYS_BROADCAST)
    {
        // "the server broadcasts DHCPOFFER and DHCPACK messages to 0xffffffff".
        Destination::BROADCAST
    } else {
        // "the server unicasts DHCPOFFER and DHCPACK messages to the client's hardware address and 'yiaddr' address".
        to(request.station.mac, reservation.address, CLIENT_PORT)
    }
}

/// Where a NAK goes: to the relay, else "in all cases, when 'giaddr' is zero, the server broadcasts any DHCPNAK
/// messages to 0xffffffff".
///
/// But a client that renews through a router is not on this link, where a broadcast would stay: that client gets the
/// NAK the way it asked.
#[must_use]
pub fn refusal_destination(request: &Request, frame: &Frame, is_on_link: bool) -> Destination {
    if request.is_relayed() {
        let port = SERVER_PORT;
        Destination { mac: frame.source_mac, ip: request.giaddr, port, from: SERVER_PORT }
    } else if !is_on_link && !frame.is_broadcast() && is_unicast(request.ciaddr) {
        let (ip, port) = (request.ciaddr, CLIENT_PORT);
        Destination { mac: frame.source_mac, ip, port, from: SERVER_PORT }
    } else {
        Destination::BROADCAST
    }
}

/// Where the answer to an INFORM goes: "directly to the address given in the 'ciaddr' field of the DHCPINFORM message"
/// (RFC 2131 section 4.3.5), also through a relay; where the client does not say one, to where the request came from.
///
/// # Errors
/// [`Verdict::WrongAddress`]: that is no address of the machine's subnet ("The server SHOULD check the network address
/// in a DHCPINFORM message for consistency", section 3.4), or ours, or the request was sent to us from another network:
/// others would get what they did not ask for.
pub fn inform_destination(
    request: &Request,
    frame: &Frame,
    subnet: &Subnet,
) -> Result<Destination, Verdict> {
    let to = |ip, port| Destination { mac: frame.source_mac, ip, port, from: SERVER_PORT };
    if request.ciaddr == ZERO && request.is_relayed() {
        return Ok(to(request.giaddr, SERVER_PORT));
    }
    let is_from_elsewhere = !request.is_relayed()
        && !frame.is_broadcast()
        && frame.source != ZERO
        && !subnet.contains(frame.source);
    if is_from_elsewhere {
        return Err(Verdict::WrongAddress);
    }
    let client = if request.ciaddr == ZERO { frame.source } else { request.ciaddr };
    if !is_unicast(client) || !subnet.contains(client) || client == subnet.server {
        return Err(Verdict::WrongAddress);
    }
    Ok(to(client, CLIENT_PORT))
}
