//! The TFTP server: boot binaries for firmware.
//!
//! The interface is async-tftp's: its [`Handler`](async_tftp::server::Handler) opens the files, and could serve under
//! its own server. The engine is ours, since the library's hears no ERROR (each UEFI firmware's look at a size held a
//! transfer for seconds), answers what it does not like with silence, takes every mode for octet, sends a whole window
//! for any acknowledgement, and has a task and a descriptor for each transfer. A packet's way:
//!
//! * `batch` receives it, with the address of this node that it came to;
//! * `packet` says what it is, and `engine` whose;
//! * `sending` says what is next, as a pure function of what was heard and of the time;
//! * `content` has the bytes, in memory once for all transfers of a file;
//! * `admission` bounds what a source can have, `report` says how it ended.

mod admission;
mod batch;
mod content;
mod counters;
mod engine;
mod handler;
mod packet;
mod report;
mod round_trip;
mod sending;

use std::{
    net::{IpAddr, UdpSocket},
    thread,
};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{SockFilter, SockRef};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::{batch::prepare, counters::Counters};
use self::{
    content::Contents,
    engine::{Engine, Most, Tell},
    handler::BootFiles,
    report::Reporter,
};
use crate::{files::Files, log_budget::LogBudget, machines::Machines, throttle::Throttle};

/// What is left of an Ethernet frame of 1500 bytes after IP with options, UDP and TFTP.
pub const DEFAULT_BLOCK_SIZE: u16 = 1468;
/// Sockets that the transfers of one address share, at most.
pub const MAX_SOCKETS: usize = 16;

/// In blocks.
const WINDOW: u16 = 64;
/// Requests that arrive together: a room is switched on at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Windows that leave together.
const SEND_BUFFER: usize = 2 << 20;

/// What the servers at all addresses share; cheap to clone.
#[derive(Clone)]
pub struct Common {
    files: Files,
    machines: Machines,
    contents: Contents,
    lines: LogBudget,
    counters: Counters,
    /// At each address.
    transfers: usize,
}

/// The sockets of one server, [prepared](prepare) and then all bound to one address.
pub struct Sockets {
    pub requests: UdpSocket,
    /// Each with a port of its own; none: transfers have the port of requests, as NAT and containers may need it.
    pub transfers: Vec<UdpSocket>,
}

/// The most bytes in a block that clients get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSizes {
    pub all: u16,
    /// Of clients in these networks; the first one holds.
    pub networks: Vec<(Ipv4Net, u16)>,
}

impl BlockSizes {
    fn of(&self, client: IpAddr) -> u16 {
        let IpAddr::V4(client) = client.to_canonical() else { return self.all };
        let own = self.networks.iter().find(|(network, _)| network.contains(&client));
        own.map_or(self.all, |(_, size)| *size)
    }
}

impl Common {
    #[must_use]
    pub fn new(files: Files, machines: Machines) -> Self {
        Self {
            files,
            machines,
            contents: Contents::default(),
            lines: LogBudget::new("tftp"),
            counters: Counters::default(),
            transfers: admission::TRANSFERS,
        }
    }

    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn engine(
        self,
        sockets: Sockets,
        block_sizes: BlockSizes,
        tell: Tell,
    ) -> anyhow::Result<Engine<BootFiles>> {
        let to_tokio = |socket: UdpSocket| {
            socket.set_nonblocking(true)?;
            tokio::net::UdpSocket::from_std(socket)
        };
        let sockets = [sockets.requests].into_iter().chain(sockets.transfers).map(to_tokio);
        let sockets = sockets.collect::<Result<Vec<_>, _>>().context("the TFTP sockets")?;
        let Self { files, machines, contents, lines, counters, transfers } = self;
        let reporter = Reporter {
            machines: machines.clone(),
            lines: lines.clone(),
            counters: counters.clone(),
        };
        let handler =
            BootFiles { files, machines, contents, lines, counters, rootless: Throttle::default() };
        let most = Most { block_sizes, window: WINDOW, transfers };
        Ok(Engine::new(handler, reporter, most, sockets, tell))
    }
}

/// Serves until it is cancelled; transfers under way are finished first, or cut with the future. `tell` hears why something is amiss, or that nothing is.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    sockets: Sockets,
    common: Common,
    block_sizes: BlockSizes,
    tell: impl Fn(Option<String>) + Send + 'static,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let address = sockets.requests.local_addr().context("the TFTP socket's address")?;
    for socket in sockets.transfers.iter().chain([&sockets.requests]) {
        make_room(socket);
    }
    let is_single_port = sockets.transfers.is_empty();
    let requests = sockets.requests.try_clone().context("the TFTP socket")?;
    let (done, ended) = oneshot::channel();
    let cut = CancellationToken::new();
    let _cut_with_this_future = cut.clone().drop_guard();
    let (cancelled, tell) = (cancel.clone(), Box::new(tell));
    // A thread of its own, with its own sockets to wait for: under the runtime that all share, each datagram would
    // come to it from another thread.
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("TFTP's runtime")?;
        runtime.block_on(async {
            let engine = common.engine(sockets, block_sizes, tell)?;
            info!(%address, "tftp: serving");
            engine.run(cancelled, cut).await.context("receiving")
        })
    };
    thread::Builder::new()
        .name("tftp".into())
        .spawn(move || {
            let _nobody_waits = done.send(serve());
        })
        .context("the TFTP server's thread")?;
    tokio::pin!(ended);
    let result = tokio::select! {
        result = &mut ended => result,
        () = cancel.cancelled() => {
            if !is_single_port {
                refuse_requests(&requests);
            }
            ended.await
        }
    };
    result
        .context("the TFTP server's thread ended")?
        .with_context(|| format!("the TFTP socket {address}"))
}

/// Whoever asks from now on asks again, and is heard by the daemon that comes next.
fn refuse_requests(socket: &UdpSocket) {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    if let Err(error) = SockRef::from(socket).attach_filter(&[DROP]) {
        warn!(%error, "tftp: requests may be lost: the socket takes no filter");
    }
}

fn make_room(socket: &UdpSocket) {
    // Past the system's limit with CAP_NET_ADMIN, up to it without.
    let received = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER));
    let sent = setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::SndBuf, &SEND_BUFFER));
    if let Err(error) = received.and(sent) {
        warn!(%error, "tftp: of many requests at once some may be lost: the socket's buffers are small");
    }
}

#[cfg(test)]
mod tests;
