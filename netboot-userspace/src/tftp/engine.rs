//! The sockets and the time of all transfers: hears datagrams, asks [`Sending`] what is next, and sends it.
//!
//! Transfers share a few sockets, each with a port of its own: what is heard and said by many of them goes by one
//! system call, and a transfer takes neither a descriptor nor a task. A transfer is known by its client's address and
//! port; it is told apart from a stranger's packet by the socket that it began on (RFC 1350, 4).

mod post;
mod room;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    ffi::OsStr,
    future::poll_fn,
    hash::{BuildHasher as _, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    ops::Range,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    task::Poll,
    time::{Duration, Instant},
};

use async_tftp::{packet::Error, server::Handler};
use tokio::{io::Interest, net::UdpSocket, task::JoinSet, time::sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    BlockSizes,
    admission::{Admission, Limits, Source},
    batch::{Received, Receiver, Sender},
    content::{Content, Reader},
    counters::Event,
    handler::shown,
    packet::{Mode, Options, Packet, Request, error, error_packet},
    report::{Asked, Outcome, Progress, Reporter},
    round_trip::RoundTrip,
    sending::{Next, Sending},
};

/// The socket of requests.
const REQUESTS: usize = 0;
/// Of a block without the option (RFC 1350).
const BLOCK_SIZE: u16 = 512;
/// A client that is slower than this many bytes a second, after a while, is not there to boot.
const SLOWEST: u64 = 4096;
const AT_LEAST: Duration = Duration::from_secs(60);
/// How long refusals are told of.
const MINUTE: Duration = Duration::from_secs(60);

/// What a client can get at most.
#[derive(Clone, Debug)]
pub(super) struct Most {
    pub(super) block_sizes: BlockSizes,
    /// Blocks.
    pub(super) window: u16,
    pub(super) transfers: usize,
}

pub(super) struct Engine<H> {
    handler: H,
    reporter: Reporter,
    most: Most,
    /// That of requests, and then those that transfers share; none of these in single-port mode.
    sockets: Vec<UdpSocket>,
    transfers: HashMap<SocketAddr, Transfer>,
    /// Those that no client has answered, the oldest first; what has ended or was answered is among them.
    unanswered: VecDeque<Id>,
    admission: Admission,
    timers: BinaryHeap<Reverse<(Instant, Id)>>,
    begun: u64,
    hasher: RandomState,
    outbox: Vec<(SocketAddr, Out)>,
    sender: Sender,
    disk: JoinSet<(Id, io::Result<()>)>,
    refused: Option<Instant>,
    /// What is under way is finished.
    is_ending: bool,
    tell: Tell,
}

/// Hears how it is: why something is amiss, or that nothing is.
pub(super) type Tell = Box<dyn Fn(Option<String>) + Send>;

/// A client, and which of its transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id(SocketAddr, u64);

struct Transfer {
    number: u64,
    /// Of the request's bytes.
    request: u64,
    source: Source,
    /// In `sockets`.
    socket: usize,
    /// The address of this node that was asked.
    local: IpAddr,
    content: Content,
    oack: Box<[u8]>,
    sending: Sending,
    /// The first of its timers.
    wakes: Instant,
    is_waiting_for_disk: bool,
    ends: Instant,
    asked: Asked,
}

/// What is to be sent.
enum Out {
    Oack,
    Blocks(Range<u64>),
    /// On this socket, from this address, where there is no transfer.
    Packet(usize, IpAddr, Vec<u8>),
}

impl<H: Handler<Reader = Reader>> Engine<H> {
    pub(super) fn new(
        handler: H,
        reporter: Reporter,
        most: Most,
        sockets: Vec<UdpSocket>,
        tell: Tell,
    ) -> Self {
        let requests = sockets.first().and_then(|requests| requests.local_addr().ok());
        let is_ipv4 = requests.is_some_and(|address| address.is_ipv4());
        Self {
            handler,
            reporter,
            sockets,
            transfers: HashMap::new(),
            unanswered: VecDeque::new(),
            admission: Admission::new(Limits::new(most.transfers)),
            most,
            timers: BinaryHeap::new(),
            begun: 0,
            hasher: RandomState::new(),
            outbox: Vec::new(),
            sender: Sender::new(is_ipv4),
            disk: JoinSet::new(),
            refused: None,
            is_ending: false,
            tell,
        }
    }

