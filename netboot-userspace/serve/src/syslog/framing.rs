//! Messages in a TCP stream: `MSG-LEN SP MSG` or lines (RFC 6587), each told by how it begins, since what a forwarder
//! passes on may change from one message to the next.

use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

use super::parse::MAX_MESSAGE;

/// One byte more than is kept, which tells that a message was longer.
const MAX_FRAME: usize = MAX_MESSAGE + 1;
const MAX_LENGTH_DIGITS: usize = 7;
/// `<6>`
const SHORTEST: usize = 3;

/// Yields empty lines too.
#[derive(Default)]
pub(super) struct Framing {
    last: LastMessage,
}

/// What of the last message may still be there.
#[derive(Clone, Copy, Default)]
enum LastMessage {
    #[default]
    Nothing,
    /// So many bytes of a counted one, then line ends that some senders do not count.
    Counted(usize),
    /// A line that was too long, to its end.
    Line,
}

/// How a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// More bytes will tell.
    Unknown,
    Counted {
        /// Bytes of MSG-LEN and its space.
        header: usize,
        length: usize,
    },
    Line,
}

impl Decoder for Framing {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        if !self.is_skipped(buffer) {
            return Ok(None);
        }
        Ok(match begin(buffer) {
            Begin::Unknown => None,
            Begin::Counted { header, length } => self.counted(buffer, header, length),
            Begin::Line => self.line(buffer),
        })
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        if let Some(frame) = self.decode(buffer)? {
            return Ok(Some(frame));
        }
        if let Begin::Counted { header, .. } = begin(buffer) {
            buffer.advance(header);
        }
        Ok((!buffer.is_empty()).then(|| buffer.split()))
    }
}

impl Framing {
    /// Whether nothing of the last message is left.
    fn is_skipped(&mut self, buffer: &mut BytesMut) -> bool {
        match self.last {
            LastMessage::Nothing => return true,
            LastMessage::Counted(bytes) => {
                let now = bytes.min(buffer.len());
                buffer.advance(now);
                self.last = LastMessage::Counted(bytes - now);
                let ends = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0));
                buffer.advance(ends.count());
                if buffer.is_empty() {
                    return false;
                }
            }
            LastMessage::Line => {
                let Some(end) = buffer.iter().position(|&byte| is_line_end(byte)) else {
                    buffer.clear();
                    return false;
                };
                buffer.advance(end + 1);
            }
        }
        self.last = LastMessage::Nothing;
        true
    }

    fn counted(&mut self, buffer: &mut BytesMut, header: usize, length: usize) -> Option<BytesMut> {
        let kept = length.min(MAX_FRAME);
        if buffer.len() < header + kept {
            return None;
        }
        buffer.advance(header);
        self.last = LastMessage::Counted(length - kept);
        Some(buffer.split_to(kept))
    }

    fn line(&mut self, buffer: &mut BytesMut) -> Option<BytesMut> {
        if let Some(end) = buffer.iter().take(MAX_FRAME).position(|&byte| is_line_end(byte)) {
            let line = buffer.split_to(end);
            buffer.advance(1);
            return Some(line);
        }
        if buffer.len() < MAX_FRAME {
            return None;
        }
        self.last = LastMessage::Line;
        Some(buffer.split_to(MAX_FRAME))
    }
}

/// RFC 6587 section 3.4.2: LF, and NUL of some senders.
fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | 0)
}

