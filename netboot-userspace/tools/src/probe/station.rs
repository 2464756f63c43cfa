//! The machine's own IP stack: it fetches with the machine's MAC and address, and this node's
//! configuration stays as it is.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;
use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken},
    socket::{tcp, udp},
    time::Instant as Clock,
    wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint},
};

use super::{transport::Transport, wire::Wire};

/// Of a TCP connection: a window of several segments.
const TCP_BUFFER: usize = 256 << 10;
const UDP_DATAGRAMS: usize = 64;
const UDP_BUFFER: usize = 128 << 10;
const FRAMES: u32 = 1000;
/// For the end of a connection.
const FAREWELL: Duration = Duration::from_millis(50);
/// Where the ports begin that are nobody's.
const FIRST_PORT: u16 = 49_152;

/// A machine with an address, on a wire.
pub(super) struct Station<'w> {
    frames: Frames<'w>,
    interface: Interface,
    sockets: SocketSet<'static>,
    conversation: Option<SocketHandle>,
    port: u16,
    start: Instant,
}

/// What a machine was told of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) mac: Mac,
    pub(super) address: Ipv4Net,
    pub(super) router: Option<Ipv4Addr>,
}

impl<'w> Station<'w> {
    pub(super) fn new(wire: &'w mut Wire, lease: Lease, seed: u64) -> Self {
        let mut frames = Frames { wire, received: None, budget: FRAMES };
        let mut config = Config::new(EthernetAddress(lease.mac.octets).into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut frames, Clock::ZERO);
        interface.update_ip_addrs(|addresses| {
            let own = IpCidr::new(lease.address.addr().into(), lease.address.prefix_len());
            // There is room for one at least.
            let _ = addresses.push(own);
        });
        if let Some(router) = lease.router {
            let _ = interface.routes_mut().add_default_ipv4_route(router);
        }
        Self {
            frames,
            interface,
            sockets: SocketSet::new(Vec::new()),
            conversation: None,
            port: FIRST_PORT + (seed % 10_000) as u16,
            start: Instant::now(),
        }
    }

    /// Handles what came, and sends what is due.
    fn poll(&mut self) {
        let now = self.now();
        self.frames.budget = FRAMES;
        self.interface.poll(now, &mut self.frames, &mut self.sockets);
    }

    /// Waits until there is something to do.
    fn wait(&mut self, until: Instant) -> io::Result<()> {
        let pause = self.interface.poll_delay(self.now(), &self.sockets);
        let pause = pause.map_or(Duration::MAX, Duration::from);
        let due = Instant::now().checked_add(pause).map_or(until, |due| due.min(until));
        self.frames.wait(due)
    }

    fn now(&self) -> Clock {
        Clock::from_micros(i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX))
    }

    fn next_port(&mut self) -> u16 {
        self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
        self.port
    }

    fn connected(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn talk(
        &mut self,
        handle: SocketHandle,
        mut request: &[u8],
        limit: usize,
        until: Instant,
    ) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        let mut was_open = false;
        loop {
            self.poll();
            let socket = self.connected(handle);
            if socket.may_send() && !request.is_empty() {
                let sent = socket.send_slice(request).map_err(io::Error::other)?;
                request = request.get(sent..).unwrap_or_default();
            }
            was_open |= socket.may_recv();
            while socket.can_recv() && answer.len() < limit {
                let taken = socket.recv(|bytes| {
                    answer.extend_from_slice(bytes);
                    (bytes.len(), ())
                });
                taken.map_err(io::Error::other)?;
            }
            let ended = was_open && !socket.may_recv() || !socket.is_active();
            if ended && !was_open {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let is_said = request.is_empty() && was_open && socket.send_queue() == 0;
            if ended || is_said && answer.len() >= limit {
                return Ok(answer);
            }
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.wait(until)?;
        }
    }

    /// Ends a connection; the server is told, too, where it goes on.
    fn hang_up(&mut self, handle: SocketHandle) -> io::Result<()> {
        let until = Instant::now() + FAREWELL;
        self.connected(handle).close();
        self.poll();
        while self.connected(handle).is_active() && Instant::now() < until {
            self.wait(until)?;
            self.poll();
        }
        self.connected(handle).abort();
        self.poll();
        Ok(())
    }

    fn conversation(&mut self) -> io::Result<&mut udp::Socket<'static>> {
        let handle = self.conversation.ok_or(io::ErrorKind::NotConnected)?;
        Ok(self.sockets.get_mut(handle))
    }
}

