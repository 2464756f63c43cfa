//! What transfers send: blocks of their files by the batch, and what happens where the disk has to bring them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::Range,
    os::fd::AsFd as _,
    sync::Arc,
    time::Instant,
};

use async_tftp::server::Handler;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::net::UdpSocket;
use tracing::debug;

use super::{Engine, Id, Out, Transfer};
use crate::tftp::{
    batch::{Batch, Outgoing, Sender, is_full},
    content::{Content, OnDisk, Reader, Unread},
    counters::Event,
    packet::{data_head, error},
    report::{Outcome, Reporter},
};

/// How long one socket may keep all others waiting for room, in milliseconds.
const PATIENCE: u16 = 20;

/// Blocks that are not to be had now.
struct Trouble {
    client: SocketAddr,
    on_disk: Arc<OnDisk>,
    position: u64,
    why: Unread,
}

impl<H: Handler<Reader = Reader>> Engine<H> {
    /// Sends what is to be sent.
    pub(super) fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let outbox = std::mem::take(&mut self.outbox);
            let troubles = self.send_all(&outbox);
            for Trouble { client, on_disk, position, why } in troubles {
                match why {
                    Unread::NotCached => self.fetch(client, on_disk, position),
                    why => self.end_unread(client, &why, Instant::now()),
                }
            }
            if self.outbox.is_empty() {
                // Its room is kept.
                self.outbox = outbox;
                self.outbox.clear();
                return;
            }
        }
    }

    fn fetch(&mut self, client: SocketAddr, on_disk: Arc<OnDisk>, position: u64) {
        let Some(transfer) = self.transfers.get_mut(&client) else { return };
        transfer.is_waiting_for_disk = true;
        let id = Id(client, transfer.number);
        self.disk.spawn_blocking(move || (id, on_disk.fetch(position)));
    }

    /// Returns the blocks that are not to be had, and why.
    fn send_all(&mut self, outbox: &[(SocketAddr, Out)]) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let mut post = Post {
            sockets: &self.sockets,
            sender: &mut self.sender,
            reporter: &self.reporter,
            of: None,
            batch: Batch::new(),
        };
        for (client, out) in outbox {
            let transfer = self.transfers.get(client);
            match (out, transfer) {
                (Out::Packet(socket, local, packet), _) => {
                    post.packet((*socket, *local), *client, packet);
                }
                (Out::Oack, Some(transfer)) => {
                    post.packet((transfer.socket, transfer.local), *client, &transfer.oack);
                }
                (Out::Blocks(blocks), Some(transfer)) if !transfer.is_waiting_for_disk => {
                    troubles.extend(post.blocks(*client, transfer, blocks).err());
                }
                // It has ended by now, or sends when the disk has brought its blocks.
                (Out::Oack | Out::Blocks(_), _) => {}
            }
        }
        post.leave();
        troubles
    }

    pub(super) fn fetched(&mut self, id: Id, fetched: io::Result<()>) {
        let Some(transfer) = self.transfer(id) else { return };
        transfer.is_waiting_for_disk = false;
        let now = Instant::now();
        if let Err(error) = fetched {
            return self.end_unread(id.0, &Unread::Failed(error), now);
        }
        let blocks = transfer.sending.under_way();
        self.outbox.push((id.0, Out::Blocks(blocks)));
    }

    fn end_unread(&mut self, client: SocketAddr, why: &Unread, now: Instant) {
        let Some(transfer) = self.transfers.get(&client) else { return };
        let (socket, local) = (transfer.socket, transfer.local);
        let why = match why {
            Unread::Changed => "the file was changed: ask again".to_owned(),
            Unread::Failed(error) => format!("the file cannot be read: {error}"),
            Unread::NotCached => return,
        };
        self.say_error(
            socket,
            client,
            local,
            error::UNDEFINED,
            "the file was changed, or cannot be read",
        );
        self.end(client, &Outcome::Unread(why), now);
    }
}

/// Datagrams that leave by one socket, from one address.
struct Post<'p> {
    sockets: &'p [UdpSocket],
    sender: &'p mut Sender,
    reporter: &'p Reporter,
    of: Option<(usize, IpAddr)>,
    batch: Batch<'p>,
}

impl<'p> Post<'p> {
    fn packet(&mut self, of: (usize, IpAddr), to: SocketAddr, packet: &'p [u8]) {
        if let Some((head, body)) = packet.split_first_chunk::<4>() {
            self.push(of, Outgoing { to, head: *head, body });
        }
    }

    fn blocks(
        &mut self,
        to: SocketAddr,
        transfer: &'p Transfer,
        blocks: &Range<u64>,
    ) -> Result<(), Trouble> {
        let of = (transfer.socket, transfer.local);
        let block_size = usize::from(transfer.asked.block_size);
        let place = |block: u64| (block - 1) * block_size as u64;
        match &transfer.content {
            Content::Memory(octets) => {
                for block in blocks.clone() {
                    let at = usize::try_from(place(block)).unwrap_or(usize::MAX);
                    let rest = octets.bytes().get(at..).unwrap_or_default();
                    let body = rest.get(..block_size).unwrap_or(rest);
                    self.push(of, Outgoing { to, head: data_head(block), body });
                }
            }
            Content::Disk(on_disk) => {
                self.leave();
                let (position, end) =
                    (place(blocks.start), place(blocks.end).min(transfer.asked.size));
                let length = usize::try_from(end.saturating_sub(position)).unwrap_or(0);
                let mut window = vec![0; length];
                let read = on_disk.read_cached(&mut window, position);
                read.map_err(|why| Trouble {
                    client: to,
                    on_disk: Arc::clone(on_disk),
                    position,
                    why,
                })?;
                let bodies = window.chunks(block_size).chain([&[][..]]);
                let mut post = Post {
                    sockets: self.sockets,
                    sender: &mut *self.sender,
                    reporter: self.reporter,
                    of: None,
                    batch: Batch::new(),
                };
                for (block, body) in blocks.clone().zip(bodies) {
                    post.push(of, Outgoing { to, head: data_head(block), body });
                }
                post.leave();
            }
        }
        Ok(())
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
                Err(error) if is_full(&error) && has_room(socket) => {}
                Err(error) => {
                    debug!(%error, "tftp: not sent");
                    self.reporter.counters.count(Event::Unsent);
                    self.batch.pass(1);
                }
            }
        }
    }
}

/// Waits a moment for room. What is not sent then is sent again by its timer.
fn has_room(socket: &UdpSocket) -> bool {
    let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut sockets, PollTimeout::from(PATIENCE)).is_ok_and(|ready| ready > 0)
}
