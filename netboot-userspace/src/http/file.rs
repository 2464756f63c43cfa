//! A file as an HTTP answer (RFC 9110): ranges and conditions.

use std::{
    io::SeekFrom,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension,
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use headers::{AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt as _, LastModified};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{
    conditions::{Conditions, Judgement},
    log::Trouble,
    range::Wanted,
};
use crate::files::{Error, Files, Opened};

/// Each download has two of these.
const CHUNK: usize = 64 * 1024;
/// HTTP dates have four digits for the year.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// The first of the names that exists.
pub(super) async fn answer(files: Files, names: Vec<Vec<u8>>, request: &HeaderMap) -> Response {
    let opened = tokio::task::spawn_blocking(move || open(&files, &names)).await;
    match opened {
        Ok(Ok(opened)) => send(opened, request).await,
        Ok(Err(error)) => refuse(&error),
        Err(_shutting_down) => text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"),
    }
}

fn open(files: &Files, names: &[Vec<u8>]) -> Result<Opened, Error> {
    let mut result = files.open(&[]);
    for name in names {
        result = files.open(name);
        if !matches!(result, Err(Error::NotFound(_))) {
            break;
        }
    }
    result
}

async fn send(opened: Opened, request: &HeaderMap) -> Response {
    let Opened { file, path, size, modified } = opened;
    let modified = modified.filter(|time| has_http_date(*time));
    let tag = modified.and_then(|time| tag(size, time));

    let mut answer = HeaderMap::new();
    answer.typed_insert(AcceptRanges::bytes());
    answer.insert(header::CONTENT_TYPE, content_type(&path));
    if let Some(modified) = modified {
        answer.typed_insert(LastModified::from(modified));
    }
    if let Some(tag) = &tag {
        answer.typed_insert(tag.clone());
    }

    let conditions = Conditions { request, tag: tag.as_ref(), modified, now: SystemTime::now() };
    match conditions.judge() {
        Judgement::Send => {}
        Judgement::NotModified => {
            answer.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, answer).into_response();
        }
        Judgement::Failed => {
            return text(StatusCode::PRECONDITION_FAILED, "the file is another one here");
        }
    }
    let range = request.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.filter(|_| conditions.allow_range());
    let (status, range) = match range.map_or(Wanted::All, |range| Wanted::of(range, size)) {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(range) => {
            if let Ok(content_range) = ContentRange::bytes(range.clone(), size) {
                answer.typed_insert(content_range);
            }
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Wanted::Nothing => {
            let mut refusal = text(
                StatusCode::RANGE_NOT_SATISFIABLE,
                &format!("the file has {size} bytes, none of them in that range"),
            );
            refusal.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size));
            return refusal;
        }
    };

    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(CHUNK);
    if let Err(error) = file.seek(SeekFrom::Start(range.start)).await {
        return refuse(&Error::Io { path, source: error });
    }
    let length = range.end - range.start;
    answer.typed_insert(ContentLength(length));
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK));
    (status, answer, body).into_response()
}

fn tag(size: u64, modified: SystemTime) -> Option<ETag> {
    let nanoseconds = modified.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    format!("\"{size:x}-{nanoseconds:x}\"").parse().ok()
}

fn has_http_date(time: SystemTime) -> bool {
    time.duration_since(UNIX_EPOCH).is_ok_and(|since| since < YEAR_10000)
}

fn content_type(path: &Path) -> HeaderValue {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    HeaderValue::from_static(match extension.to_ascii_lowercase().as_str() {
        "efi" => "application/efi",
        "ipxe" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

fn refuse(error: &Error) -> Response {
    match error {
        Error::NotFound(_) => text(StatusCode::NOT_FOUND, "there is no such file"),
        Error::Denied(why) => text(StatusCode::FORBIDDEN, why),
        Error::Io { .. } => failed(StatusCode::INTERNAL_SERVER_ERROR, error),
        // It may come back.
        Error::Root { .. } | Error::Empty { .. } => failed(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn failed(status: StatusCode, error: &Error) -> Response {
    // The error names the node's paths.
    let answer = text(status, "the file cannot be read: the server's log says why");
    (Extension(Trouble::Failed(error.to_string())), answer).into_response()
}

fn text(status: StatusCode, text: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, content_type, format!("{text}\n")).into_response()
}
