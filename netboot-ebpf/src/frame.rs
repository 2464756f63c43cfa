//! Ethernet, IPv4 and UDP around a DHCP message: what is taken from a request's headers, and the
//! headers of an answer.

use crate::{
    checksum,
    shared::Mac,
    verdict::Verdict,
    wire::{CLIENT_PORT, SERVER_PORT},
};

/// Ethernet header without tag, IPv4 header without options, UDP header.
pub const HEADERS: usize = 14 + 20 + 8;

const ETHERTYPE: usize = 12;
const IP: usize = 14;
const IP_DESTINATION: usize = IP + 16;
const UDP: usize = IP + 20;

const IPV4: [u8; 2] = [0x08, 0x00];
/// 802.1Q, 802.1ad, and the tag that early QinQ gear uses.
const TAGS: [[u8; 2]; 3] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]];
const UDP_PROTOCOL: u8 = 17;
const BROADCAST: [u8; 4] = [255; 4];

/// What the headers of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub source_mac: Mac,
    pub destination: [u8; 4],
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

/// Whether the frame is UDP over IPv4 to the DHCP server port: the one test that every frame pays for.
///
/// # Errors
/// [`Verdict::NotDhcp`]; [`Verdict::Tagged`], [`Verdict::IpOptions`], [`Verdict::Fragment`]: it may be
/// DHCP, but is not read here.
#[inline(always)]
pub fn classify(headers: &[u8; HEADERS]) -> Result<(), Verdict> {
    let ethertype = [headers[ETHERTYPE], headers[ETHERTYPE + 1]];
    if ethertype != IPV4 {
        return Err(if ethertype == TAGS[0] || ethertype == TAGS[1] || ethertype == TAGS[2] {
            Verdict::Tagged
        } else {
            Verdict::NotDhcp
        });
    }
    if headers[IP + 9] != UDP_PROTOCOL {
        return Err(Verdict::NotDhcp);
    }
    if headers[IP] != 0x45 {
        return Err(if headers[IP] >> 4 == 4 { Verdict::IpOptions } else { Verdict::NotDhcp });
    }
    // A later fragment has no UDP header: what stands there is no port.
    if u16::from_be_bytes([headers[IP + 6], headers[IP + 7]]) & 0x1fff != 0 {
        return Err(Verdict::NotDhcp);
    }
    if u16::from_be_bytes([headers[UDP + 2], headers[UDP + 3]]) != SERVER_PORT {
        return Err(Verdict::NotDhcp);
    }
    if headers[IP + 6] & 0x20 != 0 {
        return Err(Verdict::Fragment);
    }
    Ok(())
}

/// Reads the headers of a frame that [`classify`] took; `frame_len` is its length in bytes.
///
/// The UDP checksum is not verified: on veth, tap and virtio it is often unfinished.
///
/// # Errors
/// [`Verdict::Truncated`]: the frame is shorter than its headers say, or they contradict each other.
#[inline(always)]
pub fn parse(headers: &[u8; HEADERS], frame_len: usize) -> Result<Frame, Verdict> {
    let ip_len = usize::from(u16::from_be_bytes([headers[IP + 2], headers[IP + 3]]));
    let udp_len = usize::from(u16::from_be_bytes([headers[UDP + 4], headers[UDP + 5]]));
    if udp_len < 8 || udp_len + 20 > ip_len || ip_len + IP > frame_len {
        return Err(Verdict::Truncated);
    }
    let [m0, m1, m2, m3, m4, m5] =
        [headers[6], headers[7], headers[8], headers[9], headers[10], headers[11]];
    Ok(Frame {
        source_mac: Mac { octets: [m0, m1, m2, m3, m4, m5] },
        destination: [
            headers[IP_DESTINATION],
            headers[IP_DESTINATION + 1],
            headers[IP_DESTINATION + 2],
            headers[IP_DESTINATION + 3],
        ],
        message_len: udp_len - 8,
    })
}

/// Where an answer goes (RFC 2131 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub mac: Mac,
    pub ip: [u8; 4],
    /// 68, or 67 towards a relay.
    pub port: u16,
}

impl Destination {
    /// Everybody on the link.
    pub const BROADCAST: Self =
        Self { mac: Mac { octets: [255; 6] }, ip: BROADCAST, port: CLIENT_PORT };
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
        0,
        SERVER_PORT as u8,
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

    let Some((ether, rest)) = headers.split_first_chunk_mut::<IP>() else { return };
    let Some((ip_header, rest)) = rest.split_first_chunk_mut() else { return };
    let Some(udp_header) = rest.first_chunk_mut() else { return };
    *ether = [
        d[0], d[1], d[2], d[3], d[4], d[5], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
        IPV4[0], IPV4[1],
    ];
    *ip_header = ip;
    *udp_header = udp;
}
