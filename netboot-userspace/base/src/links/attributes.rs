//! Attributes of an interface.

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        AfSpecInet6, AfSpecUnspec, InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags,
        LinkInfo, LinkMessage, LinkXdp, XdpAttached,
    },
};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::{AttachedXdp, LinkState, VlanLink, ask::Kernel};
use crate::links::XdpMode;

/// Attributes of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// The longest IP datagram, in bytes.
    pub(crate) mtu: Option<u32>,
    pub(crate) state: LinkState,
    /// Whether the interface is one end of a veth pair.
    pub(crate) is_veth: bool,
    /// Whether the interface is a bond, bridge or team.
    pub(crate) has_ports: bool,
    pub(crate) xdp: Option<AttachedXdp>,
    pub(crate) vlan: Option<VlanLink>,
    /// The index of the interface that this one is under (IFLA_MASTER): a bridge, a bond, a VRF or the like.
    pub(crate) master: Option<u32>,
    /// The kernel takes itself for a router there.
    pub(crate) forwards_ipv6: bool,
}

/// Asks the kernel; `None`: there is no such interface.
pub(crate) fn read(index: u32) -> anyhow::Result<Option<Attributes>> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    let request = NetlinkMessage::from(RouteNetlinkMessage::GetLink(link));
    match Kernel::new(NETLINK_ROUTE)?.ask(request)? {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
            Ok(Some(collect(&link)))
        }
        NetlinkPayload::Error(error) if error.to_io().raw_os_error() == Some(nix::libc::ENODEV) => {
            Ok(None)
        }
        other => anyhow::bail!("the kernel does not describe interface {index}: {other:?}"),
    }
}

pub(super) fn collect(link: &LinkMessage) -> Attributes {
    let mut found = Attributes { state: state(link.header.flags), ..Attributes::default() };
    let mut parent = None;
    let mut id = None;
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => found.mtu = Some(*mtu),
            LinkAttribute::LinkInfo(infos) => {
                let kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind),
                    _ => None,
                });
                found.is_veth = matches!(kind, Some(InfoKind::Veth));
                found.has_ports = match kind {
                    Some(InfoKind::Bond | InfoKind::Bridge) => true,
                    Some(InfoKind::Other(name)) => name == "team",
                    _ => false,
                };
                id = infos.iter().find_map(vlan_id);
            }
            LinkAttribute::Link(index) => parent = Some(*index),
            LinkAttribute::Controller(index) => found.master = Some(*index),
            LinkAttribute::Xdp(xdp) => {
                found.xdp = attached_xdp(xdp);
            }
            LinkAttribute::AfSpecUnspec(families) => {
                found.forwards_ipv6 = families.iter().any(forwards_ipv6);
            }
            _ => {}
        }
    }
    found.vlan = parent.zip(id).map(|(parent, id)| VlanLink { parent, id });
    found
}

fn state(flags: LinkFlags) -> LinkState {
    match () {
        () if !flags.contains(LinkFlags::Up) => LinkState::Down,
        () if !flags.contains(LinkFlags::LowerUp) => LinkState::NoCarrier,
        () => LinkState::Up,
    }
}

fn attached_xdp(parts: &[LinkXdp]) -> Option<AttachedXdp> {
    let program = parts.iter().find_map(|part| match part {
        LinkXdp::ProgId(id) => Some(*id),
        _ => None,
    })?;
    let is_generic = parts.contains(&LinkXdp::Attached(XdpAttached::SocketBuffer));
    let mode = if is_generic { XdpMode::Generic } else { XdpMode::Native };
    Some(AttachedXdp { program, mode })
}

fn forwards_ipv6(family: &AfSpecUnspec) -> bool {
    let AfSpecUnspec::Inet6(parts) = family else { return false };
    parts.iter().any(|part| matches!(part, AfSpecInet6::DevConf(conf) if conf.forwarding != 0))
}

fn vlan_id(info: &LinkInfo) -> Option<u16> {
    let LinkInfo::Data(InfoData::Vlan(parts)) = info else { return None };
    parts.iter().find_map(|part| match part {
        InfoVlan::Id(id) => Some(*id),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interface of a kind, over another one.
    #[track_caller]
    fn check(kind: InfoKind, data: Option<InfoData>, expect: Attributes) {
        let mut link = LinkMessage::default();
        link.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
        let info = [LinkInfo::Kind(kind)].into_iter().chain(data.map(LinkInfo::Data));
        link.attributes = vec![
            LinkAttribute::Mtu(9000),
            LinkAttribute::Link(7),
            LinkAttribute::Controller(8),
            LinkAttribute::LinkInfo(info.collect()),
        ];
        assert_eq!(collect(&link), Attributes { mtu: Some(9000), master: Some(8), ..expect });
    }

    #[test]
    fn states_of_interfaces() {
        for (flags, expect) in [
            (LinkFlags::Up | LinkFlags::LowerUp, LinkState::Up),
            (LinkFlags::Up, LinkState::NoCarrier),
            (LinkFlags::LowerUp, LinkState::Down),
            (LinkFlags::empty(), LinkState::Down),
        ] {
            assert_eq!(state(flags), expect, "{flags:?}");
        }
    }

    #[test]
    fn kinds_of_interfaces() {
        let none = Attributes::default;
        let id = InfoData::Vlan(vec![InfoVlan::Id(100)]);
        let vlan = Some(VlanLink { parent: 7, id: 100 });
        check(InfoKind::Vlan, Some(id), Attributes { vlan, ..none() });
        // A veth's other end is no parent.
        check(InfoKind::Veth, None, Attributes { is_veth: true, ..none() });
        for kind in [InfoKind::Bridge, InfoKind::Bond, InfoKind::Other("team".to_owned())] {
            check(kind, None, Attributes { has_ports: true, ..none() });
        }
        check(InfoKind::Dummy, None, none());
    }
}
