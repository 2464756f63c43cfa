//! The sockets and the time of all transfers: the engine hears datagrams, asks [`Sending`](super::sending::Sending) what is
//! next, and sends that.
//!
//! Transfers share a few sockets, each with a port of its own: what is heard and said by many of them goes by one
//! system call, and a transfer takes neither a descriptor nor a task. A transfer is known by its client's address and
//! port; it is told apart from a stranger's packet by the socket that it began on (RFC 1350, 4).

mod bytes;
mod disk;
mod eviction;
mod outgoing;
mod ports;
mod requests;
mod socket_shares;
mod transfers;
mod turns;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    hash::RandomState,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use async_tftp::server::Handler;
use netboot_base::overflows::Overflows;
use netboot_machines::event::{MachineText, TransferOutcome};

use self::{
    bytes::Read,
    outgoing::Segments,
    ports::TransferPorts,
    requests::AT_LEAST,
    socket_shares::SocketShares,
    transfers::{ActiveTransfer, Id, Transfers},
};
pub(super) use self::{
    disk::Reads,
    turns::{Endings, WAKER},
};
use super::{
    BlockSizes,
    admission::{Admission, AdmissionLimits},
    batch::{BatchReceiver, ReceivedDatagram, Sender},
    content::ContentReader,
    counters::Counted,
    packet::{TftpPacket, error, error_packet},
    report::{TransferProgress, TransferReporter},
    sending::Next,
};

/// The socket of requests.
const REQUESTS: usize = 0;
/// How long refusals are told of.
const MINUTE: Duration = Duration::from_secs(60);
/// While a transfer waits for the disk it is looked at so often.
const PAUSE: Duration = Duration::from_millis(200);
/// Timers of one turn.
const TIMERS: usize = 256;

/// What a client can get at most.
#[derive(Clone, Debug)]
pub(super) struct Most {
    pub(super) block_sizes: Arc<ArcSwap<BlockSizes>>,
    /// Blocks.
    pub(super) window: u16,
    pub(super) transfers: usize,
}

pub(super) struct Engine<H> {
    handler: H,
    reporter: TransferReporter,
    most: Most,
    /// That of requests, and then those that transfers share; none of these in single-port mode.
    sockets: Vec<UdpSocket>,
    transfers: Transfers,
    /// Transfers that no client has answered, the oldest first; what has ended or was answered is among them.
    unanswered: VecDeque<Id>,
    /// How many of these are.
    unanswered_now: usize,
    admission: Admission,
    ports: TransferPorts,
    ways: SocketShares,
    timers: BinaryHeap<Reverse<(Instant, Id)>>,
    hasher: RandomState,
    outbox: Vec<Out>,
    sender: Sender,
    /// Until then nothing waits for a socket that takes no more.
    hurries: Instant,
    segments: Segments,
    read: Read,
    reads: Reads,
    /// Transfers whose bytes the disk has brought in this turn.
    brought: Vec<Id>,
    refused: Option<Instant>,
    gave_way: Option<Instant>,
    /// Of the socket of requests.
    overflows: Overflows,
    /// What is under way is finished.
    is_ending: bool,
    tell: TroubleListener,
}

/// Hears how the server is: why something is amiss, or that nothing is.
pub(super) type TroubleListener = Box<dyn Fn(Option<String>) + Send>;

/// A client's address and port, and the address of this node that it asked: behind another one there may be another
/// network with the same addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct TransferEnds {
    client: SocketAddr,
    local: IpAddr,
}

/// What a transfer has of the disk.
enum Disk {
    None,
    /// The bytes are on their way from the disk.
    Awaited,
    /// The bytes from this place on.
    Brought(u64, Vec<u8>),
}

/// What is to be sent.
enum Out {
    Oack(Id),
    Blocks(Id, Range<u64>),
    /// On this socket, where there is no transfer.
    Packet(usize, TransferEnds, Vec<u8>),
}

impl<H: Handler<Reader = ContentReader>> Engine<H> {
    pub(super) fn new(
        handler: H,
        reporter: TransferReporter,
        most: Most,
        sockets: Vec<UdpSocket>,
        reads: Reads,
        tell: TroubleListener,
    ) -> Self {
        let requests = sockets.first().and_then(|requests| requests.local_addr().ok());
        let is_ipv4 = requests.is_some_and(|address| address.is_ipv4());
        Self {
            handler,
            reporter,
            admission: Admission::new(AdmissionLimits::new(most.transfers)),
            most,
            sockets,
            transfers: Transfers::default(),
            unanswered: VecDeque::new(),
            unanswered_now: 0,
            ports: TransferPorts::new(),
            ways: SocketShares::default(),
            timers: BinaryHeap::new(),
            hasher: RandomState::new(),
            outbox: Vec::new(),
            sender: Sender::new(is_ipv4),
            hurries: Instant::now(),
            segments: Segments::default(),
            read: Read::default(),
            reads,
            brought: Vec::new(),
            refused: None,
            gave_way: None,
            overflows: Overflows::default(),
            is_ending: false,
            tell,
        }
    }

