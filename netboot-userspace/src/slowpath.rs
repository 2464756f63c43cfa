//! DHCP in userspace: a packet socket on each interface, and the same library over the same frames, for
//! what the XDP program passes on and for interfaces without it.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Context as _;
use netboot_ebpf::{
    frame::{self, HEADERS},
    reply::ANY_ECHO,
    responder::{Answer, Scratch, refuse, respond},
    verdict::Verdict,
    wire::SERVER_PORT,
};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send,
    socket,
};
use socket2::{SockFilter, SockRef};
use tokio::io::{Interest, unix::AsyncFd};
use tokio_util::sync::CancellationToken;

use crate::{
    links::Link,
    sightings::{Path, Sightings},
    tables::Tables,
};

/// The longest frame that is read: an Ethernet jumbo frame.
const MAX_FRAME: usize = 9216;
/// Frames of a rack that is switched on at once wait here.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How often each verdict was given in userspace.
pub type Counters = Arc<[AtomicU64; Verdict::COUNT as usize]>;

/// One interface's socket.
pub struct SlowPath {
    socket: AsyncFd<OwnedFd>,
    link: Link,
    tables: Arc<Tables>,
    counters: Counters,
    sightings: Sightings,
    xdp: Attached,
}

/// Whether the XDP program saw a frame before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    Yes,
    No,
}

impl SlowPath {
    /// Opens the socket. Needs a tokio runtime.
    ///
    /// # Errors
    /// No CAP_NET_RAW, or the interface is gone.
    pub fn open(
        link: Link,
        tables: Arc<Tables>,
        counters: Counters,
        sightings: Sightings,
        xdp: Attached,
    ) -> anyhow::Result<Self> {
        let socket = packet_socket(&link).with_context(|| {
            format!(
                "cannot open a packet socket on {}: run as root, or with CAP_NET_RAW",
                link.name
            )
        })?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe; an OwnedFd cannot be closed behind its back"
        )]
        let socket = AsyncFd::new(socket)?;
        Ok(Self { socket, link, tables, counters, sightings, xdp })
    }

    /// Answers until it is cancelled.
    ///
    /// # Errors
    /// The interface is gone.
    pub async fn serve(self, cancel: CancellationToken) -> anyhow::Result<()> {
        let mut frame = vec![0; MAX_FRAME];
        let mut scratch = Box::new(Scratch::new());
        loop {
            let receive = self.socket.async_io(Interest::READABLE, |socket| {
                Ok(recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut frame)?)
            });
            let received = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                received = receive => received,
            };
            let (len, from) =
                received.with_context(|| format!("cannot receive on {}", self.link.name))?;
            // Between making the socket and binding it, frames of other interfaces come in.
            if from.is_some_and(|from| from.ifindex() != self.link.packet_address.ifindex()) {
                continue;
            }
            if let Some(frame) = frame.get(..len) {
                self.handle(frame, &mut scratch);
            }
        }
    }

    fn handle(&self, frame: &[u8], scratch: &mut Scratch) {
        let outcome = answer(frame, self.link.index, scratch, &*self.tables);
        let verdict = match outcome {
            Ok(answer) => answer.verdict,
            Err(verdict) => verdict,
        };
        if let Some(counter) = self.counters.get(verdict as usize) {
            counter.fetch_add(1, Relaxed);
        }
        // The kernel told of a frame that it passed on; only an answer is news.
        if verdict != Verdict::NotDhcp && (self.xdp == Attached::No || verdict.is_answer()) {
            self.sightings.note(Path::Userspace, self.link.index, verdict, &scratch.seen);
        }
        let Ok(answer) = outcome else { return };
        let socket = self.socket.get_ref().as_raw_fd();
        if let Err(error) = send(socket, &bytes(scratch, answer), MsgFlags::MSG_DONTWAIT) {
            tracing::warn!(interface = self.link.name, %error, machine = %scratch.seen.mac, "cannot send an answer");
        }
    }
}

/// What the slow path answers to a frame.
///
/// # Errors
/// A verdict that says why there is no answer.
pub fn answer(
    frame: &[u8],
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &Tables,
) -> Result<Answer, Verdict> {
    match examine::<ANY_ECHO>(frame, ifindex, scratch, tables) {
        Err(Verdict::Nak) => {
            let (headers, _) = frame.split_first_chunk().ok_or(Verdict::NotDhcp)?;
            let parsed = frame::parse(headers, frame.len())?;
            refuse::<ANY_ECHO, _>(&parsed, ifindex, scratch, tables)
        }
        outcome => outcome,
    }
}

/// What the library answers to a frame where `ECHO` bounds the options that it echoes: the XDP program's
/// way, over a frame in memory.
///
/// # Errors
/// A verdict that says why there is no OFFER or ACK.
pub fn examine<const ECHO: usize>(
    frame: &[u8],
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &Tables,
) -> Result<Answer, Verdict> {
    let (headers, rest) = frame.split_first_chunk::<HEADERS>().ok_or(Verdict::NotDhcp)?;
    frame::classify(headers)?;
    let parsed = frame::parse(headers, frame.len())?;
    let message = rest
        .get(..parsed.message_len)
        .filter(|message| !message.is_empty())
        .ok_or(Verdict::Truncated)?;
    scratch.message.get_mut(..message.len()).ok_or(Verdict::TooLong)?.copy_from_slice(message);
    respond::<ECHO, _>(&parsed, ifindex, scratch, tables)
}

/// An answer's frame.
#[must_use]
pub fn bytes(scratch: &Scratch, answer: Answer) -> Vec<u8> {
    let mut bytes = scratch.headers.to_vec();
    bytes.extend(scratch.reply.iter().take(answer.len));
    bytes
}

/// A raw socket that receives IPv4 frames with UDP port 67 as destination.
fn packet_socket(link: &Link) -> anyhow::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)?;
    SockRef::from(&socket).attach_filter(&to_server_port())?;
    bind(socket.as_raw_fd(), &link.packet_address)?;
    if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::warn!(%error, "cannot enlarge the packet socket's buffer: bursts may lose requests");
    }
    Ok(socket)
}

/// Classic BPF (Linux's Documentation/networking/filter.rst): UDP, not a later fragment, to port 67.
fn to_server_port() -> [SockFilter; 9] {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_IP_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(JUMP_EQUAL, 0, 6, 17),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(JUMP_BITS, 4, 0, 0x1fff),
        SockFilter::new(LOAD_IP_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_EQUAL, 0, 1, SERVER_PORT as u32),
        SockFilter::new(RETURN, 0, 0, 0x0004_0000),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Holds UDP port 67, so that no second DHCP server starts on this node, and the kernel does not tell
/// clients that the port is unreachable. Nothing is read from it.
///
/// # Errors
/// Another DHCP server runs on this node.
pub fn hold_port() -> anyhow::Result<UdpSocket> {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT);
    let socket = UdpSocket::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "UDP port 67 is taken: another DHCP server runs on this node (`ss -lunp 'sport = :67'` shows it); \
             stop it, or set dhcp.mode = \"off\" and let it send machines here"
        ),
        _ => anyhow::Error::new(error).context("cannot hold UDP port 67: run as root, or with CAP_NET_BIND_SERVICE"),
    })?;
    SockRef::from(&socket).attach_filter(&[DROP])?;
    Ok(socket)
}
