//! Datagrams by the batch (recvmmsg(2), sendmmsg(2), `UDP_SEGMENT` of udp(7)), with the address of this node that each
//! is to or from (`IP_PKTINFO`, ip(7)): firmware takes a file only from the address that it asked.

use std::{
    array,
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd as _},
};

use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrLike as _,
        SockaddrStorage, recvmmsg, sendmmsg, sendmsg, setsockopt, sockopt,
    },
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};

/// Datagrams that the kernel takes apart (`UDP_MAX_SEGMENTS` of Linux up to 6.8).
pub(super) const SEGMENTS: usize = 64;
/// Datagrams of one call.
pub(super) const BATCH: usize = 32;
/// RFC 2347: a request has 512 bytes at most; acknowledgements have four. What is longer is read as nothing at all:
/// the end of what is cut could be another number.
const LONGEST: usize = 1024;

/// Received datagrams, and what is needed to receive them.
pub(super) struct BatchReceiver {
    headers: MultiHeaders<SockaddrStorage>,
    /// What the kernel tells beside a datagram is not always as long: of IPv4 at a socket of IPv6 it is more, and from the
    /// first drop on there is one thing more. In used headers there is room for what was told last.
    are_used_up: bool,
    buffers: Box<[[u8; LONGEST]; BATCH]>,
    received: Vec<(usize, SocketAddr, Option<IpAddr>)>,
    /// Datagrams that are asked for: some more than there were, since each that may come costs something.
    wanted: usize,
    /// Datagrams that the kernel has dropped since the socket was made, as it said last (`SO_RXQ_OVFL`).
    dropped: Option<u32>,
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceivedDatagram<'r> {
    pub(super) bytes: &'r [u8],
    pub(super) from: SocketAddr,
    /// The address of this node that it came to; `None`: it was sent to many.
    pub(super) to: Option<IpAddr>,
}

/// A datagram to be sent: TFTP's first four bytes, and the rest.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'o> {
    pub(super) to: SocketAddr,
    pub(super) head: [u8; 4],
    pub(super) body: &'o [u8],
}

/// Up to [`BATCH`] datagrams that leave together.
pub(super) struct Batch<'o> {
    packets: [Outgoing<'o>; BATCH],
    sent: usize,
    end: usize,
}

/// What is needed to send datagrams by sockets of one family.
pub(super) struct Sender {
    headers: MultiHeaders<SockaddrStorage>,
    is_ipv4: bool,
}

/// Lets a socket tell and choose this node's address, and routers take datagrams apart that are too large for a path:
/// the path's MTU may be less than the interface's, and firmware does not hear of it.
///
/// Before it is bound: of what was heard before, the address is not known.
///
/// # Errors
/// The kernel has no such option.
pub fn prepare(socket: &impl AsFd, is_ipv4: bool) -> io::Result<()> {
    if !is_ipv4 {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    }
    // Clients with IPv4 come to a socket of IPv6, too: this says of theirs what was sent to many.
    setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?;
    Ok(())
}

/// Lets a socket tell how many datagrams it had no room for.
///
/// # Errors
/// The kernel has no such option.
pub(super) fn tell_drops(socket: &UdpSocket) -> io::Result<()> {
    Ok(setsockopt(socket, sockopt::RxqOvfl, &1)?)
}

impl Outgoing<'_> {
    pub(super) const NONE: Self =
        Self { to: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0), head: [0; 4], body: &[] };
}

impl<'o> Batch<'o> {
    pub(super) fn new() -> Self {
        Self { packets: [Outgoing::NONE; BATCH], sent: 0, end: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == BATCH
    }

    /// There must be room.
    pub(super) fn push(&mut self, packet: Outgoing<'o>) {
        if let Some(place) = self.packets.get_mut(self.end) {
            *place = packet;
            self.end += 1;
        }
    }

    pub(super) fn unsent(&self) -> &[Outgoing<'o>] {
        self.packets.get(self.sent..self.end).unwrap_or_default()
    }

    /// So many more need not be sent.
    pub(super) fn pass(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.end {
            (self.sent, self.end) = (0, 0);
        }
    }
}

impl BatchReceiver {
    /// `tells_alike`: of all datagrams of the sockets the same is told.
    pub(super) fn new(tells_alike: bool) -> Self {
        Self {
            headers: headers(BATCH),
            are_used_up: !tells_alike,
            buffers: Box::new([[0; LONGEST]; BATCH]),
            received: Vec::with_capacity(BATCH),
            wanted: BATCH,
            dropped: None,
        }
    }

