//! Router discovery at the served interfaces: its sockets and tasks. Where it fails, machines wait as without it.

use std::{collections::BTreeMap, net::Ipv6Addr, os::fd::OwnedFd, time::Instant};

use netboot_answer::{
    router_solicitations::{
        RouterSolicitations, SolicitationCommon,
        message::{ALL_NODES_MAC, ALL_ROUTERS_MAC},
    },
    tables::Served,
};
use netboot_base::{
    links::{self, Link},
    packet_socket,
    throttle::Throttle,
};
use netboot_ebpf::frame::TAG;
use socket2::{Domain, SockFilter, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::lasting::Lasting;

/// What answers router solicitations, by interface.
pub(super) struct Solicitations {
    common: SolicitationCommon,
    running: BTreeMap<u32, Running>,
    failures: Throttle,
}

struct Running {
    link: Link,
    cancel: CancellationToken,
    task: Lasting,
    _group: Option<Socket>,
}

impl Solicitations {
    pub(super) fn new(common: SolicitationCommon) -> Self {
        Self { common, running: BTreeMap::new(), failures: Throttle::new(5) }
    }

    /// At these interfaces, and at no others.
    pub(super) fn settle(&mut self, links: &[Link], tables: &Served, cancel: &CancellationToken) {
        let wanted: Vec<_> = links.iter().filter(|link| !links::is_gone(link.index)).collect();
        self.running.retain(|index, running| {
            let stays =
                wanted.iter().any(|link| link.is_same(&running.link)) && !running.task.is_over();
            if !stays {
                running.cancel.cancel();
                self.common.forget(*index);
            }
            stays
        });
        for link in wanted {
            if self.running.contains_key(&link.index) {
                continue;
            }
            match self.open(link, tables, cancel.child_token()) {
                Ok(running) => drop(self.running.insert(link.index, running)),
                Err(error) if self.failures.ready(Instant::now()) => tracing::warn!(
                    interface = link.name,
                    "router solicitations are not answered, and iPXE waits for an IPv6 router: {error:#}"
                ),
                Err(_) => {}
            }
        }
    }

    fn open(
        &self,
        link: &Link,
        tables: &Served,
        cancel: CancellationToken,
    ) -> anyhow::Result<Running> {
        let (link, common) = (link.clone(), self.common.clone());
        let socket = packet_socket(&link)?;
        let answers = RouterSolicitations::new(socket, link.clone(), tables.clone(), common)?;
        let mut task = Lasting::new("answering router solicitations");
        task.start(answers.serve(cancel.clone()));
        let group = join(&link)
            .inspect_err(|error| {
                tracing::debug!(interface = link.name, %error, "not a member of all routers");
            })
            .ok();
        Ok(Running { link, cancel, task, _group: group })
    }

    /// What is known and was counted.
    pub(super) fn common(&self) -> &SolicitationCommon {
        &self.common
    }
}

/// A raw socket that receives Router Solicitations and Advertisements.
fn packet_socket(link: &Link) -> anyhow::Result<OwnedFd> {
    let groups = [ALL_ROUTERS_MAC, ALL_NODES_MAC].map(|group| group.octets);
    packet_socket::listen(link, &to_router_discovery(), &groups)
}

/// Makes the kernel tell switches that filter multicast that solicitations are wanted here (MLD, RFC 4541). It fails
/// where IPv6 is switched off.
fn join(link: &Link) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
    socket.join_multicast_v6(&Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2), link.index)?;
    Ok(socket)
}

/// Classic BPF: ICMPv6 of type 133 or 134 right behind the IPv6 header. The outer VLAN tag is not in the frame any
/// more; an inner one may be.
fn to_router_discovery() -> [SockFilter; 17] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_BYTE_INDEXED: u16 = 0x50;
    const SET_INDEX: u16 = 0x01;
    const JUMP: u16 = 0x05;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_EQUAL, 4, 0, 0x8100),
        SockFilter::new(JUMP_EQUAL, 3, 0, 0x88a8),
        SockFilter::new(JUMP_EQUAL, 2, 0, 0x9100),
        SockFilter::new(SET_INDEX, 0, 0, 0),
        SockFilter::new(JUMP, 0, 0, 1),
        SockFilter::new(SET_INDEX, 0, 0, TAG as u32),
        // 7: the Ethernet type.
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 12),
        SockFilter::new(JUMP_EQUAL, 0, 7, 0x86dd),
        SockFilter::new(LOAD_BYTE_INDEXED, 0, 0, 20),
        SockFilter::new(JUMP_EQUAL, 0, 5, 58),
        SockFilter::new(LOAD_BYTE_INDEXED, 0, 0, 54),
        SockFilter::new(JUMP_EQUAL, 2, 0, 133),
        SockFilter::new(JUMP_EQUAL, 1, 0, 134),
        SockFilter::new(JUMP, 0, 0, 1),
        SockFilter::new(RETURN, 0, 0, 0x0004_0000),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
    use socket2::SockRef;

    use super::*;

    /// A filter does the same on every kind of socket; this kind needs no root.
    fn passes(frame: &[u8]) -> bool {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (from, to) = socketpair(AddressFamily::Unix, SockType::Datagram, None, flags).unwrap();
        SockRef::from(&to).attach_filter(&to_router_discovery()).unwrap();
        // Refused, or dropped: that differs by kernel.
        let _ = send(from.as_raw_fd(), frame, MsgFlags::empty());
        let mut received = [0; 2048];
        recv(to.as_raw_fd(), &mut received, MsgFlags::empty()).is_ok_and(|len| len == frame.len())
    }

    #[test]
    fn which_frames_reach_the_daemon() {
        let frame = |tags: &[[u8; 4]], kind: u8| {
            let mut ip = [0; 48];
            (ip[0], ip[6], ip[7], ip[40]) = (0x60, 58, 255, kind);
            [&[2; 12][..], tags.as_flattened(), &[0x86, 0xdd], &ip].concat()
        };
        let check = |frame: &[u8], expect| assert_eq!(passes(frame), expect, "{frame:?}");
        for tags in [&[][..], &[[0x81, 0, 0, 100]], &[[0x88, 0xa8, 0, 7]], &[[0x91, 0, 0, 7]]] {
            for kind in 0..=255 {
                check(&frame(tags, kind), matches!(kind, 133 | 134));
            }
        }
        let changed = |at: usize, byte: u8, expect| {
            let mut frame = frame(&[], 133);
            frame[at] = byte;
            check(&frame, expect);
        };
        // IPv4; UDP; a hop limit is the reader's.
        changed(12, 8, false);
        changed(20, 17, false);
        changed(21, 64, true);
        check(&frame(&[], 133)[..54], false);
        check(&[], false);
    }
}
