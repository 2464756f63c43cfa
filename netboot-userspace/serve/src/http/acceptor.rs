//! The acceptor of HTTP connections: a bounded number, and none that stays without asking.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Extension, Router, extract::ConnectInfo, http::StatusCode, response::Response};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Counters, count, text::text, working::Working};
use crate::{
    connections::{ConnectionLimits, Connections, Entered, FullNotice, NoPlace, Seat},
    log_budget::LogBudget,
};

/// However many files may be open.
pub const MAX_CONNECTIONS: usize = 2048;
/// Machines behind one NAT count as one.
const MAX_PER_SOURCE: usize = 64;
/// Bytes of a request before its body; what is larger gets status 431.
const MAX_HEAD: usize = 32 * 1024;
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionEnds {
    pub(super) peer: SocketAddr,
    /// This node as the machine reached it; `None`: the connection is closed already.
    pub(super) local: Option<SocketAddr>,
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) router: Router,
    pub(super) lines: LogBudget,
    pub(super) counters: Arc<Counters>,
    /// Of a connection, for the head of each request.
    pub(super) patience: Duration,
    pub(super) cancel: CancellationToken,
}

/// The limits of so many connections.
pub(super) fn limits(most: usize) -> ConnectionLimits {
    let all = most.clamp(1, MAX_CONNECTIONS);
    ConnectionLimits { all, of_source: MAX_PER_SOURCE.min(all.div_ceil(4)) }
}

impl Acceptor {
    /// Lets connections in until the acceptor is cancelled; then waits for the answers under way.
    pub(super) async fn open(
        self,
        listener: TcpListener,
        limits: ConnectionLimits,
        tell: impl Fn(Option<&str>) + Send,
    ) {
        let connections = Connections::new(limits, Arc::clone(&self.counters.connections));
        let mut full_notice = FullNotice::new(tell);
        let mut serving = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.cancel.cancelled() => break,
                Some(_ended) = serving.join_next() => continue,
                () = full_notice.is_over() => continue,
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
            let now = Instant::now();
            let entered = connections.enter(peer.ip(), now);
            if matches!(entered, Ok((_, Entered::Instead)) | Err(NoPlace::Full)) {
                full_notice.is_full(&connections, now);
            }
            match entered {
                Ok((seat, entry)) => {
                    if entry == Entered::Instead {
                        debug!(client = %peer, "http: another connection gave way");
                    }
                    let is_short = connections.is_nearly_full();
                    serving.spawn(self.clone().serve(stream, peer, seat, is_short));
                }
                Err(refusal) if self.lines.admit(peer.ip().to_canonical(), now) => {
                    warn!(client = %peer, ?refusal, "http: refused: too many connections");
                }
                Err(refusal) => {
                    debug!(client = %peer, ?refusal, "http: refused: too many connections");
                }
            }
        }
        drop(listener);
        while serving.join_next().await.is_some() {}
    }

    async fn serve(self, stream: TcpStream, peer: SocketAddr, seat: Seat, is_short: bool) {
        let socket = SockRef::from(&stream);
        let tuned =
            socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_user_timeout(Some(STALLED)));
        if let Err(error) = tuned {
            debug!(client = %peer, %error, "http: the connection cannot be tuned");
        }
        let ends = ConnectionEnds { peer, local: stream.local_addr().ok() };
        let seat = Arc::new(seat);
        let router = self.router.layer(Extension(ConnectInfo(ends)));
        let service = TowerToHyperService::new(router);
        let service = service_fn(|request: Request<Incoming>| {
            let working = Working::new(&seat);
            // What came at once was read at once, however long it is.
            let is_too_large = head_size(&request) > MAX_HEAD;
            let answer = (!is_too_large).then(|| service.call(request));
            if is_too_large {
                count(&self.counters.heads_too_large);
            }
            async move {
                let answer = match answer {
                    Some(answer) => answer.await?,
                    None => too_large(),
                };
                Ok::<_, Infallible>(working.with(answer))
            }
        });
        let patience = if is_short { self.patience / 6 } else { self.patience };
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience)
                .max_buf_size(MAX_HEAD)
                // GRUB knows header names in this spelling only.
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.gives_way() => {
                debug!(client = %peer, "http: the connection gives way to another");
                return;
            }
            () = self.cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            if error.is_parse_too_large() {
                count(&self.counters.heads_too_large);
            }
            debug!(client = %peer, %error, "http: the connection ended");
        }
    }
}

/// Of a request's line and fields, as they are on the wire.
fn head_size(request: &Request<Incoming>) -> usize {
    let line = request.method().as_str().len() + " HTTP/1.1\r\n".len() + 1;
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let fields = request.headers().iter();
    line + path + fields.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

fn too_large() -> Response {
    let why = "the request's head is too large: 32 KiB are the most";
    text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, why)
}

/// The client left before its turn.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
