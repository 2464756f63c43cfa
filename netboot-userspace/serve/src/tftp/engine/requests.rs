//! Requests at the port of TFTP, and the transfers that begin by them.

use std::{
    cmp::Reverse,
    ffi::OsStr,
    hash::BuildHasher as _,
    io::ErrorKind,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    time::{Duration, Instant},
};

use async_tftp::{packet::Error, server::Handler};
use futures_lite::future::block_on;
use netboot_machines::event::TransferOutcome;

use super::{Disk, Engine, REQUESTS, TransferEnds, transfers::ActiveTransfer};
use crate::tftp::{
    admission::TransferSource,
    batch::ReceivedDatagram,
    content::ContentReader,
    counters::Counted,
    handler::{is_busy, shown},
    packet::{Mode, TftpPacket, TftpRequest, error},
    report::AskedTransfer,
    round_trip::RoundTrip,
    sending::Sending,
};

/// A client that is slower than this many bytes a second, after a while, is not there to boot.
const SLOWEST: u64 = 4096;
pub(super) const AT_LEAST: Duration = Duration::from_secs(60);
/// Blocks of a window where there is no port to guess: whoever forges a machine's address could have windows sent to it.
const FORGEABLE_WINDOW: u16 = 4;
/// A request that comes again while its transfer goes on may have been late.
const LATE: Duration = Duration::from_secs(1);

impl<H: Handler<Reader = ContentReader>> Engine<H> {
    /// On the port of requests.
    pub(super) fn request(&mut self, datagram: ReceivedDatagram<'_>, now: Instant) {
        let packet = TftpPacket::parse(datagram.bytes);
        let is_request = matches!(packet, TftpPacket::Read(_) | TftpPacket::Write(_));
        if !is_request && self.is_single_port() {
            return self.answer(REQUESTS, datagram, now);
        }
        // What the port has heard before another got it is answered. One that transfers share is not given away before.
        let is_heard = !(self.is_ending && self.is_single_port());
        // RFC 1123 4.2.3.4: what was sent to all is not answered.
        // Port 0 is no sender's (RFC 768).
        let is_heard = is_heard && datagram.from.port() != 0;
        let Some(local) = datagram.to.filter(|_| is_heard) else { return };
        let ends = TransferEnds { client: datagram.from, local };
        if let TftpPacket::Read(read) = packet {
            return self.read(&read, datagram.bytes, ends, now);
        }
        let socket = self.socket_for(ends, now);
        match packet {
            TftpPacket::Write(write) => {
                let path = Path::new(OsStr::from_bytes(write.name));
                let opening = self.handler.write_req_open(&ends.client, path, None);
                if let Err(error) = block_on(opening) {
                    let (code, text) = code_and_text(&error);
                    self.say_error(socket, ends, code, text);
                }
            }
            // An ERROR is never answered.
            TftpPacket::Error { .. } => self.reporter.counters.count(Counted::Foreign),
            TftpPacket::Acknowledgement(_) => self.foreign(socket, ends, now),
            TftpPacket::Read(_) | TftpPacket::Unexpected(_) | TftpPacket::Malformed => {
                self.malformed(socket, ends);
            }
        }
    }

    fn read(&mut self, read: &TftpRequest<'_>, bytes: &[u8], ends: TransferEnds, now: Instant) {
        let client = ends.client;
        let request = self.hasher.hash_one(bytes);
        if let Some((id, transfer)) = self.transfers.between(&ends) {
            if transfer.request == request && !transfer.sending.is_acknowledged() {
                // The first answer was lost.
                let first = transfer.sending.first();
                return self.send(id, first, now);
            }
            if transfer.request == request && transfer.sending.idle(now) < LATE {
                // The network has doubled it, or it waited behind others: to an answer curl begins anew in the middle
                // of its file. A client that began anew says so again.
                self.reporter.counters.count(Counted::Foreign);
                return;
            }
            self.end(id, &TransferOutcome::AskedAnew, now);
        }
        let socket = self.socket_for(ends, now);
        if read.mode == Mode::Other {
            self.reporter.counters.count(Counted::Refused);
            return self.say_error(socket, ends, error::ILLEGAL, "ask in mode octet");
        }
        let machine = self.reporter.machines.by_address(client.ip());
        let source =
            TransferSource { address: client.ip().to_canonical(), is_known: machine.is_some() };
        let path = Path::new(OsStr::from_bytes(read.name));
        let content = match block_on(self.handler.read_req_open(&client, path)) {
            Ok((reader, _size)) => reader.content,
            Err(error) if is_busy(&error) => return self.refuse_for_files(source, now),
            Err(error) => {
                let (code, text) = code_and_text(&error);
                return self.say_error(socket, ends, code, text);
            }
        };
        let content = match read.mode {
            Mode::Netascii => match content.as_netascii() {
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                    self.reporter.counters.count(Counted::TooMany);
                    return self.refuse_for_files(source, now);
                }
                encoded => encoded.ok().flatten(),
            },
            Mode::Octet | Mode::Other => Some(content),
        };
        let Some(content) = content else {
            self.reporter.counters.count(Counted::Refused);
            let text = "not to be had as netascii: ask in mode octet";
            return self.say_error(socket, ends, error::UNDEFINED, text);
        };
        if let Err(full) = self.make_room(source, now) {
            return self.refuse_for_room(source, full, now);
        }