    /// Serves until it is cancelled and the last transfer has ended, or it is cut.
    ///
    /// # Errors
    /// The socket of requests fails.
    pub(super) async fn run(
        mut self,
        cancel: CancellationToken,
        cut: CancellationToken,
    ) -> io::Result<()> {
        let mut receiver = Receiver::new();
        let mut is_ready = vec![false; self.sockets.len()];
        loop {
            if self.is_ending && self.transfers.is_empty() {
                return Ok(());
            }
            let wakes = self.timers.peek().map(|Reverse((at, _))| *at);
            let wakes = wakes.into_iter().chain(self.refused.map(|at| at + MINUTE)).min();
            let timer = async {
                match wakes {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cut.cancelled() => break,
                () = cancel.cancelled(), if !self.is_ending => self.is_ending = true,
                () = timer => self.wake(Instant::now()),
                Some(Ok((id, fetched))) = self.disk.join_next() => self.fetched(id, fetched),
                () = ready(&self.sockets, &mut is_ready) => {
                    for number in 0..is_ready.len() {
                        if is_ready.get(number) == Some(&true) {
                            self.hear(number, &mut receiver)?;
                        }
                    }
                }
            }
            self.flush();
        }
        let now = Instant::now();
        for transfer in std::mem::take(&mut self.transfers).into_values() {
            self.tell_end(&transfer, &Outcome::Cut, now);
        }
        Ok(())
    }

    /// Receives from the socket of requests, number 0, or one of the others, and answers.
    fn hear(&mut self, number: usize, receiver: &mut Receiver) -> io::Result<()> {
        let Some(socket) = self.sockets.get(number) else { return Ok(()) };
        match socket.try_io(Interest::READABLE, || receiver.receive(socket)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // Of a socket that all is sent from, an error can be of what was sent.
            Err(error) if number == REQUESTS => return Err(error),
            Err(error) => {
                debug!(%error, "tftp: a socket failed");
                return Ok(());
            }
        }
        let now = Instant::now();
        for datagram in receiver.received() {
            match number {
                REQUESTS => self.request(datagram, now),
                number => self.answer(number, datagram, now),
            }
        }
        Ok(())
    }

    /// On the port of requests.
    fn request(&mut self, datagram: Received<'_>, now: Instant) {
        let packet = Packet::parse(datagram.bytes);
        let is_request = matches!(packet, Packet::Read(_) | Packet::Write(_));
        if !is_request && self.is_single_port() {
            return self.answer(REQUESTS, datagram, now);
        }
        // RFC 1123 4.2.3.4: what was sent to all is not answered.
        let Some(local) = datagram.to.filter(|_| !self.is_ending) else { return };
        let refuse = |this: &mut Self, code, text: &str| {
            this.say_error(this.socket_for(datagram.from), datagram.from, local, code, text);
        };
        match packet {
            Packet::Read(read) => self.read(&read, datagram, local, now),
            Packet::Write(write) => {
                let path = Path::new(OsStr::from_bytes(write.name));
                let opening = self.handler.write_req_open(&datagram.from, path, None);
                if let Err(error) = futures_lite::future::block_on(opening) {
                    let (code, text) = code_and_text(&error);
                    refuse(self, code, text);
                }
            }
            // An ERROR is never answered.
            Packet::Error { .. } => self.reporter.counters.count(Event::Foreign),
            Packet::Acknowledgement(_) => {
                self.reporter.counters.count(Event::Foreign);
                refuse(self, error::UNKNOWN_TRANSFER, "Unknown transfer ID");
            }
            Packet::Unexpected(_) | Packet::Malformed => {
                self.reporter.counters.count(Event::Malformed);
                refuse(self, error::ILLEGAL, "Illegal TFTP operation");
            }
        }
    }

    fn read(&mut self, read: &Request<'_>, datagram: Received<'_>, local: IpAddr, now: Instant) {
        let client = datagram.from;
        let request = self.hasher.hash_one(datagram.bytes);
        if let Some(transfer) = self.transfers.get(&client) {
            if transfer.request == request && !transfer.sending.is_acknowledged() {
                // The first answer was lost.
                let first = transfer.sending.first();
                return self.send(client, first, now);
            }
            self.end(client, &Outcome::AskedAnew, now);
        }
        let machine = self.reporter.machines.by_address(client.ip());
        let source = Source { address: client.ip().to_canonical(), is_known: machine.is_some() };
        if !self.make_room(source, now) {
            return self.refuse_for_room(now);
        }
        let socket = self.socket_for(client);
        if read.mode == Mode::Other {
            self.reporter.counters.count(Event::Refused);
            return self.say_error(socket, client, local, error::ILLEGAL, "ask in mode octet");
        }
        let path = Path::new(OsStr::from_bytes(read.name));
        let opening = self.handler.read_req_open(&client, path);
        let content = match futures_lite::future::block_on(opening) {
            Ok((reader, _size)) => reader.content,
            Err(error) => {
                let (code, text) = code_and_text(&error);
                return self.say_error(socket, client, local, code, text);
            }
        };
        let content =
            if read.mode == Mode::Netascii { content.as_netascii() } else { Some(content) };
        let Some(content) = content else {
            self.reporter.counters.count(Event::Refused);
            let text = "too large for netascii: ask in mode octet";
            return self.say_error(socket, client, local, error::UNDEFINED, text);
        };

        let agreed = Options {
            block_size: read
                .options
                .block_size
                .map(|size| size.min(self.most.block_sizes.of(client.ip()))),
            window: read.options.window.map(|window| window.min(self.most.window)),
            // The size of what it would be on the client's disk is not known.
            size: read.options.size && read.mode == Mode::Octet,
            ..read.options
        };
        let block_size = agreed.block_size.unwrap_or(BLOCK_SIZE);
        let window = agreed.window.unwrap_or(1);
        let size = content.size();
        let blocks = size / u64::from(block_size) + 1;
        let oack = agreed.oack().map(|oack| oack(size)).unwrap_or_default();
        let round_trip = RoundTrip::new(agreed.timeout);
        let (sending, first) = Sending::new(blocks, window, !oack.is_empty(), round_trip, now);
        self.begun += 1;
        let id = Id(client, self.begun);
        let file = shown(path).into();
        let asked = Asked { client, machine, file, size, block_size, window, started: now };
        self.reporter.began(&asked);
        let transfer = Transfer {
            number: self.begun,
            request,
            source,
            socket,
            local,
            content,
            oack: oack.into(),
            wakes: sending.deadline(),
            sending,
            is_waiting_for_disk: false,
            ends: now + AT_LEAST + Duration::from_secs(size / SLOWEST),
            asked,
        };
        self.timers.push(Reverse((transfer.wakes, id)));
        self.transfers.insert(client, transfer);
        self.admission.begin(source);
        self.unanswered.push_back(id);
        self.send(client, first, now);
    }

    /// On the port of transfers.
    fn answer(&mut self, socket: usize, datagram: Received<'_>, now: Instant) {
        let client = datagram.from;
        let packet = Packet::parse(datagram.bytes);
        let transfer = self.transfers.get_mut(&client);
        let transfer = transfer
            .filter(|transfer| transfer.socket == socket && Some(transfer.local) == datagram.to);
        let Some(transfer) = transfer else {
            self.reporter.counters.count(Event::Foreign);
            // RFC 1350, 4: "An error packet should be sent to the source of the incorrect packet".
            if let (Some(local), Packet::Acknowledgement(_)) = (datagram.to, packet) {
                let text = "Unknown transfer ID";
                self.say_error(socket, client, local, error::UNKNOWN_TRANSFER, text);
            }
            return;
        };
        match packet {
            Packet::Acknowledgement(block) => {
                if now >= transfer.ends {
                    return self.end(client, &Outcome::TooSlow, now);
                }
                let next = transfer.sending.acknowledged(block, now);
                self.send(client, next, now);
            }
            Packet::Error { code, text } => {
                let text = String::from_utf8_lossy(text).into();
                self.end(client, &Outcome::Aborted(code, text), now);
            }
            Packet::Read(_) | Packet::Write(_) | Packet::Unexpected(_) | Packet::Malformed => {
                self.reporter.counters.count(Event::Malformed);
            }
        }
    }

    fn send(&mut self, client: SocketAddr, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Oack => self.outbox.push((client, Out::Oack)),
            Next::Blocks(blocks) => self.outbox.push((client, Out::Blocks(blocks))),
            Next::Complete => return self.end(client, &Outcome::Complete, now),
            Next::Lost => return self.end(client, &Outcome::Lost, now),
        }
        if let Some(transfer) = self.transfers.get_mut(&client) {
            let deadline = transfer.sending.deadline().min(transfer.ends);
            if deadline < transfer.wakes {
                transfer.wakes = deadline;
                self.timers.push(Reverse((deadline, Id(client, transfer.number))));
            }
        }
    }