    /// What came to the port of requests, and there was no room for it.
    fn unheard(&mut self, number: usize, receiver: &BatchReceiver, now: Instant) {
        let dropped = receiver.dropped().filter(|_| number == REQUESTS);
        let new = self.overflows.since_last(dropped);
        if new > 0 {
            self.reporter.counters.add(Counted::Unheard, new.into());
            self.is_refusing(now, |engine| {
                let most = engine.admission.busiest().map_or_else(String::new, |(address, transfers)| {
                    format!("; {address} has the most transfers, {transfers}")
                });
                format!(
                    "requests come faster than they are heard (tftp-unheard counts): somebody floods the port{most}"
                )
            });
        }
    }

    /// Tells of it until a minute after the last time.
    fn is_refusing(&mut self, now: Instant, why: impl FnOnce(&Self) -> String) {
        if self.refused.replace(now).is_none() {
            (self.tell)(Some(why(self)));
        }
    }

    /// On the port of transfers.
    fn answer(&mut self, socket: usize, datagram: ReceivedDatagram<'_>, now: Instant) {
        let Some(local) = datagram.to else { return };
        let ends = TransferEnds { client: datagram.from, local };
        let packet = TftpPacket::parse(datagram.bytes);
        let between = self.transfers.between(&ends);
        let own = between.filter(|(_, transfer)| transfer.socket == socket).map(|(id, _)| id);
        let Some(id) = own else {
            return match packet {
                TftpPacket::Acknowledgement(_) => {
                    // A young one's client does not know another port.
                    let guessed = between.filter(|(_, transfer)| {
                        transfer.is_young() && !self.ports.may_be_late(ends, socket, now)
                    });
                    let Some((id, _)) = guessed else { return self.foreign(socket, ends, now) };
                    self.reporter.counters.count(Counted::Foreign);
                    self.ports.guessed(ends.client.ip(), now);
                    self.end(id, &TransferOutcome::Guessed, now);
                }
                // In single-port mode.
                TftpPacket::Unexpected(_) | TftpPacket::Malformed if socket == REQUESTS => {
                    self.malformed(socket, ends);
                }
                _ => self.reporter.counters.count(Counted::Foreign),
            };
        };
        match packet {
            TftpPacket::Acknowledgement(block) => {
                let is_short = self.is_short();
                let Some(transfer) = self.transfers.get_mut(id) else { return };
                if now >= transfer.until && is_short {
                    return self.end(id, &TransferOutcome::TooSlow, now);
                }
                let was_answered = transfer.sending.is_acknowledged();
                let next = transfer.sending.acknowledged(block, now);
                if !was_answered && transfer.sending.is_acknowledged() {
                    self.reporter.answered(&transfer.asked);
                    self.unanswered_now -= 1;
                }
                self.send(id, next, now);
            }
            TftpPacket::Error { code, text } => {
                let text = MachineText::of(&*String::from_utf8_lossy(text));
                self.end(id, &TransferOutcome::Aborted(code, text), now);
            }
            TftpPacket::Read(_)
            | TftpPacket::Write(_)
            | TftpPacket::Unexpected(_)
            | TftpPacket::Malformed => {
                self.reporter.counters.count(Counted::Malformed);
            }
        }
    }

    /// RFC 1350, 4: "An error packet should be sent to the source of the incorrect packet".
    fn foreign(&mut self, socket: usize, ends: TransferEnds, now: Instant) {
        self.reporter.counters.count(Counted::Foreign);
        // The client would take it for an answer to what it asked for meanwhile.
        if self.transfers.between(&ends).is_some() || self.ports.may_be_late(ends, socket, now) {
            return;
        }
        // The packet may be of a transfer that made room: the client asks again, and an error would send it to its disk.
        if self.gave_way.is_none_or(|at| now >= at + MINUTE) {
            self.say_error(socket, ends, error::UNKNOWN_TRANSFER, "Unknown transfer ID");
        }
    }

    /// At once: firmware waits for silence to end (shim hangs on it: rhboot/shim#666).
    fn malformed(&mut self, socket: usize, ends: TransferEnds) {
        self.reporter.counters.count(Counted::Malformed);
        self.say_error(socket, ends, error::ILLEGAL, "Illegal TFTP operation");
    }

