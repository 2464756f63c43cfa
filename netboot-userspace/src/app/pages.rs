//! The daemon's own pages beside what machines fetch: `/readyz`, `/metrics`.
//! They tell no machine's name or log: HTTP is open to everybody.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    extract::State as Shared,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};

use super::{
    health::{Health, State},
    report::Reporter,
};
use crate::metrics;

pub(super) fn router(reporter: Arc<Reporter>) -> Router {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(reporter)
}

async fn ready(Shared(reporter): Shared<Arc<Reporter>>) -> impl IntoResponse {
    page(reporter.health())
}

async fn metrics(Shared(reporter): Shared<Arc<Reporter>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render(&reporter.status()))
}

/// `ready` and what does not work as it should, or what is down.
fn page(health: &Health) -> (StatusCode, String) {
    let (mut down, mut degraded) = (String::new(), String::new());
    for (part, state) in health.list() {
        // Writing to a string does not fail.
        let _ = match state {
            State::Up => Ok(()),
            State::Degraded(why) => writeln!(degraded, "degraded: {}: {why}", part.name),
            State::Down(why) => writeln!(down, "{}: {why}", part.name),
        };
    }
    if down.is_empty() {
        (StatusCode::OK, format!("ready\n{degraded}"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_down_is_named() {
        let health = Health::default();
        let check = |status: u16, expect: &str| {
            let (got, text) = page(&health);
            assert_eq!((got.as_u16(), text.as_str()), (status, expect));
        };
        check(200, "ready\n");
        health.up("http");
        health.degraded("configuration", "kept the old one");
        check(200, "ready\ndegraded: configuration: kept the old one\n");
        health.down("tftp", "cannot listen");
        health.down("self-check", "a difference");
        check(503, "self-check: a difference\ntftp: cannot listen\n");
    }
}
