//! DHCP in userspace: a packet socket on each interface, and the same library over the same frames, for
//! what the XDP program passes on and for interfaces without it.

use std::{
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
    shared::Seen,
    verdict::Verdict,
};
use nix::sys::socket::{LinkAddr, MsgFlags, recvfrom, send};
use tokio::io::{Interest, unix::AsyncFd};
use tokio_util::sync::CancellationToken;

use crate::{
    links::Link,
    sightings::{Path, Sightings},
    tables::Tables,
};

/// The longest frame that is read: an Ethernet jumbo frame.
const MAX_FRAME: usize = 9216;

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
    /// Of a bound packet socket. Needs a tokio runtime.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub fn new(
        socket: OwnedFd,
        link: Link,
        tables: Arc<Tables>,
        counters: Counters,
        sightings: Sightings,
        xdp: Attached,
    ) -> anyhow::Result<Self> {
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
        let outcome = answer(frame, self.link.index, scratch, &self.tables);
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
    scratch.seen = Seen::NOTHING;
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
