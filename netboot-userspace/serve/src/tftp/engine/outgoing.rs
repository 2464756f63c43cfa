//! Packets that transfers send: blocks of their files by the batch, and what happens where the disk has to bring them.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    ops::Range,
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use async_tftp::server::Handler;
use netboot_machines::event::{MachineText, TransferOutcome};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tracing::debug;

use super::{
    Disk, Engine, Out, TransferEnds,
    bytes::MissingBlocks,
    transfers::{ActiveTransfer, Id},
};
use crate::tftp::{
    batch::{Batch, Outgoing, SEGMENTS, Sender, is_full, most_segments},
    content::{ContentReader, UnreadBytes},
    counters::Counted,
    packet::{data_head, error},
};

/// How long a socket that takes no more may keep all others waiting, in milliseconds.
const PATIENCE: u8 = 20;
/// Then nothing waits for a while: what is not sent is sent again by its timer.
const HURRY: Duration = Duration::from_secs(1);
/// Before windows are sent as one again.
const WITHOUT_SEGMENTS: Duration = Duration::from_secs(60);

impl<H: Handler<Reader = ContentReader>> Engine<H> {
    /// Sends what is to be sent.
    pub(super) fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let outbox = std::mem::take(&mut self.outbox);
            for trouble in self.send_all(&outbox) {
                match trouble.why {
                    UnreadBytes::NotCached => self.fetch(trouble),
                    why => self.end_unread(trouble.id, &why, Instant::now()),
                }
            }
            // What is sent again is read again: a client may be silent for long.
            for id in std::mem::take(&mut self.brought) {
                if let Some(transfer) = self.transfers.get_mut(id)
                    && matches!(transfer.disk, Disk::Brought(..))
                {
                    transfer.disk = Disk::None;
                }
            }
            if self.outbox.is_empty() {
                // The transfer's room is kept.
                self.outbox = outbox;
                self.outbox.clear();
                return;
            }
        }
    }

    fn fetch(&mut self, trouble: MissingBlocks) {
        let MissingBlocks { id, on_disk, position, length, .. } = trouble;
        let Some(transfer) = self.transfers.get_mut(id) else { return };
        if matches!(transfer.disk, Disk::Awaited) {
            return;
        }
        // Where there is no room it is sent when its timer says so.
        if self.reads.begin(id, on_disk, position, length) {
            transfer.disk = Disk::Awaited;
        } else {
            self.reporter.counters.count(Counted::Unsent);
            self.is_refusing(Instant::now(), |_| {
                "the disk is too slow for what is asked for: blocks wait for it (tftp-unsent counts)".into()
            });
        }
    }

    /// The disk has brought what a transfer waits for.
    pub(super) fn brought(&mut self, id: Id, position: u64, brought: Result<Vec<u8>, UnreadBytes>) {
        let now = Instant::now();
        let Some(transfer) = self.transfers.get_mut(id) else { return };
        match brought {
            // The file was read whole meanwhile.
            Err(UnreadBytes::NotCached) => transfer.disk = Disk::None,
            Ok(bytes) => {
                transfer.disk = Disk::Brought(position, bytes);
                self.brought.push(id);
            }
            Err(why) => return self.end_unread(id, &why, now),
        }
        transfer.sending.delayed(now);
        let blocks = transfer.sending.under_way();
        self.outbox.push(Out::Blocks(id, blocks));
    }

    fn end_unread(&mut self, id: Id, why: &UnreadBytes, now: Instant) {
        let Some(transfer) = self.transfers.get(id) else { return };
        let (socket, ends) = (transfer.socket, transfer.ends);
        let why = match why {
            UnreadBytes::Changed => "the file was changed: ask again".to_owned(),
            UnreadBytes::Failed(error) => format!("the file cannot be read: {error}"),
            UnreadBytes::NotCached => return,
        };
        let text = "the file was changed, or cannot be read";
        self.say_error(socket, ends, error::UNDEFINED, text);
        self.end(id, &TransferOutcome::Unread(MachineText::of(why)), now);
    }

    fn send_all(&mut self, outbox: &[Out]) -> Vec<MissingBlocks> {
        let mut troubles = Vec::new();
        let mut read = std::mem::take(&mut self.read);
        let (mut unsent, mut failed) = (0, 0);
        let mut rest = outbox;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(read.ahead(rest, &self.transfers, &mut troubles));
            rest = later;
            let mut post = Post {
                sockets: &self.sockets,
                sender: &mut self.sender,
                hurries: &mut self.hurries,
                segments: &mut self.segments,
                of: None,
                batch: Batch::new(),
                unsent: 0,
                failed: 0,
            };
            for (number, out) in now.iter().enumerate() {
                match out {
                    Out::Packet(socket, ends, packet) => post.packet(*socket, *ends, packet),
                    Out::Oack(id) => {
                        if let Some(transfer) = self.transfers.get(*id) {
                            post.packet(transfer.socket, transfer.ends, &transfer.oack);
                        }
                    }
                    Out::Blocks(id, blocks) => {
                        if let Some(transfer) = self.transfers.get(*id)
                            && let Some(bytes) = read.bytes(number, transfer, blocks)
                        {
                            post.window(transfer, blocks, bytes);
                        }
                    }
                }
            }
            post.leave();
            unsent += post.unsent;
            failed += post.failed;
        }
        self.read = read;
        self.reporter.counters.add(Counted::Unsent, unsent + failed);
        if unsent > 0 {
            self.is_refusing(Instant::now(), |_| {
                "what is asked for cannot be sent so fast, and is sent again later: a link is slow, or somebody asks \
                 for much and takes nothing (tftp-unsent counts)"
                    .into()
            });
        }
        troubles
    }
}

