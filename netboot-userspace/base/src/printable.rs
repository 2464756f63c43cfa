//! Text from the network, made safe for a log line and a terminal.

use std::fmt::Write;

/// What a text that was cut ends with.
const CUT: &str = "...";

/// The text with everything escaped that could forge a line or drive a terminal: control characters,
/// bytes that are not UTF-8, and characters that break or reorder a line. At most `limit` bytes.
///
/// A second call changes nothing: backslashes stay as they are.
#[must_use]
pub fn printable(text: &[u8], limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if !push(&mut out, limit, |out| character_into(out, character)) {
                return out;
            }
        }
        for byte in chunk.invalid() {
            if !push(&mut out, limit, |out| write!(out, "\\x{byte:02x}")) {
                return out;
            }
        }
    }
    out
}

/// `false`: the character did not fit, the text is cut.
fn push(
    out: &mut String,
    limit: usize,
    piece: impl FnOnce(&mut String) -> std::fmt::Result,
) -> bool {
    let before = out.len();
    // Writing to a String cannot fail.
    let _ = piece(out);
    if out.len() <= limit {
        return true;
    }
    let mut end = before.min(limit.saturating_sub(CUT.len()));
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out.push_str(CUT.get(..limit.min(CUT.len())).unwrap_or_default());
    false
}

fn character_into(out: &mut String, character: char) -> std::fmt::Result {
    match character {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\0'..='\x1f' | '\x7f' => write!(out, "\\x{:02x}", character as u32),
        // C1 controls (9b is a CSI), line separators, and the marks that reorder or hide text.
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{61c}'
        | '\u{feff}' => write!(out, "\\u{{{:x}}}", character as u32),
        _ => out.write_char(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expect: &str) {
        assert_eq!(printable(input, 32), expect, "{input:?}");
        assert_eq!(printable(expect.as_bytes(), 32), expect, "twice: {input:?}");
    }

    #[test]
    fn escapes_what_forges_lines_or_drives_terminals() {
        check(b"plain text", "plain text");
        check("grüße ✓".as_bytes(), "grüße ✓");
        check(b"a\nb\r\tc\0", "a\\nb\\r\\tc\\x00");
        check(b"\x1b[31mred\x07\x7f", "\\x1b[31mred\\x07\\x7f");
        check(b"bad \xff\xc3(", "bad \\xff\\xc3(");
        check("\u{9b}2J".as_bytes(), "\\u{9b}2J");
        check("\u{202e}txt\u{2028}".as_bytes(), "\\u{202e}txt\\u{2028}");
        check(b"C:\\new", "C:\\new");
    }

    #[test]
    fn cuts_at_the_limit_between_characters() {
        check(&[b'a'; 32], &"a".repeat(32));
        check(&[b'a'; 33], &format!("{}...", "a".repeat(29)));
        check("ä".repeat(17).as_bytes(), &format!("{}...", "ä".repeat(14)));
        check(&[0; 9], &format!("{}...", "\\x00".repeat(8).get(..29).unwrap_or_default()));
        for limit in 0..8 {
            assert!(printable("äöü\0ß".as_bytes(), limit).len() <= limit, "{limit}");
        }
    }
}
