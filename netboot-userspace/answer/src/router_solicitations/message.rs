//! Router Solicitations and Advertisements as frames: what the daemon reads of them, and what it sends.

use std::{net::Ipv6Addr, time::Duration};

use netboot_ebpf::{
    frame::{ADDRESSES, split},
    shared::{Mac, Vlan},
};
use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{
        EthernetAddress, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr,
        NdiscOption, NdiscOptionType, NdiscRepr, NdiscRouterFlags,
    },
};

/// All routers of a link, and their Ethernet address (RFC 2464 section 7).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
pub const ALL_ROUTERS_MAC: Mac = Mac { octets: [0x33, 0x33, 0, 0, 0, 2] };
/// Of all nodes: what routers advertise to everybody.
pub const ALL_NODES_MAC: Mac = Mac { octets: [0x33, 0x33, 0, 0, 0, 1] };

const IPV6: [u8; 2] = [0x86, 0xdd];
/// "The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been forwarded by a
/// router" (RFC 4861 sections 6.1.1 and 6.1.2).
const HOP_LIMIT: u8 = 255;
/// Headers before the options (RFC 4861 sections 4.1 and 4.2).
const SOLICITATION: usize = 8;
const ADVERTISEMENT: usize = 16;

/// A message that is valid by RFC 4861, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterMessage<'f> {
    pub mac: Mac,
    pub vlan: Vlan,
    /// As they stand in the frame.
    pub tags: &'f [u8],
    pub source: Ipv6Addr,
    pub kind: RouterMessageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterMessageKind {
    Solicitation {
        /// The source link-layer address option.
        link_address: Option<Mac>,
    },
    Advertisement {
        /// How long the sender is a default router; zero: the sender is none.
        lifetime: Duration,
        /// Something follows from it: an address to make, a DHCPv6 server to ask, or another option.
        tells: bool,
    },
}

/// Why a frame is no Solicitation or Advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRouterMessage {
    /// The frame is another message's.
    Other,
    /// RFC 4861 has receivers discard the message (sections 6.1.1 and 6.1.2).
    Invalid,
}

/// Reads a frame.
///
/// # Errors
/// The frame is none of these messages, or not valid.
pub fn parse(frame: &[u8]) -> Result<RouterMessage<'_>, NoRouterMessage> {
    let (parts, _) = split(frame).map_err(|_| NoRouterMessage::Other)?;
    let (_, rest) =
        frame.split_at_checked(ADDRESSES + parts.tags.len()).ok_or(NoRouterMessage::Other)?;
    let (kind, rest) = rest.split_first_chunk::<2>().ok_or(NoRouterMessage::Other)?;
    if *kind != IPV6 {
        return Err(NoRouterMessage::Other);
    }
    let ip = Ipv6Packet::new_checked(rest).map_err(|_| NoRouterMessage::Other)?;
    // With headers between it is none that iPXE or a router sends.
    if ip.version() != 6 || ip.next_header() != IpProtocol::Icmpv6 {
        return Err(NoRouterMessage::Other);
    }
    let icmp = ip.payload();
    let kind = icmp.first().map(|kind| Icmpv6Message::from(*kind)).ok_or(NoRouterMessage::Other)?;
    let header = match kind {
        Icmpv6Message::RouterSolicit => SOLICITATION,
        Icmpv6Message::RouterAdvert => ADVERTISEMENT,
        _ => return Err(NoRouterMessage::Other),
    };
    let options = icmp.get(header..).ok_or(NoRouterMessage::Invalid)?;
    let packet = Icmpv6Packet::new_checked(icmp).map_err(|_| NoRouterMessage::Invalid)?;
    let (source, destination) = (ip.src_addr(), ip.dst_addr());
    if ip.hop_limit() != HOP_LIMIT
        || packet.msg_code() != 0
        || !packet.verify_checksum(&source, &destination)
    {
        return Err(NoRouterMessage::Invalid);
    }
    let RouterOptions { link_address, has_others } = read_options(options)?;
    let kind = if kind == Icmpv6Message::RouterSolicit {
        // The machine asks one router: this socket hears what is for others, too.
        if !destination.is_multicast() {
            return Err(NoRouterMessage::Other);
        }
        if source.is_unspecified() && link_address.is_some() {
            return Err(NoRouterMessage::Invalid);
        }
        RouterMessageKind::Solicitation { link_address }
    } else {
        if !source.is_unicast_link_local() {
            return Err(NoRouterMessage::Invalid);
        }
        let stateful = NdiscRouterFlags::MANAGED | NdiscRouterFlags::OTHER;
        RouterMessageKind::Advertisement {
            lifetime: packet.router_lifetime().into(),
            tells: packet.router_flags().intersects(stateful) || has_others,
        }
    };
    let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = parts.headers;
    let mac = Mac { octets: [a, b, c, d, e, f] };
    Ok(RouterMessage { mac, vlan: parts.vlan, tags: parts.tags, source, kind })
}

