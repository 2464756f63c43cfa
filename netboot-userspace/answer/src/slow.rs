//! The slow path of DHCP: a packet socket on each interface, and the same library over the same frames, for
//! what the XDP program passes on and for interfaces without the program.

mod counters;
mod declined;
mod delayed;
mod limited;

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_base::{
    clock,
    links::{self, Link},
    overflows::Overflows,
    throttle::Throttle,
};
use netboot_ebpf::{
    conclude::Conclusion,
    frame::{ADDRESSES, split},
    responder::{self, Answer, Scratch},
    shared::{Seen, Station},
    side::{Daemon, Kernel, Side},
    verdict::Verdict,
};
use netboot_machines::{event::DecidedBy, other_servers::Detector, sightings::Sightings};
use nix::{
    errno::Errno,
    libc,
    sys::socket::{MsgFlags, send},
};
use parking_lot::Mutex;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

pub use self::{counters::Counters, limited::MessageLimits};
use self::{
    declined::{Declined, Doubts, WaitingDeclines},
    delayed::Delayed,
    limited::Limited,
};
use crate::{
    tables::{Served, Tables},
    tagged_frames::{FrameReceiver, READABLE_OR_FAILED, ReceivedFrame, watched},
};

/// How often it is looked whether the interface is still there: its removal is no error on the socket.
const LOOK: Duration = Duration::from_secs(1);
/// After an error, which may come again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// One interface's socket.
pub struct SlowPath {
    socket: AsyncFd<OwnedFd>,
    link: Link,
    common: SlowCommon,
    others: Detector,
    xdp: Attached,
    failures: Throttle,
    unsent: Throttle,
    doubts: Doubts,
    /// DECLINEs whose ACK the kernel may still tell of.
    waiting: WaitingDeclines,
    /// For what the kernel's side says.
    spare: Box<Scratch>,
}

