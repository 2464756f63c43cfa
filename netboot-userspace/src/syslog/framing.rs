//! Messages in a TCP stream: `MSG-LEN SP MSG` or lines, told apart by the stream's first byte (RFC 6587).

use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

use super::parse::MAX_MESSAGE;

/// One byte more than is kept, which tells that a message was longer.
const MAX_FRAME: usize = MAX_MESSAGE + 1;
const MAX_LENGTH_DIGITS: usize = 7;

#[derive(Default)]
pub(super) struct Framing {
    method: Method,
    skip: Skip,
}

#[derive(Clone, Copy, Default)]
enum Method {
    #[default]
    Unknown,
    Counted,
    Lines,
}

/// The rest of a message that was too long.
#[derive(Clone, Copy, Default)]
enum Skip {
    #[default]
    Nothing,
    Bytes(usize),
    Line,
}

impl Decoder for Framing {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        if !self.skipped(buffer) {
            return Ok(None);
        }
        match (self.method, buffer.first()) {
            (_, None) => Ok(None),
            (Method::Unknown, Some(b'1'..=b'9')) => {
                self.method = Method::Counted;
                self.counted(buffer)
            }
            (Method::Counted, _) => self.counted(buffer),
            (Method::Unknown | Method::Lines, _) => {
                self.method = Method::Lines;
                Ok(self.line(buffer))
            }
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        if let Some(frame) = self.decode(buffer)? {
            return Ok(Some(frame));
        }
        if buffer.is_empty() {
            return Ok(None);
        }
        if matches!(self.method, Method::Counted) {
            let Some((header, _)) = length(buffer)? else {
                return Err(broken("the stream ends in a length"));
            };
            buffer.advance(header);
        }
        Ok(Some(buffer.split()))
    }
}

impl Framing {
    /// Whether all that was to be skipped is.
    fn skipped(&mut self, buffer: &mut BytesMut) -> bool {
        match self.skip {
            Skip::Nothing => return true,
            Skip::Bytes(bytes) => {
                let now = bytes.min(buffer.len());
                buffer.advance(now);
                self.skip = Skip::Bytes(bytes - now);
                if now < bytes {
                    return false;
                }
            }
            Skip::Line => {
                let Some(end) = buffer.iter().position(|&byte| byte == b'\n') else {
                    buffer.clear();
                    return false;
                };
                buffer.advance(end + 1);
            }
        }
        self.skip = Skip::Nothing;
        true
    }

    fn counted(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        // Some senders end a counted message with a line end that they do not count.
        let line_ends = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        buffer.advance(line_ends);
        let Some((header, length)) = length(buffer)? else { return Ok(None) };
        let kept = length.min(MAX_FRAME);
        if buffer.len() < header + kept {
            return Ok(None);
        }
        buffer.advance(header);
        self.skip = Skip::Bytes(length - kept);
        Ok(Some(buffer.split_to(kept)))
    }

    fn line(&mut self, buffer: &mut BytesMut) -> Option<BytesMut> {
        if let Some(end) = buffer.iter().take(MAX_FRAME).position(|&byte| byte == b'\n') {
            let line = buffer.split_to(end);
            buffer.advance(1);
            return Some(line);
        }
        if buffer.len() < MAX_FRAME {
            return None;
        }
        self.skip = Skip::Line;
        Some(buffer.split_to(MAX_FRAME))
    }
}

/// MSG-LEN with its space, and its value; `None`: not all of it is here yet.
fn length(buffer: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let digits = buffer.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_LENGTH_DIGITS {
        return Err(broken("a message's length has too many digits"));
    }
    match buffer.get(digits) {
        None => Ok(None),
        Some(b' ') => {
            let length =
                buffer.get(..digits).and_then(|text| str::from_utf8(text).ok()?.parse().ok());
            length
                .map(|length| Some((digits + 1, length)))
                .ok_or_else(|| broken("a length is missing"))
        }
        Some(_) => Err(broken("a length is not followed by a space")),
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one piece and byte by byte.
    fn check(stream: &[u8], expect: &[&str]) {
        for step in [stream.len().max(1), 1] {
            let mut framing = Framing::default();
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            let mut take = |frame: io::Result<Option<BytesMut>>| match frame {
                Ok(Some(frame)) => {
                    got.push(String::from_utf8(frame.to_vec()).unwrap());
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    got.push(format!("error: {error}"));
                    false
                }
            };
            for piece in stream.chunks(step) {
                buffer.extend_from_slice(piece);
                while take(framing.decode(&mut buffer)) {}
            }
            while take(framing.decode_eof(&mut buffer)) {}
            got.dedup_by(|next, last| next == last && last.starts_with("error: "));
            let show = stream.get(..60).unwrap_or(stream).escape_ascii();
            assert_eq!(got, expect, "{show}, {step} bytes at once");
        }
    }

    #[test]
    fn lines() {
        check(b"", &[]);
        check(b"<6>a: b\n<6>c: d\r\n\n<6>last", &["<6>a: b", "<6>c: d\r", "", "<6>last"]);
        let (long, kept) = (b"x".repeat(20_000), "x".repeat(MAX_FRAME));
        check(&[&long, b"\n<6>next\n".as_slice()].concat(), &[&kept, "<6>next"]);
        check(&b"x".repeat(MAX_FRAME - 1), &[&kept[1..]]);
    }

    #[test]
    fn counted() {
        check(b"7 <6>a: b8 <6>c: d\n", &["<6>a: b", "<6>c: d\n"]);
        check(b"7 <6>a: b\n7 <6>c: d\n", &["<6>a: b", "<6>c: d"]);
        check(b"5 a\nb\nc3 end", &["a\nb\nc", "end"]);
        let (long, kept) = (b"x".repeat(20_000), "x".repeat(MAX_FRAME));
        check(&[b"20000 ".as_slice(), &long, b"3 end"].concat(), &[&kept, "end"]);
        check(b"9 partial", &["partial"]);
        check(b"3 endx", &["end", "error: a length is not followed by a space"]);
        check(b"3 end x", &["end", "error: a length is missing"]);
        check(b"3 end12", &["end", "error: the stream ends in a length"]);
        check(b"99999999999 x", &["error: a message's length has too many digits"]);
    }
}