    fn wake(&mut self, now: Instant) {
        if self.refused.is_some_and(|at| now >= at + MINUTE) {
            self.refused = None;
            (self.tell)(None);
        }
        while let Some(Reverse((at, id))) = self.timers.peek().copied().filter(|due| due.0.0 <= now)
        {
            let _ = self.timers.pop();
            let Some(transfer) = self.transfer(id).filter(|transfer| transfer.wakes == at) else {
                continue;
            };
            let Id(client, _) = id;
            if now >= transfer.ends {
                self.end(client, &Outcome::TooSlow, now);
                continue;
            }
            let is_unanswered = !transfer.sending.is_acknowledged();
            if self.is_ending && is_unanswered {
                // It asks again, and is heard by the daemon that comes next.
                self.end(client, &Outcome::Cut, now);
                continue;
            }
            let Some(transfer) = self.transfer(id) else { continue };
            let is_due = transfer.sending.deadline() <= now;
            // Its client is not to blame for a slow disk.
            let next = if is_due && !transfer.is_waiting_for_disk {
                transfer.sending.silence(now)
            } else {
                Next::Wait
            };
            let deadline = transfer.sending.deadline();
            let deadline = if deadline > now { deadline } else { now + PAUSE };
            transfer.wakes = deadline.min(transfer.ends);
            let wakes = transfer.wakes;
            self.timers.push(Reverse((wakes, id)));
            self.send(client, next, now);
        }
    }

