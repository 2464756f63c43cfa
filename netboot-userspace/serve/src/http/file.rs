//! Answers with a file (RFC 9110): ranges and conditions.

use std::{
    collections::BTreeSet,
    io::SeekFrom,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use headers::{AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt as _, LastModified};
use netboot_base::files::{Error, Files, Opened};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{
    conditions::{ConditionJudgement, RequestConditions},
    log::AnswerTrouble,
    media_type,
    range::WantedRange,
    text::text,
};

/// Each download has two of these.
const CHUNK: usize = 64 * 1024;
/// HTTP dates have four digits for the year.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// The first of the names that exists.
pub(super) async fn answer(
    files: Files,
    names: Vec<Vec<u8>>,
    request: &Parts,
    uefi_files: &BTreeSet<PathBuf>,
) -> Response {
    let opened = tokio::task::spawn_blocking(move || {
        let opened = open(&files, &names)?;
        let begin = begin(&opened)?;
        Ok((opened, begin))
    });
    match opened.await {
        Ok(Ok((opened, begin))) => {
            let is_for_uefi = uefi_files.contains(&opened.path);
            let media_type = media_type::of(&opened.path, begin, is_for_uefi);
            send(opened, media_type, request).await
        }
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

/// The first two bytes, or zeros.
fn begin(opened: &Opened) -> Result<[u8; 2], Error> {
    let mut begin = [0; 2];
    match opened.file.read_at(&mut begin, 0) {
        Ok(_) => Ok(begin),
        Err(source) => Err(Error::Io { path: opened.path.clone(), source }),
    }
}

async fn send(opened: Opened, media_type: &'static str, request: &Parts) -> Response {
    let Opened { file, path, size, modified } = opened;
    let modified = modified.filter(|time| has_http_date(*time));
    let tag = modified.and_then(|time| tag(size, time));

    let mut answer = HeaderMap::new();
    answer.typed_insert(AcceptRanges::bytes());
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(modified) = modified {
        answer.typed_insert(LastModified::from(modified));
    }
    if let Some(tag) = &tag {
        answer.typed_insert(tag.clone());
    }

    let fields = &request.headers;
    let now = SystemTime::now();
    let conditions = RequestConditions { request: fields, tag: tag.as_ref(), modified, now };
    match conditions.judge() {
        ConditionJudgement::Send => {}
        ConditionJudgement::NotModified => {
            answer.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, answer).into_response();
        }
        ConditionJudgement::Failed => {
            return text(StatusCode::PRECONDITION_FAILED, "the file is another one here");
        }
    }
    let range = fields.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Of other methods it means nothing (RFC 9110 section 14.2).
    let range = range.filter(|_| request.method == Method::GET && conditions.allow_range());
    let (status, range) = match range.map_or(WantedRange::All, |range| WantedRange::of(range, size))
    {
        WantedRange::All => (StatusCode::OK, 0..size),
        WantedRange::Part(range) => {
            if let Ok(content_range) = ContentRange::bytes(range.clone(), size) {
                answer.typed_insert(content_range);
            }
            (StatusCode::PARTIAL_CONTENT, range)
        }
        WantedRange::Nothing => {
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

fn refuse(error: &Error) -> Response {
    match error {
        Error::NotFound(_) => text(StatusCode::NOT_FOUND, "there is no such file"),
        Error::Denied(why) => text(StatusCode::FORBIDDEN, why),
        Error::Io { .. } => failed(StatusCode::INTERNAL_SERVER_ERROR, error),
        // The file may come back.
        Error::Root { .. } | Error::Empty { .. } => failed(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn failed(status: StatusCode, error: &Error) -> Response {
    // The error names the node's paths.
    let answer = text(status, "the file cannot be read: the server's log says why");
    (Extension(AnswerTrouble::Failed(error.to_string())), answer).into_response()
}
