//! DECLINEs of machines that did not send them.

use std::net::Ipv4Addr;

use netboot_ebpf::wire::{DECLINE, code};
use netboot_test_kit::Ask;

/// A machine's message that names the server and the machine's address.
#[must_use]
pub fn naming(message_type: u8, mac: [u8; 6], server: Ipv4Addr, address: Ipv4Addr) -> Ask {
    let named = Ask::new(message_type).with(code::SERVER_ID, &server.octets());
    let named = named.mac(mac).with(code::REQUESTED_ADDRESS, &address.octets());
    Ask { station: mac, ..named }
}

/// A DECLINE by unicast from afar: all that it says of the machine is right.
#[must_use]
pub fn from_afar(mac: [u8; 6], server: Ipv4Addr, address: Ipv4Addr) -> Ask {
    let decline = naming(DECLINE, mac, server, address);
    Ask { source: [203, 0, 113, 5], destination: server.octets(), ..decline }
}