    /// # Errors
    /// `WouldBlock`: there is nothing; and errors of earlier datagrams that were sent.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.wanted = (2 * self.received.len()).clamp(2, BATCH);
        self.received.clear();
        if self.are_used_up {
            self.headers = headers(self.wanted);
        }
        let mut buffers = self.buffers.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = array::from_fn(|_| {
            [IoSliceMut::new(buffers.next().map_or(&mut [][..], |buffer| &mut buffer[..]))]
        });
        let slices = slices.iter_mut().take(self.wanted);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = recvmmsg(socket.as_raw_fd(), &mut self.headers, slices, flags, None)?;
        for message in messages {
            let from = message.address.and_then(socket_address);
            let (mut by_ipv4, mut by_ipv6) = (None, None);
            for told in message.cmsgs().into_iter().flatten() {
                match told {
                    ControlMessageOwned::RxqOvfl(dropped) => self.dropped = Some(dropped),
                    ControlMessageOwned::Ipv4PacketInfo(to) => by_ipv4 = Some(to),
                    ControlMessageOwned::Ipv6PacketInfo(to) => by_ipv6 = Some(to),
                    _ => {}
                }
            }
            // What has no sender gets a place all the same, so that lengths and buffers stay together.
            let from = from.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
            // Of what came by IPv4 to a socket of IPv6 there are both.
            let to = match by_ipv4 {
                Some(to) => own_ipv4(to),
                None => by_ipv6.and_then(own_ipv6),
            };
            let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
            self.received.push((if is_cut { 0 } else { message.bytes }, from, to));
        }
        Ok(())
    }

    /// There was no room for more than what was received. Otherwise there was no more.
    pub(super) fn may_have_left_some(&self) -> bool {
        self.received.len() >= self.wanted
    }

    /// Datagrams that the kernel has dropped, in all, if it said so.
    pub(super) fn dropped(&self) -> Option<u32> {
        self.dropped
    }

    pub(super) fn received(&self) -> impl Iterator<Item = ReceivedDatagram<'_>> {
        let received = self.received.iter().zip(self.buffers.iter());
        received.map(|(&(length, from, to), buffer)| ReceivedDatagram {
            bytes: buffer.get(..length).unwrap_or_default(),
            from,
            to,
        })
    }
}

impl Sender {
    pub(super) fn new(is_ipv4: bool) -> Self {
        let space =
            if is_ipv4 { cmsg_space!(libc::in_pktinfo) } else { cmsg_space!(libc::in6_pktinfo) };
        Self { headers: MultiHeaders::preallocate(BATCH, Some(space)), is_ipv4 }
    }

