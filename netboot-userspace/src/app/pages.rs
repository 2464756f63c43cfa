//! The daemon's own pages beside what machines fetch: `/readyz`, `/metrics`, `/api/v1/status`.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};

use super::report::Reporter;
use crate::{metrics, status::Status};

pub(super) fn router(reporter: Arc<Reporter>) -> Router {
    Router::new()
        .route("/readyz", get("ready\n"))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .with_state(reporter)
}

async fn status(State(reporter): State<Arc<Reporter>>) -> Json<Status> {
    Json(reporter.status())
}

async fn metrics(State(reporter): State<Arc<Reporter>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render(&reporter.status()))
}
