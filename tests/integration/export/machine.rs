use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::wire::{ACK, OFFER, code};
use netboot_test_kit::Ask;
use netboot_tests::{
    lab::{INTERFACE, SERVER},
    namespace::Namespace,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::{TAGGED, asks::Wire};

const DEADLINE: Duration = Duration::from_secs(10);
/// A machine that every server answers at once: what is answered before it was not silence.
const KNOWN: [u8; 6] = [0x52, 0x54, 0, 0xee, 0x0d, 0x0b];
/// What the MACs of machines begin with that have no reservation, or one in another subnet.
const NOBODY_HERE: [u8; 4] = [0x52, 0x54, 0, 0];
const RELAY: [u8; 4] = [10, 20, 0, 1];
/// What each server says of itself, or does not compute alike: type, server, renewal and rebinding time.
const OWN: [u8; 4] =
    [code::MESSAGE_TYPE, code::SERVER_ID, code::RENEWAL_TIME, code::REBINDING_TIME];

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) yiaddr: Ipv4Addr,
    pub(super) siaddr: Ipv4Addr,
    pub(super) file: String,
    pub(super) options: BTreeMap<u8, String>,
}

/// A machine's sockets.
pub(super) struct Machine {
    untagged: UdpSocket,
    tagged: UdpSocket,
    relayed: UdpSocket,
    xid: AtomicU32,
}

impl Machine {
    pub(super) fn new(namespace: &Namespace) -> Result<Self> {
        namespace.enter(|| {
            Ok(Self {
                untagged: socket(INTERFACE, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68))?,
                tagged: socket(TAGGED, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68))?,
                relayed: socket(INTERFACE, SocketAddrV4::new(RELAY.into(), 67))?,
                xid: AtomicU32::new(0x1000_0000),
            })
        })
    }

    /// The OFFER; what a REQUEST for it gets must say the same.
    pub(super) fn boot(&self, discover: &Ask, wire: Wire) -> Result<Option<Answer>> {
        let Some((kind, server, offer)) = self.exchange(discover, wire)? else { return Ok(None) };
        ensure!(kind == OFFER, "a DISCOVER gets {kind}: {offer:?}");
        let mut request = discover.clone();
        // The type is the first option.
        *request.options.get_mut(2).context("no type")? = 3;
        let request = request
            .with(code::SERVER_ID, &server)
            .with(code::REQUESTED_ADDRESS, &offer.yiaddr.octets());
        let (kind, _, ack) = self.exchange(&request, wire)?.context("no answer to the REQUEST")?;
        ensure!(
            kind == ACK && ack == offer,
            "the OFFER is {offer:?}, and then comes {kind}: {ack:?}"
        );
        Ok(Some(offer))
    }

    /// The type of the answer alone.
    pub(super) fn kind(&self, ask: &Ask) -> Result<Option<u8>> {
        Ok(self.exchange(ask, Wire::Untagged)?.map(|(kind, _, _)| kind))
    }

    /// The type, the server and the answer, if one comes before that to a known machine that asks later.
    fn exchange(&self, ask: &Ask, wire: Wire) -> Result<Option<(u8, [u8; 4], Answer)>> {
        let xid = self.send(ask, wire)?;
        let may_be_silent = wire == Wire::Untagged && ask.chaddr.starts_with(&NOBODY_HERE);
        let known = Ask::discover().mac(KNOWN).broadcast_flag();
        let last = if may_be_silent { self.send(&known, wire)? } else { xid };
        let mut buffer = [0; 2048];
        loop {
            let len = self.socket(wire).recv(&mut buffer).context("no answer")?;
            let message = buffer.get(..len).unwrap_or_default();
            let id = message.get(4..8).unwrap_or_default();
            if id == xid.to_be_bytes() {
                return read(message).map(Some);
            }
            if id == last.to_be_bytes() {
                return Ok(None);
            }
        }
    }

    fn send(&self, ask: &Ask, wire: Wire) -> Result<u32> {
        let xid = self.xid.fetch_add(1, Relaxed);
        let mut ask = Ask { xid: xid.to_be_bytes(), ..ask.clone() };
        let mut to = Ipv4Addr::BROADCAST;
        if wire == Wire::Relayed {
            ask = ask.relayed(RELAY);
            to = SERVER;
        }
        self.socket(wire).send_to(&ask.message(), (to, 67)).context("send")?;
        Ok(xid)
    }

    fn socket(&self, wire: Wire) -> &UdpSocket {
        match wire {
            Wire::Untagged => &self.untagged,
            Wire::Tagged => &self.tagged,
            Wire::Relayed => &self.relayed,
        }
    }
}

fn socket(interface: &str, address: SocketAddrV4) -> Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_broadcast(true)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(socket.into())
}

fn read(message: &[u8]) -> Result<(u8, [u8; 4], Answer)> {
    let address = |at: usize| -> Result<Ipv4Addr> {
        let octets: &[u8; 4] =
            message.get(at..).context("too short")?.first_chunk().context("too short")?;
        Ok(Ipv4Addr::from(*octets))
    };
    let file = message.get(108..236).context("too short")?;
    let file = file.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut options = BTreeMap::new();
    let mut rest = message.get(240..).context("no options")?;
    while let [code, len, after @ ..] = rest {
        if matches!(code, 0 | 255) {
            rest = if *code == 0 { &rest[1..] } else { &[] };
            continue;
        }
        let (value, after) = after.split_at_checked(usize::from(*len)).context("a cut option")?;
        ensure!(options.insert(*code, value.to_vec()).is_none(), "option {code} comes twice");
        rest = after;
    }
    let kind = options.get(&code::MESSAGE_TYPE).and_then(|value| value.first()).copied();
    let server = options.get(&code::SERVER_ID).and_then(|value| value.first_chunk()).copied();
    options.retain(|code, _| !OWN.contains(code));
    let answer = Answer {
        yiaddr: address(16)?,
        siaddr: address(20)?,
        file: String::from_utf8(file.to_vec())?,
        options: options.into_iter().map(|(code, value)| (code, shown(&value))).collect(),
    };
    Ok((kind.context("no type")?, server.unwrap_or_default(), answer))
}

/// Text as it is, other bytes in hexadecimal.
pub(super) fn shown(value: &[u8]) -> String {
    let text =
        str::from_utf8(value).ok().filter(|text| text.chars().all(|c| matches!(c, ' '..='~')));
    let hex = || value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    text.map_or_else(hex, str::to_owned)
}
