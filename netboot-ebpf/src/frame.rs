//! Ethernet, VLAN tags, IPv4 and UDP around a DHCP message: what is taken from a request's headers, and
//! the headers of an answer.

use crate::{
    checksum,
    shared::{Mac, Vlan},
    verdict::Verdict,
    wire::{CLIENT_PORT, PROXY_PORT, SERVER_PORT},
};

/// The Ethernet addresses.
pub const ADDRESSES: usize = 12;
/// What follows the tags: Ethernet type, IPv4 header without options, UDP header.
pub const INNER: usize = 2 + 20 + 8;
/// All headers but the tags.
pub const HEADERS: usize = ADDRESSES + INNER;
/// A VLAN tag (IEEE 802.1Q): its type, and priority and id.
pub const TAG: usize = 4;
/// Tags that are read.
pub const MAX_TAGS: usize = 2;

/// Offsets in what follows the tags.
const IP: usize = 2;
const IP_SOURCE: usize = IP + 12;
const IP_DESTINATION: usize = IP + 16;
const UDP: usize = IP + 20;

const IPV4: [u8; 2] = [0x08, 0x00];
/// 802.1Q, 802.1ad, and the tag that early QinQ gear uses.
const TAG_TYPES: [[u8; 2]; 3] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]];
const UDP_PROTOCOL: u8 = 17;
pub(crate) const BROADCAST: [u8; 4] = [255; 4];

/// What the headers of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub source_mac: Mac,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    /// UDP destination port: 67 or 4011.
    pub port: u16,
    /// Bytes of the DHCP message.
    pub message_len: usize,
}

impl Frame {
    /// Whether the request was sent to 255.255.255.255.
    #[inline(always)]
    #[must_use]
    pub fn is_broadcast(&self) -> bool {
        self.destination == BROADCAST
    }
}

/// Whether what follows the tags is UDP over IPv4 to the DHCP server port: the one test that every frame
/// pays for.
///
/// # Errors
/// [`Verdict::NotDhcp`]; [`Verdict::Tagged`]: a tag stands here; [`Verdict::IpOptions`],
/// [`Verdict::Fragment`]: it may be DHCP, but is not read; [`Verdict::ProxyPort`]: to port 4011.
#[inline(always)]
pub fn classify(inner: &[u8; INNER]) -> Result<(), Verdict> {
    let ethertype = [inner[0], inner[1]];
    if ethertype != IPV4 {
        let [a, b, c] = TAG_TYPES;
        return Err(if ethertype == a || ethertype == b || ethertype == c {
            Verdict::Tagged
        } else {
            Verdict::NotDhcp
        });
    }
    if inner[IP + 9] != UDP_PROTOCOL {
        return Err(Verdict::NotDhcp);
    }
    if inner[IP] != 0x45 {
        return Err(if inner[IP] >> 4 == 4 { Verdict::IpOptions } else { Verdict::NotDhcp });
    }
    // A later fragment has no UDP header: what stands there is no port.
    if u16::from_be_bytes([inner[IP + 6], inner[IP + 7]]) & 0x1fff != 0 {
        return Err(Verdict::NotDhcp);
    }
    let port = u16::from_be_bytes([inner[UDP + 2], inner[UDP + 3]]);
    if port != SERVER_PORT {
        return Err(if port == PROXY_PORT { Verdict::ProxyPort } else { Verdict::NotDhcp });
    }
    if inner[IP + 6] & 0x20 != 0 {
        return Err(Verdict::Fragment);
    }
    Ok(())
}

/// The id in a tag that [`classify`] found.
#[inline(always)]
#[must_use]
pub fn tag_id(tag: &[u8; INNER]) -> u16 {
    u16::from_be_bytes([tag[2], tag[3]]) & 0x0fff
}

/// A frame's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'f> {
    /// All headers but the tags.
    pub headers: [u8; HEADERS],
    pub vlan: Vlan,
    pub tags: &'f [u8],
    /// What follows the headers.
    pub rest: &'f [u8],
}

/// Takes a frame in memory apart, and classifies it as [`classify`] does.
///
/// # Errors
/// As [`classify`]; [`Verdict::Tagged`]: it has more tags than are read.
pub fn split(frame: &[u8]) -> Result<(Parts<'_>, Result<(), Verdict>), Verdict> {
    let (addresses, mut rest) = frame.split_first_chunk::<ADDRESSES>().ok_or(Verdict::NotDhcp)?;
    let tagged = rest;
    let mut vlan = Vlan::NONE;
    let mut ids = vlan.ids.iter_mut();
    loop {
        let inner = rest.first_chunk::<INNER>().ok_or(Verdict::NotDhcp)?;
        let classified = classify(inner);
        if classified == Err(Verdict::Tagged) {
            *ids.next().ok_or(Verdict::Tagged)? = tag_id(inner);
            rest = rest.get(TAG..).unwrap_or_default();
            continue;
        }
        let mut headers = [0; HEADERS];
        let (to, after) = headers.split_at_mut(ADDRESSES);
        to.copy_from_slice(addresses);
        after.copy_from_slice(inner);
        let tags = tagged.get(..tagged.len() - rest.len()).unwrap_or_default();
        let rest = rest.get(INNER..).unwrap_or_default();
        return Ok((Parts { headers, vlan, tags, rest }, classified));
    }
}

