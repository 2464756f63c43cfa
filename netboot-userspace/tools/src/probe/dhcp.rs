//! The machine's side of DHCP: DISCOVER, all that is offered, REQUEST.

use std::{
    io,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use netboot_dhcp::message::Packet;
use netboot_ebpf::{shared::Mac, wire::code};

use super::wire::Wire;
use crate::explain::{KnownServer, Machine, Message};

/// When a request is sent (again), as firmware does (PXE 2.1 section 2.2.1: 4 s at first; servers that try an
/// address before they offer it take one).
const SENDS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(3), Duration::from_secs(6)];

/// How long others' offers are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum OtherServers {
    /// Whoever is on the wire is to be heard: some first try for 3 s whether an address is free.
    All,
    /// The servers were heard before; but a ProxyDHCP may be a little slower.
    Known,
}

impl OtherServers {
    /// Until when, behind an offer that came just now to a request of that time.
    fn until(self, asked: Instant) -> Instant {
        match self {
            Self::All => asked + Duration::from_millis(4500),
            Self::Known => Instant::now() + Duration::from_millis(300),
        }
    }
}

/// A server's answer, whole.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    frame: Vec<u8>,
    pub(super) after: Duration,
}

/// What the servers on the wire said.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// One of each server, the first first.
    pub(super) offers: Vec<Reply>,
    /// Of the server whose offer was taken.
    pub(super) end: Option<Reply>,
    /// Of a ProxyDHCP's port 4011.
    pub(super) proxy: Option<Reply>,
}

impl Reply {
    pub(super) const fn new(frame: Vec<u8>, after: Duration) -> Self {
        Self { frame, after }
    }

    fn packet(&self) -> Option<Packet<'_>> {
        Packet::read(&self.frame)
    }

    pub(super) fn option(&self, code: u8) -> Option<Vec<u8>> {
        self.packet()?.option(code)
    }

    pub(super) fn kind(&self) -> u8 {
        self.packet().and_then(|packet| packet.message_type()).unwrap_or(0)
    }

    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.packet()?.yiaddr()
    }

    pub(super) fn siaddr(&self) -> Option<Ipv4Addr> {
        self.packet()?.siaddr()
    }

    pub(super) fn file(&self) -> Option<Vec<u8>> {
        self.packet()?.boot_file()
    }

    /// Option 54, else where it came from: the addresses of an option.
    pub(super) fn server(&self) -> Ipv4Addr {
        self.addresses(code::SERVER_ID).first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn server_mac(&self) -> Mac {
        let octets = self.frame.get(6..12).and_then(|octets| octets.try_into().ok());
        Mac { octets: octets.unwrap_or_default() }
    }

    pub(super) fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        self.packet().map(|packet| packet.addresses(code)).unwrap_or_default()
    }

    pub(super) fn vendor_class(&self) -> Vec<u8> {
        self.option(code::VENDOR_CLASS).unwrap_or_default()
    }
}

impl Exchange {
    /// The one that is taken: the first with an address.
    pub(super) fn taken(&self) -> Option<&Reply> {
        self.offers.iter().find(|offer| offer.address().is_some())
    }

    /// ProxyDHCP: something to boot, and no address.
    pub(super) fn proxy_offer(&self) -> Option<&Reply> {
        let is_proxy = |offer: &&Reply| {
            let vendor = offer.vendor_class();
            offer.address().is_none()
                && (vendor.starts_with(b"PXEClient") || vendor.starts_with(b"HTTPClient"))
        };
        self.offers.iter().find(is_proxy)
    }

    /// What names the boot file: the server's own answer, else the ProxyDHCP's, as firmware has it.
    pub(super) fn boot(&self) -> Option<&Reply> {
        let own = self.end.as_ref().filter(|end| end.file().is_some());
        let proxy = self.proxy.as_ref().or_else(|| self.proxy_offer());
        own.or_else(|| proxy.filter(|proxy| proxy.file().is_some()))
    }
}

/// Asks as the machine, and takes the first offer. It waits for `patience` at most for one.
///
/// # Errors
/// The interface failed.
pub(super) fn exchange(
    wire: &mut Wire,
    machine: &Machine,
    patience: Duration,
    others: OtherServers,
) -> io::Result<Exchange> {
    let mut exchange = Exchange::default();
    let discover = machine.frame(Message::Discover, KnownServer::NOBODY);
    let asked = Instant::now();
    let mut until = asked + patience;
    let mut offers = Vec::new();
    ask(wire, machine, &discover, &mut until, &mut |reply, until| {
        if reply.kind() != netboot_ebpf::wire::OFFER {
            return;
        }
        if reply.address().is_some() {
            *until = (*until).min(others.until(asked));
        }
        let is_same =
            |known: &Reply| known.server() == reply.server() && known.address() == reply.address();
        if !offers.iter().any(is_same) {
            offers.push(reply);
        }
    })?;
    exchange.offers = offers;
    let Some(offer) = exchange.taken() else { return Ok(exchange) };
    let known = KnownServer {
        address: offer.address().unwrap_or(Ipv4Addr::UNSPECIFIED),
        server: offer.server(),
        node: Ipv4Addr::BROADCAST,
        server_mac: offer.server_mac(),
    };
    let request = machine.frame(Message::Request, known);
    exchange.end = answer(wire, machine, &request, patience, known.server)?;
    let bare = exchange.boot().is_none();
    if let Some(proxy) = exchange.proxy_offer().filter(|_| bare) {
        let at = KnownServer { server: proxy.server(), server_mac: proxy.server_mac(), ..known };
        let request = machine.frame(Message::Proxy, at);
        exchange.proxy = answer(wire, machine, &request, patience, at.server)?;
    }
    Ok(exchange)
}

/// One server's ACK or NAK.
fn answer(
    wire: &mut Wire,
    machine: &Machine,
    request: &[u8],
    patience: Duration,
    server: Ipv4Addr,
) -> io::Result<Option<Reply>> {
    let mut until = Instant::now() + patience;
    let mut end = None;
    ask(wire, machine, request, &mut until, &mut |reply, until| {
        let is_end = matches!(reply.kind(), netboot_ebpf::wire::ACK | netboot_ebpf::wire::NAK);
        if is_end && reply.server() == server {
            *until = Instant::now();
            end = Some(reply);
        }
    })?;
    Ok(end)
}

/// Sends a request, again if nobody answers, and gives on what comes for the machine until then.
fn ask(
    wire: &mut Wire,
    machine: &Machine,
    request: &[u8],
    until: &mut Instant,
    take: &mut dyn FnMut(Reply, &mut Instant),
) -> io::Result<()> {
    let start = Instant::now();
    let mut sends = SENDS.into_iter().peekable();
    let mut is_answered = false;
    while Instant::now() < *until {
        if !is_answered && sends.next_if(|due| start.elapsed() >= *due).is_some() {
            wire.send(request)?;
        }
        let due = sends.peek().map_or(*until, |due| start + *due);
        let Some(frame) = wire.receive(due.min(*until))? else { continue };
        let Some(packet) = Packet::read(frame) else { continue };
        if packet.is_answer() && packet.mac() == machine.mac && packet.xid() == machine.xid {
            is_answered = true;
            take(Reply::new(frame.to_vec(), start.elapsed()), until);
        }
    }
    Ok(())
}
