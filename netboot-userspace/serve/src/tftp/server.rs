//! One server: an engine on a thread of its own.

use std::{io, net::UdpSocket, sync::Arc, thread};

use anyhow::Context as _;
use mio::{Poll, Waker};
use tokio::{
    runtime::{self, Handle},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Sockets, TftpCommon, WINDOW,
    engine::{Endings, Engine, Most, Reads, TroubleListener, WAKER},
    handler::BootFiles,
};

/// Threads that wait for the disk.
const DISK_THREADS: usize = 8;

/// What an engine waits with, and is woken by.
pub(super) struct EngineWaiting {
    poll: Poll,
    waker: Arc<Waker>,
}

/// Tells all engines of one address that they end; when it is dropped, they are cut.
pub(super) struct Caller {
    pub(super) endings: Endings,
    wakers: Vec<Arc<Waker>>,
}

impl EngineWaiting {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self { poll, waker })
    }
}

impl Caller {
    pub(super) fn new(cancel: CancellationToken) -> Self {
        let endings = Endings { cancel, cut: CancellationToken::new() };
        Self { endings, wakers: Vec::new() }
    }

    /// For one more engine.
    ///
    /// # Errors
    /// The kernel has no more descriptors.
    pub(super) fn engine(&mut self) -> anyhow::Result<EngineWaiting> {
        let waiting = EngineWaiting::new().context("TFTP cannot wait for its sockets")?;
        self.wakers.push(Arc::clone(&waiting.waker));
        Ok(waiting)
    }

    /// The servers were cancelled.
    pub(super) fn wake(&self) {
        for waker in &self.wakers {
            if let Err(error) = waker.wake() {
                warn!(%error, "tftp: it is not told that it ends");
            }
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.endings.cut.is_cancelled()
    }

    pub(super) fn cut(&self) {
        self.endings.cut.cancel();
        self.wake();
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Serves until it is cancelled and the last transfer has ended, or until it is cut, as it is at some time.
///
/// # Errors
/// The socket of requests fails.
pub(super) async fn run(
    sockets: Sockets,
    common: TftpCommon,
    tell: TroubleListener,
    endings: Endings,
    EngineWaiting { poll, waker }: EngineWaiting,
) -> anyhow::Result<()> {
    let (done, ended) = oneshot::channel();
    // A thread of its own, which waits for its own sockets only: the runtime that all share would have each datagram
    // come to it from another thread.
    let serve = move || {
        // For what waits for the disk.
        let runtime =
            runtime::Builder::new_current_thread().max_blocking_threads(DISK_THREADS).build();
        let runtime = runtime.context("TFTP's runtime")?;
        let served = {
            let _entered = runtime.enter();
            let reads = Reads::new(Handle::current(), waker);
            let engine = engine(common, sockets, reads, tell)?;
            engine.run(poll, &endings).context("receiving")
        };
        // A disk may hang.
        runtime.shutdown_background();
        served
    };
    thread::Builder::new()
        .name("tftp".into())
        .spawn(move || {
            let _nobody_waits = done.send(serve());
        })
        .context("the TFTP server's thread")?;
    ended.await.context("the TFTP server's thread ended")?
}

pub(super) fn engine(
    common: TftpCommon,
    sockets: Sockets,
    reads: Reads,
    tell: TroubleListener,
) -> anyhow::Result<Engine<BootFiles>> {
    let not_to_wait = |socket: UdpSocket| socket.set_nonblocking(true).map(|()| socket);
    let sockets = [sockets.requests].into_iter().chain(sockets.transfers).map(not_to_wait);
    let sockets = sockets.collect::<Result<Vec<_>, _>>().context("the TFTP sockets")?;
    let handler = common.handler();
    let TftpCommon { reporter, block_sizes, transfers, .. } = common;
    let most = Most { block_sizes, window: WINDOW, transfers };
    Ok(Engine::new(handler, reporter, most, sockets, reads, tell))
}
