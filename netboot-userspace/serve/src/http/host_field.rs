//! The field Host of requests.

use axum::{
    extract::Request,
    http::{StatusCode, Version, header},
    middleware::Next,
    response::Response,
};

use super::text::text;

/// Middleware: refuses what has no Host, but in HTTP/1.0, and what has several (RFC 9112 section 3.2). EDK2, iPXE, GRUB,
/// lpxelinux and U-Boot with lwIP send one; U-Boot's own wget sends none, and speaks HTTP/1.0.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let is_valid = match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        1 => true,
        _ => false,
    };
    if is_valid {
        next.run(request).await
    } else {
        text(StatusCode::BAD_REQUEST, "a request of HTTP/1.1 has one field Host: send it once")
    }
}