/// Reads the headers of a frame that [`classify`] took; `frame_len` is its length in bytes without tags.
///
/// The UDP checksum is not verified: on veth, tap and virtio it is often unfinished. That of the header never is.
///
/// # Errors
/// [`Verdict::Truncated`]: the frame is shorter than its headers say, or they contradict each other;
/// [`Verdict::BadChecksum`]: "the IP header checksum is verified", and what has a wrong one is discarded (RFC 1122
/// section 3.2.1.2).
#[inline(always)]
pub fn parse(headers: &[u8; HEADERS], frame_len: usize) -> Result<Frame, Verdict> {
    let word = |at| u16::from_be_bytes(field(headers, ADDRESSES + at));
    let ip_len = usize::from(word(IP + 2));
    let udp_len = usize::from(word(UDP + 4));
    if udp_len < 8 || udp_len + 20 > ip_len || ip_len + ADDRESSES + IP > frame_len {
        return Err(Verdict::Truncated);
    }
    if checksum::fold(checksum::short(&field::<20>(headers, ADDRESSES + IP))) != [0, 0] {
        return Err(Verdict::BadChecksum);
    }
    let (_, destination) = destinations(headers);
    Ok(Frame {
        source_mac: Mac { octets: field(headers, 6) },
        source: field(headers, ADDRESSES + IP_SOURCE),
        destination,
        source_port: word(UDP),
        port: word(UDP + 2),
        message_len: udp_len - 8,
    })
}

/// Makes the checksum of the IPv4 header right, in a frame in memory that [`split`] takes apart.
pub fn seal(frame: &mut [u8]) {
    let Ok((parts, _)) = split(frame) else { return };
    let at = ADDRESSES + parts.tags.len() + IP;
    let Some(header) = frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<20>()) else {
        return;
    };
    header[10] = 0;
    header[11] = 0;
    let sum = checksum::fold(checksum::short(header));
    header[10] = sum[0];
    header[11] = sum[1];
}

/// Where a frame goes, whatever else it is: its Ethernet and its IPv4 destination.
#[inline(always)]
#[must_use]
pub fn destinations(headers: &[u8; HEADERS]) -> (Mac, [u8; 4]) {
    (Mac { octets: field(headers, 0) }, field(headers, ADDRESSES + IP_DESTINATION))
}

#[inline(always)]
fn field<const N: usize>(headers: &[u8; HEADERS], at: usize) -> [u8; N] {
    match headers.get(at..) {
        Some(from) => from.first_chunk().copied().unwrap_or([0; N]),
        None => [0; N],
    }
}

/// Where an answer goes (RFC 2131 section 4.1), and from which port.
///
/// Aligned, since LLVM copies four bytes at once on the stack, where the verifier wants them aligned.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub ip: [u8; 4],
    /// 68; 67 towards a relay.
    pub port: u16,
    /// UDP source port: clients take answers from the port that they asked.
    pub from: u16,
    pub mac: Mac,
}

impl Destination {
    /// Everybody on the link.
    pub const BROADCAST: Self =
        Self { mac: Mac { octets: [255; 6] }, ip: BROADCAST, port: CLIENT_PORT, from: SERVER_PORT };
}

/// The headers of an answer: from which interface's address and which server address, to where, and
/// the length and the sum of the message (see [`checksum::message`]).
#[inline(always)]
pub fn write(
    headers: &mut [u8; HEADERS],
    source_mac: Mac,
    source: [u8; 4],
    to: &Destination,
    message_len: usize,
    message_sum: u32,
) {
    let udp_len = (message_len + 8) as u16;
    let ip_len = udp_len + 20;
    let mac = source_mac.octets;
    let d = to.mac.octets;
    // Id 0 with DF: an atomic datagram (RFC 6864), so that equal requests get equal answers.
    let mut ip = [
        0x45,
        0,
        (ip_len >> 8) as u8,
        ip_len as u8,
        0,
        0,
        0x40,
        0,
        64,
        UDP_PROTOCOL,
        0,
        0,
        source[0],
        source[1],
        source[2],
        source[3],
        to.ip[0],
        to.ip[1],
        to.ip[2],
        to.ip[3],
    ];
    let ip_sum = checksum::fold(checksum::short(&ip));
    ip[10] = ip_sum[0];
    ip[11] = ip_sum[1];
    let mut udp = [
        (to.from >> 8) as u8,
        to.from as u8,
        (to.port >> 8) as u8,
        to.port as u8,
        (udp_len >> 8) as u8,
        udp_len as u8,
        0,
        0,
    ];
    let pseudo = [0, UDP_PROTOCOL, (udp_len >> 8) as u8, udp_len as u8];
    let sum = u64::from(message_sum)
        + checksum::short(&udp)
        + checksum::short(&pseudo)
        + checksum::short(&source)
        + checksum::short(&to.ip);
    let sum = checksum::fold(sum);
    // A sum of zero would say that there is none (RFC 768).
    let sum = if sum == [0, 0] { [255, 255] } else { sum };
    udp[6] = sum[0];
    udp[7] = sum[1];

    let Some((ether, rest)) = headers.split_first_chunk_mut::<{ ADDRESSES + IP }>() else { return };
    let Some((ip_header, rest)) = rest.split_first_chunk_mut() else { return };
    let Some(udp_header) = rest.first_chunk_mut() else { return };
    *ether = [
        d[0], d[1], d[2], d[3], d[4], d[5], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
        IPV4[0], IPV4[1],
    ];
    *ip_header = ip;
    *udp_header = udp;
}
