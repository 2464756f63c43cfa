//! The TFTP server: boot binaries for firmware.
//!
//! The interface is async-tftp's: its [`Handler`](async_tftp::server::Handler) opens the files, and could serve under
//! its own server. The engine is ours, since the library's hears no ERROR (each UEFI firmware's look at a size held a
//! transfer for seconds), answers what it does not like with silence, takes every mode for octet, sends a whole window
//! for any acknowledgement, and has a task and a descriptor for each transfer. A packet's way:
//!
//! * the kernel chooses one of the `server`s by the client, each with a thread and an `engine` of its own;
//! * `batch` receives it, with the address of this node that it came to;
//! * `packet` says what it is, and the `engine` whose;
//! * `sending` says what is next, as a pure function of what was heard and of the time;
//! * `content` has the bytes, in memory once for all transfers of a file;
//! * `admission` bounds what a source can have, `report` says how it ended.

mod admission;
mod batch;
mod content;
mod counters;
mod engine;
mod exchange;
mod handler;
mod library;
mod pace;
mod packet;
mod report;
mod round_trip;
mod sending;
mod server;
mod troubles;

use std::{
    net::{IpAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use ipnet::Ipv4Net;
use netboot_base::{files::Files, throttle::Throttle};
use netboot_machines::{channel::Teller, memory::Machines};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use socket2::{SockFilter, SockRef};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

#[doc(hidden)]
pub use self::library::serve_by_library;
pub use self::{batch::prepare, counters::Counters, exchange::exchange};
use self::{
    content::Contents, handler::BootFiles, report::TransferReporter, server::Caller,
    troubles::Troubles,
};
use crate::log_budget::LogBudget;

/// What is left of an Ethernet frame of 1500 bytes after IP with options, UDP and TFTP.
pub const DEFAULT_BLOCK_SIZE: u16 = 1468;
/// Sockets that the transfers of one server share, at most.
pub const MAX_SOCKETS: usize = 24;

/// In blocks.
const WINDOW: u16 = 64;
/// In single-port mode a successor wants the port, which others give up at once.
const HANDOVER: Duration = Duration::from_secs(1);
/// Requests that arrive together: a room is switched on at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Windows that leave together.
const SEND_BUFFER: usize = 2 << 20;

/// What the servers at all addresses share; cheap to clone.
#[derive(Clone)]
pub struct TftpCommon {
    files: Files,
    contents: Contents,
    reporter: TransferReporter,
    block_sizes: Arc<ArcSwap<BlockSizes>>,
    /// At each address.
    transfers: usize,
    cut: CancellationToken,
}

/// The sockets of one server, [prepared](prepare) and then all bound to one address. Where there are several, the kernel
/// has their sockets for requests in one group (`SO_REUSEPORT`), and each client comes to one of them.
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
        // The header is longer by twenty bytes.
        let IpAddr::V4(client) = client.to_canonical() else {
            return self.all.saturating_sub(20).max(512);
        };
        let own = self.networks.iter().find(|(network, _)| network.contains(&client));
        own.map_or(self.all, |(_, size)| *size)
    }
}

impl TftpCommon {
    #[must_use]
    pub fn new(files: Files, machines: Machines, teller: Teller, block_sizes: BlockSizes) -> Self {
        Self {
            files,
            contents: Contents::default(),
            reporter: TransferReporter {
                machines,
                teller,
                lines: LogBudget::new("tftp"),
                counters: Counters::default(),
            },
            block_sizes: Arc::new(ArcSwap::from_pointee(block_sizes)),
            transfers: admission::TRANSFERS,
            cut: CancellationToken::new(),
        }
    }

    /// Of transfers that begin from now on.
    pub fn set_block_sizes(&self, block_sizes: &BlockSizes) {
        if **self.block_sizes.load() != *block_sizes {
            self.block_sizes.store(Arc::new(block_sizes.clone()));
        }
    }

    /// Whoever cancels it has what is under way everywhere cut off, whose clients are told.
    #[must_use]
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Which opens files, for one server.
    fn handler(&self) -> BootFiles {
        BootFiles {
            files: self.files.clone(),
            contents: self.contents.clone(),
            reporter: self.reporter.clone(),
            rootless: Throttle::default(),
        }
    }

    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.reporter.counters
    }
}

/// Serves until it is cancelled; transfers under way are finished first, or cut with the future. Each of `servers` has
/// a thread of its own, and its share of what there may be. `tell` hears why something is amiss, or that nothing is.
///
/// # Errors
/// A socket fails.
pub async fn serve(
    servers: Vec<Sockets>,
    mut common: TftpCommon,
    tell: impl Fn(Option<String>) + Send + 'static,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let Some(first) = servers.first() else { return Ok(()) };
    let address = first.requests.local_addr().context("the TFTP socket's address")?;
    for server in &servers {
        server.transfers.iter().chain([&server.requests]).for_each(make_room);
        batch::tell_drops(&server.requests).context("the TFTP socket")?;
    }
    look_at_room(&first.requests);
    let is_single_port = first.transfers.is_empty();
    common.transfers /= servers.len();
    let cut = common.cut.clone();
    let troubles = Arc::new(Troubles::new(servers.len(), tell));
    let mut caller = Caller::new(cancel.clone());
    let (mut running, mut requests) = (JoinSet::new(), Vec::new());
    info!(%address, threads = servers.len(), "tftp: serving");
    for (number, sockets) in servers.into_iter().enumerate() {
        requests.push(sockets.requests.try_clone().context("the TFTP socket")?);
        let troubles = Arc::clone(&troubles);
        let tell = Box::new(move |trouble| troubles.tell(number, trouble));
        let (endings, waiting) = (caller.endings.clone(), caller.engine()?);
        running.spawn(server::run(sockets, common.clone(), tell, endings, waiting));
    }
    let mut result = Ok(());
    tokio::select! {
        biased;
        () = cancel.cancelled() => {
            caller.wake();
            if is_single_port {
                let all = async { while running.join_next().await.is_some() {} };
                let _in_time = timeout(HANDOVER, all).await;
                caller.cut();
            } else {
                requests.iter().for_each(refuse_requests);
            }
        }
        Some(ended) = running.join_next() => {
            // One that fails takes the others with it: all are started again.
            result = flatten(ended);
            caller.cut();
        }
    }
    loop {
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            () = cut.cancelled(), if !caller.is_cut() => {
                caller.cut();
                continue;
            }
        };
        let Some(ended) = ended else { break };
        result = result.and(flatten(ended));
    }
    result.with_context(|| format!("the TFTP socket {address}"))
}

fn flatten(ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended.context("a TFTP server's task ended")?
}

/// Whoever asks from now on asks again, and is heard by the daemon that comes next.
fn refuse_requests(socket: &UdpSocket) {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    if let Err(error) = SockRef::from(socket).attach_filter(&[DROP]) {
        warn!(%error, "tftp: requests may be lost: the socket takes no filter");
    }
}

/// Past the system's limit with CAP_NET_ADMIN, up to it without.
fn make_room(socket: &UdpSocket) {
    let _ = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER));
    let _ = setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::SndBuf, &SEND_BUFFER));
}

/// The kernel takes a size that is over its limit, and gives less.
fn look_at_room(requests: &UdpSocket) {
    let room = getsockopt(requests, sockopt::RcvBuf).unwrap_or(0);
    if room < RECEIVE_BUFFER {
        warn!(
            bytes = room,
            "tftp: of many requests at once some may be lost: raise net.core.rmem_max to {RECEIVE_BUFFER}"
        );
    }
}

#[cfg(test)]
mod tests;
