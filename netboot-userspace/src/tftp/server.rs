//! One server: an engine on a thread of its own.

use std::{net::UdpSocket, thread};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    Common, Sockets, WINDOW,
    engine::{Engine, Most, Tell},
    handler::BootFiles,
};
use crate::throttle::Throttle;

/// Threads that wait for the disk.
const DISK_THREADS: usize = 8;

/// Serves until it is cancelled and the last transfer has ended, or until it is cut.
///
/// # Errors
/// The socket of requests fails.
pub(super) async fn run(
    sockets: Sockets,
    common: Common,
    tell: Tell,
    cancel: CancellationToken,
    cut: CancellationToken,
) -> anyhow::Result<()> {
    let (done, ended) = oneshot::channel();
    // A thread of its own, with its own sockets to wait for: under the runtime that all share, each datagram would
    // come to it from another thread.
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(DISK_THREADS)
            .build();
        let runtime = runtime.context("TFTP's runtime")?;
        runtime.block_on(async {
            let engine = engine(common, sockets, tell)?;
            engine.run(cancel, cut).await.context("receiving")
        })
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
    common: Common,
    sockets: Sockets,
    tell: Tell,
) -> anyhow::Result<Engine<BootFiles>> {
    let to_tokio = |socket: UdpSocket| {
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    };
    let sockets = [sockets.requests].into_iter().chain(sockets.transfers).map(to_tokio);
    let sockets = sockets.collect::<Result<Vec<_>, _>>().context("the TFTP sockets")?;
    let Common { files, contents, reporter, block_sizes, transfers } = common;
    let handler =
        BootFiles { files, contents, reporter: reporter.clone(), rootless: Throttle::default() };
    let most = Most { block_sizes, window: WINDOW, transfers };
    Ok(Engine::new(handler, reporter, most, sockets, tell))
}
