//! Answers in plain text.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

/// Each line is a comment to GRUB, iPXE and pxelinux: GRUB's `source` runs the body of an error over HTTP as if it were
/// the file.
pub(super) fn text(status: StatusCode, text: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let lines = text.lines().map(|line| format!("# {line}\n"));
    (status, content_type, lines.collect::<String>()).into_response()
}
