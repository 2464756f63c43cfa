//! What only netlink tells of an interface.

use anyhow::Context as _;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVlan, LinkAttribute, LinkInfo, LinkMessage, LinkXdp},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Attributes of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// The longest IP datagram, in bytes.
    pub(crate) mtu: Option<u32>,
    /// It is a VLAN interface over another one: that one's index, and the VLAN's id.
    pub(crate) vlan: Option<(u32, u16)>,
    /// It is one end of a veth pair.
    pub(crate) is_veth: bool,
    /// The kernel's number of the XDP program that is attached.
    pub(crate) xdp_program: Option<u32>,
}

/// Asks the kernel; `None`: there is no such interface.
pub(crate) fn read(index: u32) -> anyhow::Result<Option<Attributes>> {
    let mut socket = Socket::new(NETLINK_ROUTE).context("cannot open a netlink socket")?;
    socket.bind_auto().context("cannot bind a netlink socket")?;
    socket.connect(&SocketAddr::new(0, 0)).context("cannot reach the kernel over netlink")?;
    let mut link = LinkMessage::default();
    link.header.index = index;
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetLink(link));
    request.header.flags = NLM_F_REQUEST;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0).context("cannot ask the kernel for an interface")?;
    let (answer, _) = socket.recv_from_full().context("the kernel does not answer")?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)
        .context("the kernel's answer about an interface is not understood")?;
    match answer.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
            Ok(Some(collect(&link)))
        }
        NetlinkPayload::Error(error) if error.to_io().raw_os_error() == Some(nix::libc::ENODEV) => {
            Ok(None)
        }
        other => anyhow::bail!("the kernel does not describe interface {index}: {other:?}"),
    }
}

fn collect(link: &LinkMessage) -> Attributes {
    let mut found = Attributes::default();
    let (mut below, mut vlan_id) = (None, None);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Link(index) => below = Some(*index),
            LinkAttribute::Mtu(mtu) => found.mtu = Some(*mtu),
            LinkAttribute::LinkInfo(infos) => {
                found.is_veth =
                    infos.iter().any(|info| matches!(info, LinkInfo::Kind(InfoKind::Veth)));
                vlan_id = infos.iter().find_map(vlan);
            }
            LinkAttribute::Xdp(xdp) => {
                found.xdp_program = xdp.iter().find_map(|part| match part {
                    LinkXdp::ProgId(id) => Some(*id),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    found.vlan = below.zip(vlan_id);
    found
}

fn vlan(info: &LinkInfo) -> Option<u16> {
    let LinkInfo::Data(InfoData::Vlan(parts)) = info else { return None };
    parts.iter().find_map(|part| match part {
        InfoVlan::Id(id) => Some(*id),
        _ => None,
    })
}