/// What the slow paths of all interfaces have in common; cheap to clone.
#[derive(Clone)]
pub struct SlowCommon {
    pub tables: Served,
    pub counters: Arc<Counters>,
    pub sightings: Sightings,
    /// Of all interfaces without the program.
    pub limits: Arc<Mutex<MessageLimits>>,
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
        common: SlowCommon,
        others: Detector,
        xdp: Attached,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            socket: watched(socket)?,
            link,
            common,
            others,
            xdp,
            failures: Throttle::default(),
            unsent: Throttle::default(),
            doubts: Doubts::default(),
            waiting: WaitingDeclines::default(),
            spare: Box::new(Scratch::new()),
        })
    }

    /// Answers until the task is cancelled, or the interface is removed.
    pub async fn serve(mut self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.answer_all()).await;
    }

    /// Ends when the interface is removed.
    async fn answer_all(&mut self) {
        let mut receiver = FrameReceiver::default();
        let mut overflows = Overflows::default();
        let mut delayed = Delayed::default();
        let mut scratch = Box::new(Scratch::new());
        let mut look = tokio::time::interval(LOOK);
        loop {
            let received = tokio::select! {
                _ = look.tick() => {
                    if links::is_gone(self.link.index) {
                        return;
                    }
                    continue;
                }
                (station, answer) = delayed.next() => {
                    self.transmit(station, &answer);
                    continue;
                }
                declined = self.waiting.next() => {
                    self.settle(declined);
                    continue;
                }
                received = self.socket.async_io(READABLE_OR_FAILED, |socket| {
                    Ok(receiver.receive(socket)?)
                }) => received,
            };
            match received {
                Ok(Some(received)) => {
                    let lost = overflows.since_last(received.overflows);
                    self.common.counters.count_overflows(lost);
                    let frame = receiver.frame(&received);
                    self.handle(frame, &received, &mut scratch, &mut delayed);
                }
                Ok(None) => {}
                Err(error) => {
                    self.note_failure(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
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

    fn handle(
        &mut self,
        frame: &[u8],
        received: &ReceivedFrame,
        scratch: &mut Scratch,
        delayed: &mut Delayed,
    ) {
        // Between making the socket and binding it, frames of other interfaces come in.
        if usize::try_from(self.link.index) != Ok(received.from.ifindex()) {
            return;
        }
        let tables = self.common.tables.clone();
        let tables = tables.read();
        if received.is_to_another() {
            self.pass_by(frame, scratch, &tables);
            return;
        }
        let (outcome, is_told) = self.judge(frame, scratch, &tables);
        let verdict = match outcome {
            Ok(answer) => answer.verdict,
            Err(verdict) => verdict,
        };
        if self.others.takes(verdict, frame, scratch, &tables.settings) {
            return;
        }
        if matches!(verdict, Verdict::Decline | Verdict::DeclineFromElsewhere) {
            drop(tables);
            self.decline(verdict, Declined::new(scratch.seen, frame));
            return;
        }
        self.common.counters.count(verdict);
        if verdict != Verdict::NotDhcp && is_told {
            self.note(verdict, &scratch.seen);
        }
        let Ok(answer) = outcome else { return };
        let delay = answer.delay;
        let answer = bytes(frame, scratch, answer);
        let station = scratch.request.station;
        if delay == 0 {
            self.transmit(station, &answer);
        } else if !delayed.keep(station, answer, Duration::from_millis(delay.into())) {
            self.note_unsent(station, Errno::ENOBUFS);
        }
    }

    /// Judges a DECLINE now, or when the kernel has told of its ACK.
    fn decline(&mut self, verdict: Verdict, declined: Declined) {
        if verdict != Verdict::Decline {
            self.conclude(verdict, declined);
        } else if self.common.sightings.acknowledged().take(&declined.seen, Instant::now()) {
            self.conclude(Verdict::Decline, declined);
        } else if self.xdp == Attached::No || !self.waiting.keep(declined) {
            self.conclude(Verdict::DeclineWithoutAck, declined);
        }
    }

    /// Judges a DECLINE that waited.
    fn settle(&mut self, declined: Declined) {
        let is_given = self.common.sightings.acknowledged().take(&declined.seen, Instant::now());
        let verdict = if is_given { Verdict::Decline } else { Verdict::DeclineWithoutAck };
        self.conclude(verdict, declined);
    }

    fn conclude(&mut self, verdict: Verdict, declined: Declined) {
        let Declined { seen, .. } = declined;
        self.common.counters.count(verdict);
        self.note(verdict, &seen);
        if verdict == Verdict::Decline {
            self.common.tables.read().quarantine.hold(
                seen.station,
                seen.address.into(),
                clock::since_boot(),
            );
        } else {
            self.doubts.tell(verdict, &self.link.name, declined);
        }
    }

    fn note(&self, verdict: Verdict, seen: &Seen) {
        let (by, ifindex) = (DecidedBy::Userspace, self.link.index);
        self.common.sightings.note(by, ifindex, verdict, seen, Instant::now());
    }

    /// A frame to another station is none of ours, but may be another server's. The program counted it.
    fn pass_by(&mut self, frame: &[u8], scratch: &Scratch, tables: &Tables) {
        let verdict = match split(frame).and_then(|(_, classified)| classified) {
            Ok(()) => Verdict::OtherDestination,
            Err(verdict) => verdict,
        };
        if !self.others.takes(verdict, frame, scratch, &tables.settings) && self.xdp == Attached::No
        {
            self.common.counters.count(verdict);
        }
    }

    /// What is answered, and whether it is told of. What the program passed on is within the limits, and it
    /// told of what it judged for good.
    fn judge(
        &mut self,
        frame: &[u8],
        scratch: &mut Scratch,
        tables: &Tables,
    ) -> (Result<Answer, Verdict>, bool) {
        let ifindex = self.link.index;
        if self.xdp == Attached::Yes {
            let outcome = answer::<Daemon>(frame, ifindex, scratch, tables);
            let is_told =
                !outcome.is_err_and(Verdict::is_of_headers) && self.tells_of(frame, tables);
            return (outcome, is_told);
        }
        let now = clock::nanoseconds();
        let limited = Limited::new(tables, &self.common.limits, now);
        let outcome = answer::<Daemon>(frame, ifindex, scratch, &limited);
        let verdict = outcome.map_or_else(|verdict| verdict, |answer| answer.verdict);
        match limited.conclude(verdict, ifindex, &scratch.seen) {
            Conclusion::Told => (outcome, true),
            Conclusion::LeftOut => {
                self.common.counters.count_left_out();
                (outcome, false)
            }
            Conclusion::Over(over) => (Err(over), false),
        }
    }

    fn transmit(&mut self, station: Station, frame: &[u8]) {
        if let Err(error) = send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT) {
            self.note_unsent(station, error);
        }
    }

    fn note_unsent(&mut self, station: Station, error: Errno) {
        self.common.counters.count_unsent();
        if let Some(left_out) = self.unsent.admit(Instant::now()) {
            tracing::warn!(
                interface = self.link.name,
                %error,
                machine = %station.mac,
                left_out,
                "cannot send an answer"
            );
        }
    }

    /// Whether this path tells of a frame that the program saw too: that told of what it judged for good,
    /// but not of what the daemon judges again.
    fn tells_of(&mut self, frame: &[u8], tables: &Tables) -> bool {
        let in_kernel = answer::<Kernel>(frame, self.link.index, &mut self.spare, tables);
        // What it could have answered, it passed on for another reason.
        in_kernel.map_or_else(|verdict| !verdict.is_final(), |_| true)
    }
}

/// What a side answers to a frame in memory.
///
/// # Errors
/// A verdict that says why there is no answer.
pub fn answer<S: Side>(
    frame: &[u8],
    ifindex: u32,
    scratch: &mut Scratch,
    tables: &impl netboot_ebpf::tables::Tables,
) -> Result<Answer, Verdict> {
    responder::answer::<S, _>(frame, ifindex, scratch, tables)
}

/// The answer to a frame, as a frame with the same tags.
#[must_use]
pub fn bytes(request: &[u8], scratch: &Scratch, answer: Answer) -> Vec<u8> {
    let tags = split(request).map_or(&[][..], |(parts, _)| parts.tags);
    let (addresses, inner) = scratch.headers.split_at(ADDRESSES);
    let message = scratch.reply.get(..answer.len).unwrap_or_default();
    [addresses, tags, inner, message].concat()
}
