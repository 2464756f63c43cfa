//! The client's end of the wire: whole frames out, whole frames in.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    ifaddrs::getifaddrs,
    net::if_::if_nametoindex,
    sys::{
        socket::{
            AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike as _,
            bind, recvfrom, send, setsockopt, socket, sockopt::ReceiveTimeout,
        },
        time::{TimeVal, TimeValLike as _},
    },
};

use super::tags::{self, Tags};
use crate::namespace::Namespace;

/// An answer that is due comes within this.
const DEADLINE: Duration = Duration::from_secs(10);

/// Sockets in a namespace.
pub(super) struct Wire {
    out: OwnedFd,
    /// Of all interfaces: the kernel takes a frame's tags off, and gives it to the VLAN's interface.
    within: OwnedFd,
    tags: HashMap<usize, Tags>,
}

impl Wire {
    /// At an interface, with VLAN interfaces on it for these tags.
    pub(super) fn open(namespace: &Namespace, interface: &str, vlans: &[Tags]) -> Result<Self> {
        let names = vlans
            .iter()
            .map(|tags| add_vlan(namespace, interface, tags).map(|name| (name, tags.clone())))
            .collect::<Result<Vec<_>>>()?;
        let open = || {
            let within = packet_socket()?;
            setsockopt(&within, ReceiveTimeout, &TimeVal::seconds(DEADLINE.as_secs().try_into()?))?;
            let out = packet_socket()?;
            bind(out.as_raw_fd(), &link(interface)?)?;
            let index = |name: &str| if_nametoindex(name).map(|index| index as usize);
            let mut tags = HashMap::from([(index(interface)?, Tags::new())]);
            for (name, own) in names {
                tags.insert(index(&name)?, own);
            }
            Ok(Self { out, within, tags })
        };
        namespace.enter(open).with_context(|| format!("a raw socket at {interface}"))
    }

    pub(super) fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.out.as_raw_fd(), frame, MsgFlags::empty()).context("send a frame")?;
        Ok(())
    }

    /// The next frame, with its tags.
    pub(super) fn receive(&self) -> Result<Vec<u8>> {
        let mut frame = vec![0; 4096];
        loop {
            let (len, from) = recvfrom::<LinkAddr>(self.within.as_raw_fd(), &mut frame)
                .with_context(|| format!("nothing came for {DEADLINE:?}"))?;
            let Some(tags) = from.and_then(|from| self.tags.get(&from.ifindex())) else { continue };
            if len < 14 {
                continue;
            }
            return Ok([&frame[..12], &tags.concat(), &frame[12..len]].concat());
        }
    }
}

fn packet_socket() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)?)
}

fn link(interface: &str) -> Result<LinkAddr> {
    let entries = getifaddrs()?.filter(|entry| entry.interface_name == interface);
    entries
        .filter_map(|entry| entry.address)
        .filter(|address| address.family() == Some(AddressFamily::Packet))
        .find_map(|address| address.as_link_addr().copied())
        .context("no such interface")
}

/// A VLAN interface for each tag, one on the other; the last one's name.
fn add_vlan(namespace: &Namespace, interface: &str, tags: &[[u8; 4]]) -> Result<String> {
    let mut on = interface.to_owned();
    for [high, low, control @ ..] in tags {
        let id = u16::from_be_bytes(*control) & 0xfff;
        let protocol = if [*high, *low] == [0x88, 0xa8] { "802.1ad" } else { "802.1Q" };
        let name = format!("{on}.{id}");
        let id = id.to_string();
        let add = ["link", "add", "link", &on, "name", &name, "type", "vlan"];
        // Another row of tags may begin like this one.
        if namespace.ip(&["link", "show", &name]).is_err() {
            namespace.ip(&[&add[..], &["protocol", protocol, "id", &id]].concat())?;
            namespace.ip(&["link", "set", &name, "up"])?;
        }
        on = name;
    }
    Ok(on)
}

/// Whether a frame is an answer of a DHCP server, and its xid.
pub(super) fn answer(frame: &[u8]) -> Option<[u8; 4]> {
    let (_, _, rest) = tags::split(frame)?;
    let packet = rest.get(2..)?;
    let port = u16::from_be_bytes(*packet.get(20..)?.first_chunk()?);
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?);
    let is_answer = packet[9] == 17 && matches!(port, 67 | 4011) && !from.is_unspecified();
    packet.get(28 + 4..)?.first_chunk().copied().filter(|_| is_answer)
}
