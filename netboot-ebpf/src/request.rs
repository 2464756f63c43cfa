//! A request: the fields of a message that a decision depends on.

use core::hint::black_box;

use crate::{
    message::{ANY_OPTION, CAP, Message, bytes},
    options::{self, Index, relay_address, walk, walk_relay},
    shared::{Mac, Station, Vlan},
    verdict::Verdict,
    wire::{
        BOOTREQUEST, CHADDR, CIADDR, COOKIE, ETHERNET, FLAGS, GIADDR, HLEN, HTYPE, MAGIC_COOKIE,
        MIN_DATAGRAM, OP, OPTIONS, code, relay,
    },
};

/// What a client asks for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The machine, by `chaddr` in every case: firmware, iPXE and Linux of one machine send other client identifiers.
    /// The tags of a relayed request are those of the way from the relay, and do not count.
    pub station: Station,
    /// The longest IP datagram that the client takes (option 57), in bytes; 576 at least: "a DHCP client must be
    /// prepared to receive a message of up to 576 octets" (RFC 2131 section 2).
    pub max_datagram: u16,
    pub ciaddr: [u8; 4],
    pub giaddr: [u8; 4],
    /// Option 50; zero: not there.
    pub requested: [u8; 4],
    /// Option 54; zero: not there.
    pub server: [u8; 4],
    /// An address of the client's link: the relay's, or the one that the relay tells (RFC 3527) or the client
    /// (see [`Request::select_subnet`]); zero: it is on the link that the frame came over.
    pub link: [u8; 4],
    /// Option 118, where it is heeded; zero: it is not, or not there.
    pub selected: [u8; 4],
    /// What the client shall know us by (RFC 5107); zero: our own address.
    pub server_override: [u8; 4],
    /// Option 53.
    pub message_type: u8,
    /// The first byte of `flags`: the broadcast flag.
    pub flags: u8,
}

const ZERO: [u8; 4] = [0; 4];

/// Whether an address can be one host's: neither of network 0, nor loopback, multicast or above.
#[inline(always)]
#[must_use]
pub fn is_unicast(address: [u8; 4]) -> bool {
    let [first, ..] = address;
    first != 0 && first != 127 && first < 224
}

impl Request {
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            station: Station::untagged(Mac { octets: [0; 6] }),
            max_datagram: 0,
            ciaddr: ZERO,
            giaddr: ZERO,
            requested: ZERO,
            server: ZERO,
            link: ZERO,
            selected: ZERO,
            server_override: ZERO,
            message_type: 0,
            flags: 0,
        }
    }

    /// The address that the client asks for, else has.
    #[inline(always)]
    #[must_use]
    pub fn address(&self) -> [u8; 4] {
        if self.requested == ZERO { self.ciaddr } else { self.requested }
    }

    /// Heeds the link that the client says that it is on (option 118, RFC 3011), unless the relay says which one
    /// (RFC 3527 section 3). The daemon's alone.
    pub fn select_subnet(&mut self, message: &Message, index: &Index) {
        self.selected = optional(message, index, code::SUBNET_SELECTION).unwrap_or(ZERO);
        let told = relay_address(message, index, relay::LINK_SELECTION).unwrap_or(ZERO);
        if self.selected != ZERO && (!self.is_relayed() || told == ZERO) {
            self.link = self.selected;
        }
    }

    /// Whether a relay passed the request on.
    #[inline(always)]
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.giaddr != ZERO
    }
}

/// Reads a message of `end` bytes, whose frame had such tags, into `request`, and where its options are into `index`.
///
/// # Errors
/// A verdict that says why the message is not answered, or not here.
#[inline(always)]
pub fn parse(
    message: &Message,
    end: usize,
    vlan: &Vlan,
    index: &mut Index,
    request: &mut Request,
) -> Result<(), Verdict> {
    *request = Request::empty();
    let end = black_box(end);
    if end <= OPTIONS {
        return Err(Verdict::Truncated);
    }
    // So that an option anywhere in the message can be copied with the constant length of either path.
    if end > CAP - ANY_OPTION {
        return Err(Verdict::TooLong);
    }
    if message[OP] != BOOTREQUEST {
        return Err(Verdict::NotRequest);
    }
    // RFC 2131 section 3: "The first four octets of the 'options' field of the DHCP message contain the (decimal)
    // values 99, 130, 83 and 99".
    if field::<4>(message, COOKIE) != MAGIC_COOKIE {
        return Err(Verdict::NotDhcpMessage);
    }
    // Known before the options are walked, so that a malformed message still names its machine.
    request.station.mac = Mac { octets: field(message, CHADDR) };
    request.ciaddr = field(message, CIADDR);
    request.giaddr = field(message, GIADDR);
    if request.giaddr == ZERO {
        request.station.vlan = *vlan;
    }
    request.flags = message[FLAGS];
    if message[HTYPE] != ETHERNET || message[HLEN] != 6 {
        return Err(Verdict::NotEthernet);
    }
    walk(message, end, index)?;
    // RFC 2131 section 3: "the 'DHCP message type' option - must be included in every DHCP message".
    let Some([message_type]) = options::fixed(message, index, code::MESSAGE_TYPE)? else {
        return Err(Verdict::NotDhcpMessage);
    };
    request.message_type = message_type;
    request.requested = optional(message, index, code::REQUESTED_ADDRESS).unwrap_or(ZERO);
    request.server = options::fixed(message, index, code::SERVER_ID)?.unwrap_or(ZERO);
    if request.server == ZERO && index.has(code::SERVER_ID) {
        return Err(Verdict::BadOption);
    }
    request.link = request.giaddr;
    if index.has(code::RELAY_AGENT) {
        walk_relay(message, index);
        let known_by = relay_address(message, index, relay::SERVER_OVERRIDE).unwrap_or(ZERO);
        if request.giaddr != ZERO {
            if is_unicast(known_by) {
                request.server_override = known_by;
            }
            // RFC 3527 section 3: "the DHCP server MUST allocate the address on either: the subnet specified in the
            // link-selection sub-option, or; a subnet on the same link".
            let link = relay_address(message, index, relay::LINK_SELECTION).unwrap_or(ZERO);
            request.link = if link == ZERO { request.giaddr } else { link };
        }
    }
    let max = optional(message, index, code::MAX_MESSAGE).map_or(0, u16::from_be_bytes);
    request.max_datagram = max.max(MIN_DATAGRAM as u16);
    Ok(())
}

/// The value of an option that not every request needs: one of another length is as none.
#[inline(always)]
fn optional<const N: usize>(message: &Message, index: &Index, code: u8) -> Option<[u8; N]> {
    options::fixed(message, index, code).unwrap_or(None)
}

/// A field of the fixed header.
#[inline(always)]
fn field<const N: usize>(message: &Message, at: usize) -> [u8; N] {
    match bytes(message, at) {
        Some(field) => *field,
        None => [0; N],
    }
}
