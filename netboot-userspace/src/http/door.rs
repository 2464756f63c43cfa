//! Where connections come in: a bounded number, and none that stays without asking.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::{Duration, Instant},
};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use nix::sys::resource::{Resource, getrlimit};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::log_budget::LogBudget;

const MAX_CONNECTIONS: u64 = 2048;
/// Machines behind one NAT count as one.
pub(super) const MAX_PER_SOURCE: usize = 64;
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    /// This node as the machine reached it; `None`: the connection is closed already.
    pub(super) local: Option<SocketAddr>,
}

/// Lets connections in until it is cancelled; then waits for the answers under way. Connections have
/// `patience` for the head of each request.
pub(super) async fn open(
    listener: TcpListener,
    router: Router,
    lines: LogBudget,
    patience: Duration,
    cancel: CancellationToken,
) {
    let most = most_connections();
    let mut connections = JoinSet::new();
    let mut sources: HashMap<Id, IpAddr> = HashMap::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(ended) = connections.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                sources.remove(&id);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_connection(&error) => continue,
            Err(error) => {
                warn!(%error, "http: cannot accept connections");
                // Out of file descriptors: trying at once would only spin.
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let source = peer.ip().to_canonical();
        let of_source = sources.values().filter(|&&other| other == source).count();
        if sources.len() >= most || of_source >= MAX_PER_SOURCE {
            let open = sources.len();
            if lines.admit(source, Instant::now()) {
                warn!(client = %peer, open, of_source, "http: refused: too many connections");
            } else {
                debug!(client = %peer, open, of_source, "http: refused: too many connections");
            }
            continue;
        }
        let connection = serve(stream, peer, router.clone(), patience, cancel.clone());
        let connection = connections.spawn(connection);
        sources.insert(connection.id(), source);
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: Duration,
    cancel: CancellationToken,
) {
    let socket = SockRef::from(&stream);
    let tuned =
        socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_user_timeout(Some(STALLED)));
    if let Err(error) = tuned {
        debug!(client = %peer, %error, "http: the connection cannot be tuned");
    }
    let ends = Ends { peer, local: stream.local_addr().ok() };
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(ends))));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            // GRUB knows header names in this spelling only.
            .title_case_headers(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(client = %peer, %error, "http: the connection ended");
    }
}

/// Each may have a file open too: half of the descriptors are left to TFTP and the others.
fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _hard)| soft);
    usize::try_from(MAX_CONNECTIONS.min(descriptors / 4)).unwrap_or(usize::MAX)
}

/// The client left before its turn.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
