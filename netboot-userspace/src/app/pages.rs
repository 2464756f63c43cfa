//! The daemon's own pages beside what machines fetch: `/readyz`, `/metrics`.
//! HTTP is open to everybody: they name parts of the daemon, and no machine, file or value.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    extract::State as Shared,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use netboot_base::shared_text::SharedText;
use netboot_machines::metrics;
use netboot_serve::health::{DaemonPart, Health, PartState, Trouble};

use super::report::Reporter;

/// Where to read why.
const MORE: &str = "`netboot status` on this node says why\n";

#[derive(Clone)]
struct Pages {
    reporter: Arc<Reporter>,
    metrics: SharedText,
}

pub(super) fn router(reporter: Arc<Reporter>) -> Router {
    let pages = Pages { reporter, metrics: SharedText::default() };
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(pages)
}

async fn ready(Shared(pages): Shared<Pages>) -> impl IntoResponse {
    page(pages.reporter.health())
}

async fn metrics(Shared(pages): Shared<Pages>) -> impl IntoResponse {
    let text = pages.metrics.get(|| pages.reporter.metrics().into_bytes());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
}

/// `ready` and what does not work as it should, or what is down. Its lines are for monitors, and no comments as those of
/// other errors are: nothing that boots is sent here, so no loader runs them.
fn page(health: &Health) -> (StatusCode, String) {
    let (mut down, mut degraded) = (String::new(), String::new());
    for (part, state) in health.list() {
        match state {
            PartState::Up => {}
            PartState::Degraded(trouble) => line(&mut degraded, "degraded: ", &part, &trouble),
            PartState::Down(trouble) => line(&mut down, "", &part, &trouble),
        }
    }
    if !down.is_empty() {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{down}{MORE}"))
    } else if degraded.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::OK, format!("ready\n{degraded}{MORE}"))
    }
}

fn line(page: &mut String, state: &str, part: &DaemonPart, trouble: &Trouble) {
    let name = &part.name;
    // Writing to a string does not fail.
    let _ = match trouble.count() {
        0 | 1 => writeln!(page, "{state}{name}"),
        count => writeln!(page, "{state}{name}: {count} problems"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_and_nothing_else() {
        let health = Health::default();
        let check = |status: u16, expect: &str| {
            let (got, text) = page(&health);
            assert_eq!((got.as_u16(), text.as_str()), (status, expect));
        };
        check(200, "ready\n");
        health.up("http");
        let secret = "kept the old one: /etc/shadow:1: \"hunter2\"";
        health.degraded("configuration", secret);
        check(200, "ready\ndegraded: configuration\n`netboot status` on this node says why\n");
        health.degraded("configuration", Trouble::of(20_000, secret.repeat(20_000)));
        check(
            200,
            "ready\ndegraded: configuration: 20000 problems\n\
             `netboot status` on this node says why\n",
        );
        health.down("tftp", "cannot listen");
        health.down("self-check", "02:00:00:00:00:01 is not answered");
        check(503, "self-check\ntftp\n`netboot status` on this node says why\n");
    }
}