/// Whether windows are sent as one datagram, which is taken apart on its way.
#[derive(Debug, Default)]
pub(super) struct Segments {
    refused: Option<Instant>,
}

impl Segments {
    fn are_taken(&self) -> bool {
        self.refused.is_none_or(|at| at.elapsed() >= WITHOUT_SEGMENTS)
    }

    /// What is too large for one client's way is said at once, and is nothing to the others. What else is amiss is
    /// found when all is copied: by a card that does not sum up checksums.
    fn were_refused(&mut self, error: &io::Error) {
        let errno = error.raw_os_error().map(Errno::from_raw);
        // So is that there is no way to it.
        let is_its_own = matches!(
            errno,
            Some(
                Errno::EINVAL
                    | Errno::EMSGSIZE
                    | Errno::ENETUNREACH
                    | Errno::EHOSTUNREACH
                    | Errno::ENETDOWN
                    | Errno::EADDRNOTAVAIL
                    | Errno::EACCES
                    | Errno::EPERM
            )
        );
        if !is_its_own {
            self.refused = Some(Instant::now());
        }
    }
}

/// Datagrams that leave by one socket, from one address.
struct Post<'p> {
    sockets: &'p [UdpSocket],
    sender: &'p mut Sender,
    hurries: &'p mut Instant,
    segments: &'p mut Segments,
    of: Option<(usize, IpAddr)>,
    batch: Batch<'p>,
    /// Datagrams that there was no room for.
    unsent: u64,
    /// Packets that could not be sent.
    failed: u64,
}

impl<'p> Post<'p> {
    fn packet(&mut self, socket: usize, ends: TransferEnds, packet: &'p [u8]) {
        if let Some((head, body)) = packet.split_first_chunk::<4>() {
            self.push((socket, ends.local), Outgoing { to: ends.client, head: *head, body });
        }
    }

    /// Queues these blocks, of these bytes.
    fn window(&mut self, transfer: &ActiveTransfer, blocks: &Range<u64>, bytes: &'p [u8]) {
        let (ends, block_size) = (transfer.ends, transfer.asked.block_size);
        // The last block may be empty.
        let bodies = bytes.chunks(block_size.into()).chain([&[][..]]);
        let mut packets = blocks.clone().zip(bodies).map(|(block, body)| Outgoing {
            to: ends.client,
            head: data_head(block),
            body,
        });
        let of = (transfer.socket, ends.local);
        let most = most_segments(block_size);
        if blocks.end - blocks.start > 1 && most > 1 && self.segments.are_taken() {
            self.leave();
            let mut segments = [Outgoing::NONE; SEGMENTS];
            loop {
                let mut count = 0;
                for (place, packet) in segments.iter_mut().zip(packets.by_ref().take(most)) {
                    *place = packet;
                    count += 1;
                }
                let Some(together) = segments.get(..count).filter(|_| count > 0) else { return };
                if !self.at_once(of, together) {
                    together.iter().for_each(|packet| self.push(of, *packet));
                    break;
                }
            }
        }
        packets.for_each(|packet| self.push(of, packet));
    }

    /// Whether these could be sent as one.
    fn at_once(&mut self, (socket, from): (usize, IpAddr), packets: &[Outgoing<'_>]) -> bool {
        let Some(socket) = self.sockets.get(socket) else { return false };
        loop {
            match self.sender.send_segments(socket, from, packets) {
                Ok(()) => return true,
                Err(error) if is_full(&error) => {
                    if !self.waits_for(socket) {
                        self.unsent += packets.len() as u64;
                        return true;
                    }
                }
                Err(error) => {
                    debug!(%error, "tftp: blocks are sent one by one");
                    self.segments.were_refused(&error);
                    return false;
                }
            }
        }
    }

    fn push(&mut self, of: (usize, IpAddr), packet: Outgoing<'p>) {
        if self.of != Some(of) || self.batch.is_full() {
            self.leave();
            self.of = Some(of);
        }
        self.batch.push(packet);
    }

    fn leave(&mut self) {
        let Some((socket, from)) = self.of.take() else { return };
        let Some(socket) = self.sockets.get(socket) else { return };
        while !self.batch.unsent().is_empty() {
            match self.sender.send(socket, from, &self.batch) {
                Ok(sent) => self.batch.pass(sent.max(1)),
                Err(error) if is_full(&error) => {
                    if !self.waits_for(socket) {
                        self.pass_over(self.batch.unsent().len());
                    }
                }
                Err(error) => {
                    // There is no way to this client: that is its own.
                    debug!(%error, "tftp: not sent");
                    self.failed += 1;
                    self.batch.pass(1);
                }
            }
        }
    }

    /// Whether there is room after a moment; after one in vain nothing is waited for.
    fn waits_for(&mut self, socket: &UdpSocket) -> bool {
        let now = Instant::now();
        if now < *self.hurries {
            return false;
        }
        let has_room = has_room(socket);
        if !has_room {
            *self.hurries = now + HURRY;
        }
        has_room
    }

    fn pass_over(&mut self, count: usize) {
        self.unsent += count as u64;
        self.batch.pass(count);
    }
}

/// Waits a moment for room.
fn has_room(socket: &UdpSocket) -> bool {
    let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut sockets, PollTimeout::from(PATIENCE)).is_ok_and(|ready| ready > 0)
}
