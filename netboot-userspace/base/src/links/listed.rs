//! Interfaces and addresses as the kernel lists them.

use std::net::IpAddr;

use netboot_ebpf::shared::Mac;
use netlink_packet_core::{
    DecodeError, NetlinkMessage, Parseable as _, ParseableParametrized as _,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeader, AddressMessage, AddressMessageBuffer},
    link::{LinkAttribute, LinkHeader, LinkMessage, LinkMessageBuffer},
};

use super::{
    ask::Kernel,
    attributes::{self, Attributes},
};

/// An interface with an Ethernet address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListedLink {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) mac: Mac,
    pub(super) attributes: Attributes,
}

/// An address of an interface.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListedAddress {
    /// The interface's.
    pub(super) index: u32,
    pub(super) address: IpAddr,
    pub(super) prefix_length: u8,
}

pub(super) fn links(kernel: &Kernel) -> anyhow::Result<Vec<ListedLink>> {
    let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let messages = kernel.list(&NetlinkMessage::from(request))?;
    Ok(messages.iter().filter_map(|message| link(message)).collect())
}

pub(super) fn addresses(
    kernel: &Kernel,
    family: AddressFamily,
) -> anyhow::Result<Vec<ListedAddress>> {
    let mut request = AddressMessage::default();
    request.header.family = family;
    let request = RouteNetlinkMessage::GetAddress(request);
    let messages = kernel.list(&NetlinkMessage::from(request))?;
    Ok(messages.iter().filter_map(|message| address(message)).collect())
}

/// Of a loopback device the address is all zero; what has none, as a tunnel, is none.
fn link(message: &[u8]) -> Option<ListedLink> {
    let message = LinkMessageBuffer::new_checked(message).ok()?;
    let mut link = LinkMessage::default();
    link.header = LinkHeader::parse(&message).ok()?;
    let family = link.header.interface_family;
    let (mut name, mut mac, mut error) = (None, None, None);
    for attribute in message.attributes() {
        let read = |attribute| LinkAttribute::parse_with_param(&attribute, family);
        match attribute.and_then(read) {
            Ok(LinkAttribute::IfName(text)) => name = Some(text),
            Ok(LinkAttribute::Address(bytes)) => mac = Some(first_octets(&bytes)),
            Ok(attribute) => link.attributes.push(attribute),
            Err(other) => error = Some(other),
        }
    }
    let (name, mac, index) = (name?, mac?, link.header.index);
    if let Some(error) = error {
        warn_of(&name, &error);
    }
    Some(ListedLink { name, index, mac, attributes: attributes::collect(&link) })
}

fn warn_of(interface: &str, error: &DecodeError) {
    tracing::warn!(interface, "not all that the kernel tells of it is understood: {error:#}");
}

/// An address can have another length than Ethernet's.
fn first_octets(address: &[u8]) -> Mac {
    let mut octets = [0; 6];
    for (octet, byte) in octets.iter_mut().zip(address) {
        *octet = *byte;
    }
    Mac { octets }
}

fn address(message: &[u8]) -> Option<ListedAddress> {
    let message = AddressMessageBuffer::new_checked(message).ok()?;
    let AddressHeader { index, prefix_len, .. } = AddressHeader::parse(&message).ok()?;
    let (mut local, mut peer_or_own) = (None, None);
    for attribute in message.attributes().flatten() {
        match AddressAttribute::parse(&attribute) {
            Ok(AddressAttribute::Local(address)) => local = Some(address),
            Ok(AddressAttribute::Address(address)) => peer_or_own = Some(address),
            _ => {}
        }
    }
    Some(ListedAddress { index, address: local.or(peer_or_own)?, prefix_length: prefix_len })
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use netlink_packet_route::link::LinkFlags;

    use super::*;
    use crate::links::LinkState;

    fn bytes(message: &impl Emitable) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    #[track_caller]
    fn check_link(attributes: Vec<LinkAttribute>, more: &[u8], expect: Option<(&str, [u8; 6])>) {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = LinkFlags::Up;
        message.attributes = attributes;
        let found = link(&[bytes(&message), more.to_vec()].concat());
        let state = LinkState::NoCarrier;
        let expect = expect.map(|(name, octets)| ListedLink {
            name: name.to_owned(),
            index: 7,
            mac: Mac { octets },
            attributes: Attributes { mtu: Some(9000), state, ..Attributes::default() },
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn links_of_messages() {
        let name = || LinkAttribute::IfName("eth0".to_owned());
        let (mtu, mac) = (|| LinkAttribute::Mtu(9000), LinkAttribute::Address);
        let octets = [2, 0, 0, 0, 0, 1];
        let all = || vec![name(), mtu(), mac(octets.to_vec())];
        check_link(all(), &[], Some(("eth0", octets)));
        // IFLA_LINK of two bytes.
        check_link(all(), &[6, 0, 5, 0, 1, 1, 0, 0], Some(("eth0", octets)));
        let short = vec![name(), mtu(), mac(vec![10, 0, 0, 1])];
        check_link(short, &[], Some(("eth0", [10, 0, 0, 1, 0, 0])));
        let long = vec![name(), mtu(), mac(vec![1; 20])];
        check_link(long, &[], Some(("eth0", [1; 6])));
        check_link(vec![name(), mtu()], &[], None);
        assert_eq!(link(&[0; 3]), None);
    }

    #[track_caller]
    fn check_address(attributes: Vec<AddressAttribute>, expect: Option<&str>) {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.index = 7;
        message.header.prefix_len = 24;
        message.attributes = attributes;
        let expect = expect.map(|address| ListedAddress {
            index: 7,
            address: address.parse().unwrap(),
            prefix_length: 24,
        });
        assert_eq!(address(&bytes(&message)), expect);
    }

    #[test]
    fn addresses_of_messages() {
        let ip = |text: &str| text.parse().unwrap();
        let own = || AddressAttribute::Local(ip("10.0.0.1"));
        let label = || AddressAttribute::Label("eth0:1".to_owned());
        check_address(vec![AddressAttribute::Address(ip("10.0.0.2"))], Some("10.0.0.2"));
        // Of a link between two, ADDRESS is the other end's.
        let peer = AddressAttribute::Address(ip("10.0.0.2"));
        check_address(vec![peer, own(), label()], Some("10.0.0.1"));
        check_address(vec![label()], None);
    }
}
