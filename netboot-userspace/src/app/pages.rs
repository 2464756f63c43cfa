//! The daemon's own pages beside what machines fetch: `/readyz`, `/metrics`.
//! They tell no machine's name or log: HTTP is open to everybody.

use std::sync::Arc;

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};

use super::report::Reporter;
use crate::metrics;

pub(super) fn router(reporter: Arc<Reporter>) -> Router {
    Router::new()
        .route("/readyz", get("ready\n"))
        .route("/metrics", get(metrics))
        .with_state(reporter)
}

async fn metrics(State(reporter): State<Arc<Reporter>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render(&reporter.status()))
}