    fn transfer(&mut self, Id(client, number): Id) -> Option<&mut Transfer> {
        self.transfers.get_mut(&client).filter(|transfer| transfer.number == number)
    }

    fn end(&mut self, client: SocketAddr, outcome: &Outcome, now: Instant) {
        if let Some(transfer) = self.transfers.remove(&client) {
            self.admission.end(transfer.source);
            self.tell_end(&transfer, outcome, now);
        }
        // Timers and the queue of the unanswered have what is over; they are not to grow by it.
        if self.timers.len() > 1024 + 4 * self.transfers.len() {
            let transfers = &self.transfers;
            self.timers.retain(|Reverse((at, Id(client, number)))| {
                let transfer = transfers.get(client);
                transfer.is_some_and(|transfer| transfer.number == *number && transfer.wakes == *at)
            });
        }
    }

    fn tell_end(&self, transfer: &Transfer, outcome: &Outcome, now: Instant) {
        let Transfer { sending, asked, .. } = transfer;
        let bytes = sending.acknowledged_blocks() * u64::from(asked.block_size);
        let progress = Progress {
            bytes: bytes.min(asked.size),
            resent_blocks: sending.resent,
            is_answered: sending.is_acknowledged(),
            took: now.duration_since(asked.started),
        };
        self.reporter.ended(asked, progress, outcome, now);
    }

    fn say_error(&mut self, socket: usize, to: SocketAddr, from: IpAddr, code: u16, text: &str) {
        self.outbox.push((to, Out::Packet(socket, from, error_packet(code, text))));
    }

    /// Each transfer has its port by chance.
    fn socket_for(&self, client: SocketAddr) -> usize {
        if self.is_single_port() {
            return REQUESTS;
        }
        let others = self.sockets.len() as u64 - 1;
        1 + usize::try_from(self.hasher.hash_one((client, self.begun)) % others).unwrap_or(0)
    }

    fn is_single_port(&self) -> bool {
        self.sockets.len() < 2
    }
}

/// While a transfer waits for the disk it is looked at so often.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until something can be read, and tells from which sockets.
async fn ready(sockets: &[UdpSocket], is_ready: &mut [bool]) {
    poll_fn(|cx| {
        for (socket, is_ready) in sockets.iter().zip(is_ready.iter_mut()) {
            *is_ready = socket.poll_recv_ready(cx).is_ready();
        }
        if is_ready.contains(&true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