impl Transport for Station<'_> {
    fn exchange(
        &mut self,
        to: SocketAddrV4,
        request: &[u8],
        limit: usize,
        until: Instant,
    ) -> io::Result<Vec<u8>> {
        let buffer = || tcp::SocketBuffer::new(vec![0; TCP_BUFFER]);
        let handle = self.sockets.add(tcp::Socket::new(buffer(), buffer()));
        let port = self.next_port();
        let context = self.interface.context();
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket.connect(context, endpoint(to), port).map_err(io::Error::other)?;
        let answer = self.talk(handle, request, limit, until);
        self.hang_up(handle)?;
        self.sockets.remove(handle);
        answer
    }

    fn open(&mut self) -> io::Result<()> {
        if let Some(old) = self.conversation.take() {
            self.sockets.remove(old);
        }
        let buffer = || {
            let metadata = vec![udp::PacketMetadata::EMPTY; UDP_DATAGRAMS];
            udp::PacketBuffer::new(metadata, vec![0; UDP_BUFFER])
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        let port = self.next_port();
        socket.bind(port).map_err(io::Error::other)?;
        self.conversation = Some(self.sockets.add(socket));
        Ok(())
    }

    fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        self.conversation()?.send_slice(datagram, endpoint(to)).map_err(io::Error::other)?;
        self.poll();
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> io::Result<Option<(SocketAddrV4, Vec<u8>)>> {
        loop {
            self.poll();
            if let Ok((datagram, from)) = self.conversation()?.recv()
                && let IpAddress::Ipv4(address) = from.endpoint.addr
            {
                let from = SocketAddrV4::new(address, from.endpoint.port);
                return Ok(Some((from, datagram.to_vec())));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            self.wait(until)?;
        }
    }
}

fn endpoint(address: SocketAddrV4) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(*address.ip()), address.port())
}

/// The wire as the stack has it.
struct Frames<'w> {
    wire: &'w mut Wire,
    /// Not handled yet.
    received: Option<Vec<u8>>,
    /// So many are handled before it is looked at the time: a flood has no end.
    budget: u32,
}

impl Frames<'_> {
    fn wait(&mut self, until: Instant) -> io::Result<()> {
        if self.received.is_none() {
            self.received = self.wire.receive(until)?.map(<[u8]>::to_vec);
        }
        Ok(())
    }
}

impl Device for Frames<'_> {
    type RxToken<'t>
        = Received
    where
        Self: 't;
    type TxToken<'t>
        = ToSend<'t>
    where
        Self: 't;

    fn receive(&mut self, _: Clock) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.received.is_none() {
            // What goes wrong goes wrong again where it is waited for.
            let frame = self.wire.receive(Instant::now()).ok().flatten();
            self.received = frame.map(<[u8]>::to_vec);
        }
        self.budget = self.budget.checked_sub(1)?;
        let frame = self.received.take()?;
        Some((Received(frame), ToSend(self.wire)))
    }

    fn transmit(&mut self, _: Clock) -> Option<Self::TxToken<'_>> {
        Some(ToSend(self.wire))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = usize::from(self.wire.mtu) + 14;
        // Frames of this node itself come before a NIC would fill their checksums in.
        let mut checksum = ChecksumCapabilities::default();
        checksum.udp = Checksum::Tx;
        checksum.tcp = Checksum::Tx;
        capabilities.checksum = checksum;
        capabilities
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct ToSend<'w>(&'w Wire);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        // As on any wire, a frame may be lost: it is sent again.
        let _ = self.0.send(&frame);
        result
    }
}