    /// Sends as many as the socket takes; returns how many.
    ///
    /// # Errors
    /// The first one was not sent.
    pub(super) fn send(
        &mut self,
        socket: &UdpSocket,
        from: IpAddr,
        batch: &Batch<'_>,
    ) -> io::Result<usize> {
        if let [packet] = batch.unsent() {
            let slices = [IoSlice::new(&packet.head), IoSlice::new(packet.body)];
            let to = SockaddrStorage::from(self.as_socket_has_it(packet.to));
            let source = self.packet_info(from);
            let told = [source.message()];
            sendmsg(socket.as_raw_fd(), &slices, &told, MsgFlags::MSG_DONTWAIT, Some(&to))?;
            return Ok(1);
        }
        let mut slices = [[IoSlice::new(&[]); 2]; BATCH];
        let mut addresses = [None; BATCH];
        for ((slices, address), packet) in slices.iter_mut().zip(&mut addresses).zip(batch.unsent())
        {
            *slices = [IoSlice::new(&packet.head), IoSlice::new(packet.body)];
            *address = Some(SockaddrStorage::from(self.as_socket_has_it(packet.to)));
        }
        let count = batch.unsent().len();
        let slices = slices.get(..count).unwrap_or_default();
        let addresses = addresses.get(..count).unwrap_or_default();
        let source = self.packet_info(from);
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices,
            addresses,
            [source.message()],
            flags,
        )?;
        Ok(sent.count())
    }

    /// Sends datagrams to one client as one, which goes through the kernel's layers at once and is taken apart at their
    /// end, by the card if it can. All have the first one's length, but for the last one, which may be shorter; there
    /// are no more than [`most_segments`].
    ///
    /// # Errors
    /// None of them was sent: they are larger than the way's MTU, or the card does not sum up checksums; or there is no
    /// room.
    pub(super) fn send_segments(
        &self,
        socket: &UdpSocket,
        from: IpAddr,
        datagrams: &[Outgoing<'_>],
    ) -> io::Result<()> {
        let Some(first) = datagrams.first() else { return Ok(()) };
        let length = u16::try_from(first.head.len() + first.body.len());
        let length = length.map_err(|_| io::Error::from(Errno::EINVAL))?;
        let mut slices = [IoSlice::new(&[]); 2 * SEGMENTS];
        for (slices, datagram) in slices.chunks_exact_mut(2).zip(datagrams) {
            slices.copy_from_slice(&[IoSlice::new(&datagram.head), IoSlice::new(datagram.body)]);
        }
        let slices = slices.get(..2 * datagrams.len()).ok_or(Errno::EMSGSIZE)?;
        let to = SockaddrStorage::from(self.as_socket_has_it(first.to));
        let source = self.packet_info(from);
        let told = [source.message(), ControlMessage::UdpGsoSegments(&length)];
        sendmsg(socket.as_raw_fd(), slices, &told, MsgFlags::MSG_DONTWAIT, Some(&to))?;
        Ok(())
    }

    fn packet_info(&self, from: IpAddr) -> PacketInfo {
        match self.as_socket_has_it((from, 0).into()).ip() {
            IpAddr::V4(address) => PacketInfo::V4(libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            }),
            IpAddr::V6(address) => PacketInfo::V6(libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: address.octets() },
                ipi6_ifindex: 0,
            }),
        }
    }

    /// A socket of IPv6 has clients of IPv4 by their mapped addresses (RFC 4291, 2.5.5.2).
    fn as_socket_has_it(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(address) if !self.is_ipv4 => {
                (address.ip().to_ipv6_mapped(), address.port()).into()
            }
            address => address,
        }
    }
}

/// The address that something is sent from.
enum PacketInfo {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl PacketInfo {
    fn message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }
}

/// Blocks of this length, in bytes, that [`Sender::send_segments`] takes: an IP datagram has no more than 65535 bytes.
pub(super) fn most_segments(block_size: u16) -> usize {
    const ROOM: usize = 65_535 - 60 - 8;
    (ROOM / (usize::from(block_size) + 4)).min(SEGMENTS)
}

fn headers(count: usize) -> MultiHeaders<SockaddrStorage> {
    let space = cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo, u32);
    MultiHeaders::preallocate(count, Some(space))
}

/// Whether the socket only has no room for now.
pub(super) fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

fn socket_address(address: SockaddrStorage) -> Option<SocketAddr> {
    match address.family()? {
        nix::sys::socket::AddressFamily::Inet => {
            address.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()))
        }
        nix::sys::socket::AddressFamily::Inet6 => {
            let address = address.as_sockaddr_in6()?;
            match address.ip().to_ipv4_mapped() {
                Some(ipv4) => Some((ipv4, address.port()).into()),
                None => Some(SocketAddr::V6((*address).into())),
            }
        }
        _ => None,
    }
}

/// Of a broadcast or multicast none: RFC 1123 4.2.3.4 wants them ignored.
fn own_ipv4(info: libc::in_pktinfo) -> Option<IpAddr> {
    let [to, own] = [info.ipi_addr, info.ipi_spec_dst].map(|address| address.s_addr);
    (to == own).then(|| Ipv4Addr::from(own.to_ne_bytes()).into())
}

fn own_ipv6(info: libc::in6_pktinfo) -> Option<IpAddr> {
    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    (!address.is_multicast()).then_some(address.into())
}

#[cfg(test)]
mod tests;
