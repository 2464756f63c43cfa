//! DHCP in userspace: a packet socket on each interface, and the same library over the same frames, for
//! what the XDP program passes on and for interfaces without it.

mod counters;

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_ebpf::{
    frame::{self, HEADERS},
    message::ANY_ECHO,
    responder::{Answer, Scratch, refuse, respond},
    shared::Seen,
    verdict::Verdict,
};
use nix::{
    errno::Errno,
    libc,
    net::if_::if_indextoname,
    sys::socket::{LinkAddr, MsgFlags, recvfrom, send},
};
use tokio::io::{Interest, unix::AsyncFd};
use tokio_util::sync::CancellationToken;

pub use self::counters::Counters;
use crate::{
    links::Link,
    sightings::{Path, Sightings},
    tables::Tables,
    throttle::Throttle,
};

/// The longest frame that is read: an Ethernet jumbo frame.
const MAX_FRAME: usize = 9216;

/// How often it is looked whether the interface is still there: its removal is no error on the socket.
const LOOK: Duration = Duration::from_secs(1);
/// An interface that goes down is an error without anything to read.
const READABLE_OR_FAILED: Interest = Interest::READABLE.add(Interest::ERROR);
/// After an error, which may come again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// One interface's socket.
pub struct SlowPath {
    socket: AsyncFd<OwnedFd>,
    link: Link,
    tables: Arc<Tables>,
    counters: Arc<Counters>,
    sightings: Sightings,
    xdp: Attached,
    failures: Throttle,
    unsent: Throttle,
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
        counters: Arc<Counters>,
        sightings: Sightings,
        xdp: Attached,
    ) -> anyhow::Result<Self> {
        #[expect(
            deprecated,
            reason = "its replacement is unsafe; an OwnedFd cannot be closed behind its back"
        )]
        let socket = AsyncFd::with_interest(socket, READABLE_OR_FAILED)?;
        Ok(Self {
            socket,
            link,
            tables,
            counters,
            sightings,
            xdp,
            failures: Throttle::default(),
            unsent: Throttle::default(),
        })
    }

    /// Answers until it is cancelled. Where the interface is removed, it says so and answers no more.
    pub async fn serve(mut self, cancel: CancellationToken) {
        if cancel.run_until_cancelled(self.answer_all()).await.is_some() {
            tracing::error!(
                interface = self.link.name,
                "the interface was removed: machines there are answered no more; restart netboot when it is back"
            );
        }
    }

    /// Ends when the interface is removed.
    async fn answer_all(&mut self) {
        let mut frame = vec![0; MAX_FRAME];
        let mut scratch = Box::new(Scratch::new());
        let mut look = tokio::time::interval(LOOK);
        loop {
            let receive = self.socket.async_io(READABLE_OR_FAILED, |socket| {
                Ok(recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut frame)?)
            });
            let received = tokio::select! {
                _ = look.tick() => {
                    if self.is_removed() {
                        return;
                    }
                    continue;
                }
                received = receive => received,
            };
            match received {
                Ok((len, Some(from))) => {
                    if let Some(frame) = frame.get(..len) {
                        self.handle(frame, &from, &mut scratch);
                    }
                }
                Ok((_, None)) => {}
                Err(error) => {
                    self.note_failure(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn is_removed(&self) -> bool {
        match if_indextoname(self.link.index) {
            // nix 0.30 takes the null pointer for success.
            Ok(name) => name.is_empty(),
            Err(error) => error == Errno::ENXIO,
        }
    }

    fn note_failure(&mut self, error: &io::Error) {
        let Some(left_out) = self.failures.admit(Instant::now()) else { return };
        let interface = &self.link.name;
        if error.raw_os_error() == Some(libc::ENETDOWN) {
            tracing::warn!(
                interface,
                left_out,
                "the interface went down: machines there are answered again when it is up"
            );
        } else {
            tracing::warn!(interface, %error, left_out, "cannot receive; trying again");
        }
    }

    fn handle(&mut self, frame: &[u8], from: &LinkAddr, scratch: &mut Scratch) {
        // Between making the socket and binding it, frames of other interfaces come in.
        if from.ifindex() != self.link.packet_address.ifindex() {
            return;
        }
        if from.pkttype() == libc::PACKET_OTHERHOST {
            self.counters.count(self.not_for_us(frame));
            return;
        }
        let outcome = answer(frame, self.link.index, scratch, &self.tables);
        let verdict = match outcome {
            Ok(answer) => answer.verdict,
            Err(verdict) => verdict,
        };
        self.counters.count(verdict);
        if verdict != Verdict::NotDhcp && self.tells_of(verdict) {
            let now = Instant::now();
            self.sightings.note(Path::Userspace, self.link.index, verdict, &scratch.seen, now);
        }
        let Ok(answer) = outcome else { return };
        if let Err(error) =
            send(self.socket.as_raw_fd(), &bytes(scratch, answer), MsgFlags::MSG_DONTWAIT)
        {
            self.counters.count_unsent();
            if let Some(left_out) = self.unsent.admit(Instant::now()) {
                tracing::warn!(
                    interface = self.link.name,
                    %error,
                    machine = %scratch.seen.mac,
                    left_out,
                    "cannot send an answer"
                );
            }
        }
    }

    /// The kernel told of what it passed on and is not answered here.
    fn tells_of(&self, verdict: Verdict) -> bool {
        self.xdp == Attached::No || verdict.is_answer() || !verdict.is_final()
    }

    /// Of a frame that the kernel says is for another host: one to another Ethernet address, or one with
    /// the tag of a VLAN that this node has no interface in. Such a tag is gone here: an answer would
    /// have none.
    fn not_for_us(&self, frame: &[u8]) -> Verdict {
        let Some(to) = frame.first_chunk::<6>() else { return Verdict::NotDhcp };
        if to[0] & 1 == 1 || *to == self.link.mac.octets {
            Verdict::Tagged
        } else {
            Verdict::OtherDestination
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