/// A line may begin with a number too: it is a length only before the PRI that each counted message has.
fn begin(buffer: &[u8]) -> Begin {
    let digits = buffer.iter().take(MAX_LENGTH_DIGITS + 1);
    let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let Some((digits, rest)) = buffer.split_at_checked(digits) else { return Begin::Line };
    if digits.len() > MAX_LENGTH_DIGITS || digits.starts_with(b"0") {
        return Begin::Line;
    }
    let length = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match (length, rest) {
        (_, []) | (Some(_), [b' '] | [b' ', b'<']) => Begin::Unknown,
        (Some(length), [b' ', b'<', b'0'..=b'9', ..]) if length >= SHORTEST => {
            Begin::Counted { header: digits.len() + 1, length }
        }
        _ => Begin::Line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one piece and byte by byte.
    fn check(stream: &[u8], expect: &[&str]) {
        for step in [stream.len().max(1), 1] {
            let mut framing = Framing::default();
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            let mut take = |frame: io::Result<Option<BytesMut>>| {
                let frame = frame.unwrap().map(|frame| String::from_utf8(frame.to_vec()).unwrap());
                let is_frame = frame.is_some();
                got.extend(frame);
                is_frame
            };
            for piece in stream.chunks(step) {
                buffer.extend_from_slice(piece);
                while take(framing.decode(&mut buffer)) {}
            }
            while take(framing.decode_eof(&mut buffer)) {}
            let show = stream.get(..60).unwrap_or(stream).escape_ascii();
            assert_eq!(got, expect, "{show}, {step} bytes at once");
        }
    }

    #[test]
    fn lines() {
        check(b"", &[]);
        check(b"<6>a: b\n<6>c: d\r\n\n<6>last", &["<6>a: b", "<6>c: d\r", "", "<6>last"]);
        check(b"<13>one\0<13>two\0", &["<13>one", "<13>two"]);
        check(b"<13>one\0<13>two\n<13>three\0last", &["<13>one", "<13>two", "<13>three", "last"]);
        check(b"\0\n\0", &["", "", ""]);
        let (long, kept) = (b"x".repeat(20_000), "x".repeat(MAX_FRAME));
        for end in [&b"\n"[..], b"\0"] {
            check(&[&*long, end, b"<6>next\n"].concat(), &[&kept, "<6>next"]);
            check(&[&*long, end, b"7 <6>next"].concat(), &[&kept, "<6>next"]);
        }
        check(&b"x".repeat(MAX_FRAME - 1), &[&kept[1..]]);
    }

    #[test]
    fn counted() {
        check(b"7 <6>a: b8 <6>c: d\n", &["<6>a: b", "<6>c: d\n"]);
        for ends in [&b"\n"[..], b"\r\n", b"\0", b"\n\0", b"\n\n"] {
            check(&[b"7 <6>a: b", ends, b"7 <6>c: d", ends].concat(), &["<6>a: b", "<6>c: d"]);
        }
        check(b"8 <6>a\nb\0c6 <6>end", &["<6>a\nb\0c", "<6>end"]);
        check(b"3 <6>4 <13>", &["<6>", "<13>"]);
        let (long, kept) = (b"x".repeat(19_997), format!("<6>{}", "x".repeat(MAX_FRAME - 3)));
        check(&[b"20000 <6>", &*long, b"\n6 <6>end"].concat(), &[&kept, "<6>end"]);
        check(b"9999999 <6>partial", &["<6>partial"]);
    }

    #[test]
    fn each_message_is_framed_as_it_begins() {
        check(b"<13>line\n6 <6>endline", &["<13>line", "<6>end", "line"]);
        check(b"<13>line\x006 <6>end\n6 <6>end", &["<13>line", "<6>end", "<6>end"]);
        check(b"6 <6>end<13>line\n<13>line\n", &["<6>end", "<13>line", "<13>line"]);
        check(b"6 <6>end\n<13>line\n6 <6>end", &["<6>end", "<13>line", "<6>end"]);
        check(b"6 <6>endx", &["<6>end", "x"]);
        check(b"6 <6>end x\n", &["<6>end", " x"]);
        check(b"6 <6>end12", &["<6>end", "12"]);
    }

    #[test]
    fn a_line_may_begin_with_a_number() {
        for line in [
            "1",
            "3 ",
            "3 <",
            "3 end",
            "3 errors",
            "5 <b>",
            "2 <6>a: b",
            "0 <6>a: b",
            "07 <6>a: b",
            "7<6>a: b",
            "7  <6>a: b",
            "2026-01-01 <6>a: b",
            "12345678 <6>a: b",
            "99999999999999999999999 <6>a: b",
            " 7 <6>a: b",
        ] {
            check(line.as_bytes(), &[line]);
            check(format!("{line}\n7 <6>c: d{line}\0").as_bytes(), &[line, "<6>c: d", line]);
        }
    }

    /// What waits for its end is bounded, however a message begins and whatever length it tells.
    #[test]
    fn memory_is_bounded() {
        for begin in ["", "<6>", "9999999 <6>", "8193 <6>", "1", "1234567 ", "7 <6>a: b\n"] {
            for byte in [b'x', b'1', b' ', b'\n', 0] {
                let (mut framing, mut most) = (Framing::default(), 0);
                let mut buffer = BytesMut::from(begin);
                for _ in 0..100 {
                    buffer.extend_from_slice(&[byte; 1000]);
                    while framing.decode(&mut buffer).unwrap().is_some() {}
                    most = most.max(buffer.len());
                }
                assert!(most <= MAX_LENGTH_DIGITS + 1 + MAX_FRAME, "{begin:?}, {byte}: {most}");
            }
        }
    }
}