struct RouterOptions {
    link_address: Option<Mac>,
    /// Beside the sender's link-layer address.
    has_others: bool,
}

/// "All included options have a length that is greater than zero."
fn read_options(mut options: &[u8]) -> Result<RouterOptions, NoRouterMessage> {
    let mut found = RouterOptions { link_address: None, has_others: false };
    while !options.is_empty() {
        let option = NdiscOption::new_checked(options).map_err(|_| NoRouterMessage::Invalid)?;
        let length = usize::from(option.data_len()) * 8;
        if option.option_type() == NdiscOptionType::SourceLinkLayerAddr {
            let address = options.get(2..).and_then(<[u8]>::first_chunk);
            found.link_address = address.map(|octets| Mac { octets: *octets });
        } else {
            found.has_others = true;
        }
        options = options.get(length..).filter(|_| length > 0).ok_or(NoRouterMessage::Invalid)?;
    }
    Ok(found)
}

/// The link-local address that iPXE, EDK2 and a Linux kernel make of a MAC (RFC 4291 appendix A).
#[must_use]
pub fn link_local_of(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.octets;
    let word = |high, low| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, word(a ^ 2, b), word(c, 0xff), word(0xfe, d), word(e, f))
}

/// The answer to a machine: that this is no router, and nothing else. Zero is "unspecified (by this router)"
/// (RFC 4861 section 4.2) for hop limit, reachable time and retransmission timer, so that nobody changes its own;
/// without our link-layer address nobody needs to remember us as a neighbour.
#[must_use]
pub fn no_router(from: Mac, source: Ipv6Addr, to: &RouterMessage<'_>) -> Vec<u8> {
    let advertisement = NdiscRepr::RouterAdvert {
        hop_limit: 0,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: smoltcp::time::Duration::ZERO,
        reachable_time: smoltcp::time::Duration::ZERO,
        retrans_time: smoltcp::time::Duration::ZERO,
        lladdr: None,
        mtu: None,
        prefix_info: None,
    };
    frame([to.mac, from], to.tags, [source, to.source], advertisement)
}

/// The question whether there is a router, which all are to answer. Without an address of our own they answer to
/// everybody (RFC 4861 section 6.2.6).
#[must_use]
pub fn question(from: Mac, source: Option<Ipv6Addr>, tags: &[u8]) -> Vec<u8> {
    let lladdr = source.map(|_| EthernetAddress(from.octets).into());
    let source = source.unwrap_or(Ipv6Addr::UNSPECIFIED);
    frame([ALL_ROUTERS_MAC, from], tags, [source, ALL_ROUTERS], NdiscRepr::RouterSolicit { lladdr })
}

fn frame(
    macs: [Mac; 2],
    tags: &[u8],
    [source, destination]: [Ipv6Addr; 2],
    message: NdiscRepr<'_>,
) -> Vec<u8> {
    let message = Icmpv6Repr::Ndisc(message);
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit: HOP_LIMIT,
    };
    let mut datagram = vec![0; ip.buffer_len() + message.buffer_len()];
    let mut packet = Ipv6Packet::new_unchecked(&mut datagram);
    ip.emit(&mut packet);
    let mut icmp = Icmpv6Packet::new_unchecked(packet.payload_mut());
    message.emit(&source, &destination, &mut icmp, &ChecksumCapabilities::default());
    let macs = macs.map(|mac| mac.octets);
    [macs.as_flattened(), tags, &IPV6, &datagram].concat()
}

#[cfg(test)]
mod tests;