        let most = self.most.block_sizes.load().of(client.ip());
        // Who forges an address needs no port to guess where there is but one.
        let is_unproved = self.is_single_port() && !source.is_known;
        let is_forged = is_unproved || self.ports.is_forged(client.ip(), now);
        let window = match is_forged {
            true => 1,
            false if self.is_single_port() => self.most.window.min(FORGEABLE_WINDOW),
            false => self.most.window,
        };
        let agreed = read.options.granted(read.mode, most, window);
        let (block_size, window) = (agreed.block_size(), agreed.window());
        let size = content.size();
        let blocks = size / u64::from(block_size) + 1;
        let oack = agreed.oack().map(|oack| oack(size)).unwrap_or_default();
        let round_trip = RoundTrip::new(agreed.timeout);
        let (sending, first) = Sending::new(blocks, window, !oack.is_empty(), round_trip, now);
        let asked = AskedTransfer {
            client,
            machine,
            file: shown(path).into(),
            mode: read.mode,
            size,
            block_size,
            window,
            asks_size: agreed.size,
            started: now,
        };
        self.reporter.began(&asked);
        let transfer = ActiveTransfer {
            number: 0,
            ends,
            request,
            source,
            socket,
            content,
            oack: oack.into(),
            wakes: sending.deadline(),
            sending,
            disk: Disk::None,
            until: now + AT_LEAST + Duration::from_secs(size / SLOWEST),
            asked,
        };
        let wakes = transfer.wakes;
        let id = self.transfers.begin(transfer);
        self.timers.push(Reverse((wakes, id)));
        self.admission.begin(source);
        self.unanswered.push_back(id);
        self.unanswered_now += 1;
        self.send(id, first, now);
    }

    /// Each transfer has its port by chance, and another one than those before it: what its client says to these is
    /// not heard as said to this.
    fn socket_for(&mut self, ends: TransferEnds, now: Instant) -> usize {
        if self.is_single_port() {
            return REQUESTS;
        }
        let own = self.ways.sockets(ends.local, self.sockets.len() - 1);
        let chance = self.hasher.hash_one((ends, self.transfers.begun())) % own.len() as u64;
        let chance = usize::try_from(chance).unwrap_or(0);
        let of_step = |step| 1 + own.start + (chance + step) % own.len();
        let mut sockets = (0..own.len()).map(of_step);
        let unused = sockets.find(|socket| !self.ports.may_be_late(ends, *socket, now));
        unused.unwrap_or_else(|| of_step(0))
    }
}

/// As the library's own server has them.
fn code_and_text(error: &Error) -> (u16, &str) {
    match error {
        Error::Msg(text) => (error::UNDEFINED, text),
        Error::UnknownError => (error::UNDEFINED, "Unknown error"),
        Error::FileNotFound => (error::NOT_FOUND, "File not found"),
        Error::PermissionDenied => (error::ACCESS, "Permission denied"),
        Error::DiskFull => (error::DISK_FULL, "Disk is full"),
        Error::IllegalOperation => (error::ILLEGAL, "Illegal operation"),
        Error::UnknownTransferId => (error::UNKNOWN_TRANSFER, "Unknown transfer ID"),
        Error::FileAlreadyExists => (error::EXISTS, "File already exists"),
        Error::NoSuchUser => (error::NO_USER, "No such user"),
    }
}
