//! Streams of messages (RFC 6587), from a bounded number of senders.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_lite::StreamExt;
use netboot_base::throttle::Throttle;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::{codec::FramedRead, sync::CancellationToken};

use super::{Sink, counters::count, framing::Framing};
use crate::connections::{ConnectionLimits, Connections, Entered, FullNotice, NoPlace, Seat};

/// However many files may be open.
pub const MAX_CONNECTIONS: usize = 512;
const MAX_PER_SOURCE: usize = 16;
/// Machines that say nothing for so long connect again.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Puts what so many connected senders say into the sink until cancelled. `tell` hears why it does not serve as it
/// should; `None`: it does again.
pub async fn serve_tcp(
    listener: TcpListener,
    sink: Sink,
    most_connections: usize,
    tell: impl Fn(Option<&str>) + Send,
    cancel: CancellationToken,
) {
    let connections =
        Connections::new(limits(most_connections), Arc::clone(&sink.counters.connections));
    let mut full_notice = FullNotice::new(tell);
    let mut receiving = JoinSet::new();
    let (mut failures, mut refusals) = (Throttle::default(), Throttle::default());
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_ended) = receiving.join_next() => continue,
            () = full_notice.is_over() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(error) => {
                if failures.ready(Instant::now()) {
                    tracing::warn!(%error, "cannot accept syslog connections");
                }
                // Out of file descriptors: trying at once would only spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let now = Instant::now();
        let entered = connections.enter(from, now);
        if matches!(entered, Ok((_, Entered::Instead)) | Err(NoPlace::Full)) {
            full_notice.is_full(&connections, now);
        }
        match entered {
            Ok((seat, _)) => _ = receiving.spawn(receive(stream, from, sink.clone(), seat)),
            Err(refusal) if refusals.ready(now) => {
                tracing::warn!(address = %from, ?refusal, "too many syslog connections");
            }
            Err(_) => {}
        }
    }
}

fn limits(most: usize) -> ConnectionLimits {
    let all = most.clamp(1, MAX_CONNECTIONS);
    ConnectionLimits { all, of_source: MAX_PER_SOURCE.min(all.div_ceil(4)) }
}

async fn receive(stream: TcpStream, from: IpAddr, sink: Sink, seat: Seat) {
    let mut frames = FramedRead::new(stream, Framing::default());
    loop {
        let next = tokio::select! {
            next = timeout(IDLE, frames.next()) => next,
            // This sender has said nothing for longer than all others: a line that is on its way is lost.
            () = seat.gives_way() => return,
        };
        match next {
            Ok(Some(Ok(frame))) => {
                seat.works();
                sink.send(from, &frame).await;
                seat.waits();
            }
            Ok(Some(Err(error))) => {
                count(&sink.counters.connections_broken);
                tracing::debug!(address = %from, %error, "syslog connection closed");
                return;
            }
            Ok(None) | Err(_) => return,
        }
    }
}
