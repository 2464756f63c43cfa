//! The sign of another server in one message: its own answer, or a machine's message to it.

use std::net::Ipv4Addr;

use netboot_ebpf::{
    flatten::flatten,
    frame::{self, INNER, split},
    message::{Message, bytes},
    options::{self, walk},
    request::is_unicast,
    responder::Scratch,
    shared::{Mac, Vlan},
    verdict::Verdict,
    wire::{
        ACK, BOOTREPLY, CHADDR, CLIENT_PORT, COOKIE, ETHERNET, GIADDR, HLEN, HTYPE, MAGIC_COOKIE,
        NAK, OFFER, OP, OPTIONS, SERVER_PORT, YIADDR, code,
    },
};
use serde::{Deserialize, Serialize};

/// Where the destination port stands in what follows the tags.
const PORT: usize = INNER - 6;
const ZERO: [u8; 4] = [0; 4];

/// What a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// Addresses.
    Dhcp,
    /// No addresses, but what to boot (PXE 2.1 section 2.2).
    ProxyDhcp,
}

/// One message that shows another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub server: Ipv4Addr,
    /// The server's own, where it is on the link.
    pub mac: Option<Mac>,
    /// Of the frame.
    pub vlan: Vlan,
    pub relay: Option<Ipv4Addr>,
    /// Option 53.
    pub message_type: u8,
    /// `None`: the message does not show it.
    pub kind: Option<ServerKind>,
    pub machine: Option<Mac>,
    pub offered: Option<Ipv4Addr>,
}

impl Sighting {
    /// What a server's answer shows. `scratch` is overwritten.
    ///
    /// # Errors
    /// [`Verdict::NotDhcp`]: the frame is not to a client, a relay or a server. All others: it is, but is no
    /// OFFER, ACK or NAK that can be read.
    pub fn in_reply(frame: &[u8], scratch: &mut Scratch) -> Result<Self, Verdict> {
        let (parts, _) = split(frame)?;
        let mut inner = parts.headers.last_chunk::<INNER>().ok_or(Verdict::NotDhcp)?;
        let mut as_request = *inner;
        if is_to_client(inner) {
            // The library reads what comes to the server's port; all else is the same.
            set_port(&mut as_request, SERVER_PORT);
            inner = &as_request;
        }
        frame::classify(inner)?;
        let headers = frame::parse(&parts.headers, frame.len() - parts.tags.len())?;
        let sent = parts.rest.get(..headers.message_len).ok_or(Verdict::Truncated)?;
        if sent.len() <= OPTIONS {
            return Err(Verdict::Truncated);
        }
        if sent.get(OP) != Some(&BOOTREPLY) {
            return Err(Verdict::NotRequest);
        }
        if sent.get(COOKIE..OPTIONS) != Some(&MAGIC_COOKIE) {
            return Err(Verdict::NotDhcpMessage);
        }
        let Scratch { message, index, .. } = scratch;
        // Servers often let options go on in `file` and `sname`.
        let end = flatten(sent, &[code::MESSAGE_TYPE, code::SERVER_ID], message)?;
        walk(message, end, index)?;

        let Some([message_type]) = options::fixed(message, index, code::MESSAGE_TYPE)? else {
            return Err(Verdict::NotDhcpMessage);
        };
        if !matches!(message_type, OFFER | ACK | NAK) {
            return Err(Verdict::UnsupportedType);
        }
        let named = options::fixed(message, index, code::SERVER_ID)?;
        let server = named.filter(|server| is_unicast(*server)).unwrap_or(headers.source);
        if !is_unicast(server) {
            return Err(Verdict::BadOption);
        }
        let relay = address(field(message, GIADDR));
        let offered = address(field(message, YIADDR));
        Ok(Self {
            server: server.into(),
            mac: relay.is_none().then_some(headers.source_mac),
            vlan: parts.vlan,
            relay,
            message_type,
            kind: match (message_type, offered) {
                (_, Some(_)) => Some(ServerKind::Dhcp),
                (OFFER, None) => Some(ServerKind::ProxyDhcp),
                (_, None) => None,
            },
            machine: machine(message),
            offered,
        })
    }

    /// What a machine's message to another server shows: the responder read it into `scratch`. `None`: it
    /// names none.
    #[must_use]
    pub fn in_request(scratch: &Scratch) -> Option<Self> {
        let request = &scratch.request;
        is_unicast(request.server).then(|| Self {
            server: request.server.into(),
            mac: None,
            vlan: scratch.vlan,
            relay: address(request.giaddr),
            message_type: request.message_type,
            kind: Some(ServerKind::Dhcp),
            machine: Some(request.station.mac),
            offered: address(request.address()),
        })
    }

    /// Whether the server is known by its relay's name (RFC 5107): whose answer it is cannot be seen.
    #[must_use]
    pub fn names_relay(&self) -> bool {
        self.relay == Some(self.server)
    }
}

/// Whether a frame, if it is UDP over IPv4, is to a client.
pub(super) fn is_to_client(inner: &[u8; INNER]) -> bool {
    inner.get(PORT..PORT + 2) == Some(&CLIENT_PORT.to_be_bytes())
}

fn set_port(inner: &mut [u8; INNER], port: u16) {
    if let Some(place) = inner.get_mut(PORT..).and_then(<[u8]>::first_chunk_mut) {
        *place = port.to_be_bytes();
    }
}

fn machine(message: &Message) -> Option<Mac> {
    let ([htype], [hlen]) = (field(message, HTYPE), field(message, HLEN));
    let is_ethernet = htype == ETHERNET && hlen == 6;
    is_ethernet.then(|| Mac { octets: field(message, CHADDR) })
}

fn address(address: [u8; 4]) -> Option<Ipv4Addr> {
    (address != ZERO).then(|| address.into())
}

/// A field of the fixed header.
fn field<const N: usize>(message: &Message, at: usize) -> [u8; N] {
    bytes(message, at).copied().unwrap_or([0; N])
}
