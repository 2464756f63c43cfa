//! Notes of every request: an event of its machine, and a line.

use std::{net::SocketAddr, time::Instant};

use axum::{
    body::{Body, HttpBody as _},
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use headers::{ContentLength, HeaderMapExt as _};
use netboot_base::printable::printable;
use netboot_ebpf::shared::Mac;
use netboot_machines::event::{Event, HttpEvent, MachineText};
use tracing::{debug, field::display, info, warn};

use super::{HttpSite, acceptor::ConnectionEnds, counted_body::CountedBody, path};
use crate::log_budget::LogBudget;

/// Bytes of a path that are logged: a request has up to 32 KiB.
const MAX_PATH: usize = 256;

/// A request, for the line that is written when its answer has ended.
pub(super) struct LogEntry {
    method: Method,
    path: String,
    client: SocketAddr,
    machine: Option<Mac>,
    status: u16,
    /// The length that was announced.
    length: Option<u64>,
    trouble: Option<AnswerTrouble>,
    /// The loader that asked for what is not there, and goes on without it.
    tried: Option<&'static str>,
    lines: LogBudget,
}

/// Why an answer is not what was asked for; goes with the answer.
#[derive(Clone, Debug)]
pub(super) enum AnswerTrouble {
    NothingToBoot(String),
    Failed(String),
}

impl AnswerTrouble {
    pub(super) fn text(&self) -> &str {
        let (Self::NothingToBoot(text) | Self::Failed(text)) = self;
        text
    }
}

/// Middleware: records the request, and logs it when the answer has ended.
pub(super) async fn note(
    State((site, lines)): State<(HttpSite, LogBudget)>,
    ConnectInfo(ends): ConnectInfo<ConnectionEnds>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().path();
    let machine = path::machine(path).or_else(|| site.machines.by_address(ends.peer.ip()));
    let (told, path) = (MachineText::of(path), printable(path.as_bytes(), MAX_PATH));
    let tried = path::tried(request.uri().path());
    let answer = next.run(request).await;

    let status = answer.status().as_u16();
    let tried = tried.filter(|_| answer.status() == StatusCode::NOT_FOUND);
    // Anybody can write a MAC into a path: only those of reservations are noted.
    let known = machine.filter(|mac| site.machines.inventory().by_mac(*mac).is_some());
    if let Some(mac) = known.filter(|_| tried.is_none()) {
        site.teller.tell(Event::now(mac, HttpEvent { path: told, status }));
    }
    let length = answer
        .headers()
        .typed_get::<ContentLength>()
        .map(|length| length.0)
        .or_else(|| answer.body().size_hint().exact())
        .filter(|_| method != Method::HEAD);
    let trouble = answer.extensions().get::<AnswerTrouble>().cloned();
    let client = ends.peer;
    let entry = LogEntry { method, path, client, machine, status, length, trouble, tried, lines };
    answer.map(|body| Body::new(CountedBody::new(body, move |bytes| entry.write(bytes))))
}

impl LogEntry {
    pub(super) fn write(&self, bytes: u64) {
        let Self { method, path, client, machine, status, length, trouble, tried, lines } = self;
        let machine = machine.map(display);
        if let Some(loader) = tried {
            debug!(%client, machine, %method, path, loader, "http: not there, and not needed");
            return;
        }
        if !lines.admit(client.ip().to_canonical(), Instant::now()) {
            let trouble = trouble.as_ref().map(AnswerTrouble::text);
            debug!(%client, machine, %method, path, status, bytes, length, trouble, "http: served");
            return;
        }
        match (trouble, length) {
            (Some(AnswerTrouble::Failed(error)), _) => {
                warn!(%client, machine, %method, path, status, error, "http: failed");
            }
            (Some(AnswerTrouble::NothingToBoot(reason)), _) => {
                info!(%client, machine, %method, path, reason, "http: nothing to boot");
            }
            (None, Some(length)) if *length > bytes => {
                info!(%client, machine, %method, path, status, bytes, length, "http: cut short");
            }
            (None, _) => info!(%client, machine, %method, path, status, bytes, "http: served"),
        }
    }
}
