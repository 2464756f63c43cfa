//! One TFTP client: what it sends for each packet and each silence.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Result;

use super::packets::{self, DATA, ERROR, OACK, Terms};

const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 69);
/// More than any block here.
pub(super) const PACKET: usize = 2048;

/// What clients want, and how they behave.
pub(super) struct Wish<'a> {
    pub(super) request: Vec<u8>,
    /// What has to come.
    pub(super) content: &'a [u8],
    /// Transfers, one after the other.
    pub(super) transfers: u32,
    /// Before the first one asks for the size, and ends that by an ERROR.
    pub(super) looks_first: bool,
    /// Asks again after this, so often without an answer.
    pub(super) patience: Duration,
    pub(super) retries: u32,
}

pub(super) struct Client<'a> {
    wish: &'a Wish<'a>,
    address: Ipv4Addr,
    socket: UdpSocket,
    stage: Stage,
    terms: Terms,
    transfers_left: u32,
    /// Blocks that came in order, and those of them that came since the last ACK.
    blocks: usize,
    unacknowledged: u16,
    /// Whether a block out of order was told of.
    is_behind: bool,
    heard: Instant,
    retries: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Looking,
    Asking,
    Receiving,
}

pub(super) enum Step {
    /// There may be more to read.
    Acknowledged,
    Waiting,
    /// Wants another socket, since it is at a transfer's end: the terms are those of one with the file.
    Next(Option<Terms>),
    Ended(End),
}

pub(super) enum End {
    Served(Terms),
    Refused(String),
    /// Asked in vain.
    Silent,
    Failed(String),
}

impl<'a> Client<'a> {
    pub(super) fn new(wish: &'a Wish<'a>, address: Ipv4Addr) -> Result<Self> {
        Ok(Self {
            wish,
            address,
            socket: bind(address)?,
            stage: if wish.looks_first { Stage::Looking } else { Stage::Asking },
            terms: Terms::PLAIN,
            transfers_left: wish.transfers,
            blocks: 0,
            unacknowledged: 0,
            is_behind: false,
            heard: Instant::now(),
            retries: 0,
        })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Each transfer has a port of its own.
    pub(super) fn open_next(&mut self) -> Result<()> {
        self.socket = bind(self.address)?;
        (self.stage, self.terms) = (Stage::Asking, Terms::PLAIN);
        (self.blocks, self.unacknowledged, self.is_behind) = (0, 0, false);
        Ok(())
    }

    pub(super) fn ask(&mut self, now: Instant) -> Result<()> {
        (self.heard, self.retries) = (now, 0);
        sent(self.socket.send_to(&self.wish.request, SERVER))
    }

    /// Reads until there is nothing, or until a window is acknowledged.
    pub(super) fn receive(&mut self, now: Instant, packet: &mut [u8; PACKET]) -> Result<Step> {
        loop {
            let received = if self.stage == Stage::Receiving {
                self.socket.recv(packet)
            } else {
                self.first(packet)
            };
            let length = match received {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Waiting),
                // The server's port is gone, which no firmware is told.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            };
            self.heard = now;
            if let Some(step) = self.take(packet.get(..length).unwrap_or_default())? {
                return Ok(step);
            }
        }
    }

    /// The server answers from a port of this transfer alone.
    fn first(&mut self, packet: &mut [u8]) -> io::Result<usize> {
        let (length, from) = self.socket.recv_from(packet)?;
        self.socket.connect(from)?;
        Ok(length)
    }

    fn take(&mut self, packet: &[u8]) -> Result<Option<Step>> {
        if let [0, ERROR, _, code, text @ ..] = packet {
            let text = String::from_utf8_lossy(text);
            let reason = format!("error {code}: {}", text.trim_end_matches('\0'));
            return Ok(Some(Step::Ended(End::Refused(reason))));
        }
        if self.stage == Stage::Looking {
            self.send(&packets::abort())?;
            return Ok(Some(Step::Next(None)));
        }
        let is_first = self.stage == Stage::Asking;
        self.stage = Stage::Receiving;
        match packet {
            [0, OACK, options @ ..] if is_first => {
                self.terms = Terms::granted(options);
                self.acknowledge()?;
                Ok(Some(Step::Acknowledged))
            }
            // To a request that was sent twice.
            [0, OACK, ..] => Ok(None),
            [0, DATA, high, low, data @ ..] => {
                self.take_block(u16::from_be_bytes([*high, *low]), data)
            }
            _ => Ok(Some(Step::Ended(End::Failed("a packet that is no DATA".to_owned())))),
        }
    }

    fn take_block(&mut self, number: u16, data: &[u8]) -> Result<Option<Step>> {
        if number != (self.blocks as u16).wrapping_add(1) {
            if !self.is_behind {
                // RFC 7440, section 4: the last one in order is acknowledged, once.
                self.is_behind = true;
                self.acknowledge()?;
            }
            return Ok(None);
        }
        let block_size = usize::from(self.terms.block_size);
        let start = self.blocks * block_size;
        let end = self.wish.content.len().min(start + block_size);
        if self.wish.content.get(start..end) != Some(data) {
            let reason = format!("block {} is not the file's", self.blocks + 1);
            return Ok(Some(Step::Ended(End::Failed(reason))));
        }
        (self.blocks, self.is_behind, self.retries) = (self.blocks + 1, false, 0);
        self.unacknowledged += 1;
        let is_last = data.len() < block_size;
        if !is_last && self.unacknowledged < self.terms.window {
            return Ok(None);
        }
        self.acknowledge()?;
        if !is_last {
            return Ok(Some(Step::Acknowledged));
        }
        self.transfers_left -= 1;
        let step = match self.transfers_left {
            0 => Step::Ended(End::Served(self.terms)),
            _ => Step::Next(Some(self.terms)),
        };
        Ok(Some(step))
    }

    /// Asks again if there was silence for too long; whether it did, or its end.
    pub(super) fn look_at_clock(&mut self, now: Instant) -> Result<Result<bool, End>> {
        if now.saturating_duration_since(self.heard) < self.wish.patience {
            return Ok(Ok(false));
        }
        if self.retries == self.wish.retries {
            return Ok(Err(End::Silent));
        }
        (self.retries, self.heard) = (self.retries + 1, now);
        match self.stage {
            Stage::Looking | Stage::Asking => {
                sent(self.socket.send_to(&self.wish.request, SERVER))?;
            }
            Stage::Receiving => self.acknowledge()?,
        }
        Ok(Ok(true))
    }

    fn acknowledge(&mut self) -> Result<()> {
        self.unacknowledged = 0;
        self.send(&packets::acknowledgement(self.blocks))
    }

    fn send(&self, packet: &[u8]) -> Result<()> {
        sent(self.socket.send(packet))
    }
}

fn bind(address: Ipv4Addr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((address, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What cannot be sent is lost, as on a wire.
fn sent(result: io::Result<usize>) -> Result<()> {
    match result {
        Err(error)
            if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) =>
        {
            Err(error.into())
        }
        _ => Ok(()),
    }
}
