//! Notes every request of a machine.

use std::net::SocketAddr;

use axum::{
    body::{Body, HttpBody as _},
    extract::{ConnectInfo, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use headers::{ContentLength, HeaderMapExt as _};
use netboot_ebpf::shared::Mac;
use tracing::{field::display, info};

use super::{Site, body::Counted, door::Ends, path};
use crate::machines::Step;

/// A request, for the line that is written when its answer has ended.
pub(super) struct Entry {
    method: Method,
    path: String,
    client: SocketAddr,
    machine: Option<Mac>,
    status: u16,
    /// The length that was announced.
    length: Option<u64>,
}

/// Middleware: records the request, and logs it when the answer has ended.
pub(super) async fn note(
    State(site): State<Site>,
    ConnectInfo(ends): ConnectInfo<Ends>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let machine = path::machine(&path).or_else(|| site.machines.by_address(ends.peer.ip()));
    let answer = next.run(request).await;

    let status = answer.status().as_u16();
    // Anybody can write a MAC into a path: only those of reservations are noted.
    if let Some(mac) = machine.filter(|mac| site.machines.inventory().by_mac(*mac).is_some()) {
        site.machines.record(mac, Step::Http { path: path.clone(), status });
    }
    let length = answer
        .headers()
        .typed_get::<ContentLength>()
        .map(|length| length.0)
        .or_else(|| answer.body().size_hint().exact())
        .filter(|_| method != Method::HEAD);
    let entry = Entry { method, path, client: ends.peer, machine, status, length };
    answer.map(|body| Body::new(Counted::new(body, entry)))
}

impl Entry {
    pub(super) fn write(&self, bytes: u64) {
        let Self { method, path, client, machine, status, length } = self;
        let machine = machine.map(display);
        match length {
            Some(length) if *length > bytes => {
                info!(%client, machine, %method, path, status, bytes, length, "http: cut short");
            }
            _ => info!(%client, machine, %method, path, status, bytes, "http: served"),
        }
    }
}
