//! An HTTP client, as firmware and iPXE are one: GET and HEAD, and redirections.

use std::{io, net::SocketAddrV4, time::Instant};

use anyhow::{Context as _, bail};
use url::Url;

use super::{
    tftp::{Got, Want},
    transport::Transport,
};

/// Room for the header of an answer.
const HEADER: usize = 64 << 10;
const MOST_HEADERS: usize = 64;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HttpAnswer {
    Got(Got),
    /// To this place.
    Moved(String),
}

/// Asks for a URL at its server's address.
///
/// # Errors
/// The server cannot be reached, does not answer in time, or has no such file.
pub(super) fn fetch(
    network: &mut dyn Transport,
    to: SocketAddrV4,
    url: &Url,
    want: Want,
    limit: usize,
    until: Instant,
) -> anyhow::Result<HttpAnswer> {
    let request = request(url, want);
    let answer = network.exchange(to, request.as_bytes(), HEADER + limit, until);
    let answer = answer.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => anyhow::anyhow!("no answer from TCP {to} in time"),
        io::ErrorKind::ConnectionRefused => anyhow::anyhow!("TCP {to} refuses connections"),
        _ => anyhow::Error::new(error).context(format!("TCP {to}")),
    })?;
    read(&answer, want, limit)
}

/// In the old form: the server ends the connection behind its answer, and sends no chunks.
fn request(url: &Url, want: Want) -> String {
    let method = match want {
        Want::All => "GET",
        Want::Length => "HEAD",
    };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{method} {}{query} HTTP/1.0\r\nHost: {host}{port}\r\nUser-Agent: netboot-probe/{}\r\nConnection: close\r\n\r\n",
        url.path(),
        env!("CARGO_PKG_VERSION"),
    )
}

pub(super) fn read(answer: &[u8], want: Want, limit: usize) -> anyhow::Result<HttpAnswer> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(answer).context("the answer is no HTTP")?;
    let httparse::Status::Complete(length) = parsed else { bail!("the answer is cut off") };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let said: Option<u64> = header("content-length").and_then(|length| length.parse().ok());
    match response.code {
        Some(200) => {}
        Some(301 | 302 | 303 | 307 | 308) => {
            let place =
                header("location").context("it has moved, and the server says not where")?;
            return Ok(HttpAnswer::Moved(place.to_owned()));
        }
        Some(code) => bail!("the server says: {code} {}", response.reason.unwrap_or_default()),
        None => bail!("the answer is no HTTP"),
    }
    let bytes = answer.get(length..).unwrap_or_default().to_vec();
    if want == Want::Length {
        return Ok(HttpAnswer::Got(Got { bytes: Vec::new(), length: said }));
    }
    let is_whole = said.is_none_or(|said| said == bytes.len() as u64);
    if !is_whole && bytes.len() < limit {
        bail!("{} bytes of {} came", bytes.len(), said.unwrap_or_default());
    }
    let length = said.unwrap_or(bytes.len() as u64);
    Ok(HttpAnswer::Got(Got { bytes, length: Some(length) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, want: Want, expect: Result<(&str, Option<u64>), &str>) {
        let got = read(answer.as_bytes(), want, 100).map_err(|error| error.to_string());
        let expect = match expect {
            Ok((place, None)) => Ok(HttpAnswer::Moved(place.to_owned())),
            Ok((text, length)) => {
                Ok(HttpAnswer::Got(Got { bytes: text.as_bytes().to_vec(), length }))
            }
            Err(error) => Err(error.to_owned()),
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn answers_are_read() {
        check("HTTP/1.0 200 OK\r\n\r\n#!ipxe", Want::All, Ok(("#!ipxe", Some(6))));
        check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Want::Length, Ok(("", Some(9))));
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        check(cut, Want::All, Err("3 bytes of 9 came"));
        check("HTTP/1.1 404 Not Found\r\n\r\n", Want::All, Err("the server says: 404 Not Found"));
        check("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", Want::All, Ok(("/b", None)));
        let nowhere = "it has moved, and the server says not where";
        check("HTTP/1.1 302 Found\r\n\r\n", Want::All, Err(nowhere));
        check("HTTP/1.1 200", Want::All, Err("the answer is cut off"));
        check("", Want::All, Err("the answer is cut off"));
        check("SSH-2.0\r\n", Want::All, Err("the answer is no HTTP"));
    }

    #[test]
    fn the_request_names_the_host() {
        let url = Url::parse("http://192.168.2.112:8080/a%20b?c=d").unwrap();
        let text = request(&url, Want::Length);
        assert!(
            text.starts_with("HEAD /a%20b?c=d HTTP/1.0\r\nHost: 192.168.2.112:8080\r\n"),
            "{text}"
        );
    }
}
