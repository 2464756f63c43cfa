//! Streams of messages (RFC 6587), from a bounded number of senders.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use futures_lite::StreamExt;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{Id, JoinSet},
    time::timeout,
};
use tokio_util::{codec::FramedRead, sync::CancellationToken};

use super::{Sink, counters::count, framing::Framing};
use crate::throttle::Throttle;

const MAX_CONNECTIONS: usize = 512;
const MAX_PER_SOURCE: usize = 16;
/// Machines that say nothing for so long connect again.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Puts what connected senders say into the sink until cancelled.
pub async fn serve_tcp(listener: TcpListener, sink: Sink, cancel: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut sources: HashMap<Id, IpAddr> = HashMap::new();
    let (mut failures, mut refusals) = (Throttle::default(), Throttle::default());
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(ended) = connections.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                sources.remove(&id);
                continue;
            }
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
        let of_source = sources.values().filter(|&&source| source == from).count();
        if sources.len() >= MAX_CONNECTIONS || of_source >= MAX_PER_SOURCE {
            count(&sink.counters.connections_refused);
            if refusals.ready(Instant::now()) {
                tracing::warn!(address = %from, open = sources.len(), of_source, "too many syslog connections");
            }
            continue;
        }
        let connection = connections.spawn(receive(stream, from, sink.clone()));
        sources.insert(connection.id(), from);
    }
}

async fn receive(stream: TcpStream, from: IpAddr, sink: Sink) {
    let mut frames = FramedRead::new(stream, Framing::default());
    loop {
        match timeout(IDLE, frames.next()).await {
            Ok(Some(Ok(frame))) => sink.send(from, &frame).await,
            Ok(Some(Err(error))) => {
                count(&sink.counters.connections_broken);
                tracing::debug!(address = %from, %error, "syslog connection closed");
                return;
            }
            Ok(None) | Err(_) => return,
        }
    }
}