    /// Sends what is next, and sees to it that the client's silence is noticed.
    fn send(&mut self, id: Id, next: Next, now: Instant) {
        self.put(id, next, now);
        if let Some(transfer) = self.transfers.get_mut(id) {
            let deadline = transfer.sending.deadline().min(transfer.until);
            // Of one that waits for the disk the deadline may have passed: it is looked at again by then.
            if deadline < transfer.wakes && deadline > now {
                transfer.wakes = deadline;
                self.timers.push(Reverse((deadline, id)));
            }
        }
    }

    fn put(&mut self, id: Id, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Oack => self.outbox.push(Out::Oack(id)),
            Next::Blocks(blocks) => self.outbox.push(Out::Blocks(id, blocks)),
            Next::Complete => self.end(id, &TransferOutcome::Complete, now),
            Next::Unconfirmed => self.end(id, &TransferOutcome::Unconfirmed, now),
            Next::Lost => self.end(id, &TransferOutcome::Lost, now),
        }
    }

    fn wake(&mut self, now: Instant) {
        if self.refused.is_some_and(|at| now >= at + MINUTE) {
            self.refused = None;
            (self.tell)(None);
        }
        // The rest has its turn after what was heard meanwhile.
        for _ in 0..TIMERS {
            let due = self.timers.peek().copied().filter(|due| due.0.0 <= now);
            let Some(Reverse((at, id))) = due else { return };
            let _ = self.timers.pop();
            let is_ending = self.is_ending;
            let is_short = self.is_short();
            let transfer = self.transfers.get_mut(id).filter(|transfer| transfer.wakes == at);
            let Some(transfer) = transfer else { continue };
            if now >= transfer.until && !is_short {
                transfer.until = now + AT_LEAST;
            }
            if now >= transfer.until {
                self.end(id, &TransferOutcome::TooSlow, now);
                continue;
            }
            if is_ending && !transfer.sending.is_acknowledged() {
                // The client asks again, and is heard by the daemon that comes next.
                self.end(id, &TransferOutcome::Cut, now);
                continue;
            }
            if is_ending && transfer.sending.has_left() {
                self.end(id, &TransferOutcome::Unconfirmed, now);
                continue;
            }
            let is_due = transfer.sending.deadline() <= now;
            // The client is not to blame for a slow disk.
            let awaits_disk = matches!(transfer.disk, Disk::Awaited);
            let next = if is_due && !awaits_disk { transfer.sending.due(now) } else { Next::Wait };
            let deadline = transfer.sending.deadline();
            let deadline = if awaits_disk { deadline.max(now + PAUSE) } else { deadline };
            transfer.wakes = deadline.min(transfer.until);
            let wakes = transfer.wakes;
            self.timers.push(Reverse((wakes, id)));
            self.put(id, next, now);
        }
    }

    fn end(&mut self, id: Id, outcome: &TransferOutcome, now: Instant) {
        if let Some(transfer) = self.transfers.end(id) {
            self.admission.end(transfer.source);
            if outcome.is_by_client() {
                self.ports.left(transfer.ends, transfer.socket, now);
            }
            if !transfer.sending.is_acknowledged() {
                self.unanswered_now -= 1;
            }
            self.tell_end(&transfer, outcome, now);
        }
        // Timers have what is over; they are not to grow by it.
        if self.timers.len() > 1024 + 4 * self.transfers.len() {
            let transfers = &self.transfers;
            self.timers.retain(|Reverse((at, id))| {
                transfers.get(*id).is_some_and(|transfer| transfer.wakes == *at)
            });
        }
    }

    fn tell_end(&self, transfer: &ActiveTransfer, outcome: &TransferOutcome, now: Instant) {
        let ActiveTransfer { sending, asked, .. } = transfer;
        let bytes = sending.acknowledged_blocks() * u64::from(asked.block_size);
        let progress = TransferProgress {
            bytes: bytes.min(asked.size),
            block: sending.acknowledged_blocks(),
            resent_blocks: sending.resent,
            is_answered: sending.is_acknowledged(),
            took: now.duration_since(asked.started),
        };
        self.reporter.ended(asked, progress, outcome, now);
    }

    fn say_error(&mut self, socket: usize, ends: TransferEnds, code: u16, text: &str) {
        self.outbox.push(Out::Packet(socket, ends, error_packet(code, text)));
    }

    /// Who is slow holds a place that another may want.
    fn is_short(&self) -> bool {
        2 * self.transfers.len() > self.most.transfers
    }

    fn is_single_port(&self) -> bool {
        self.sockets.len() < 2
    }
}

#[cfg(test)]
mod tests;
