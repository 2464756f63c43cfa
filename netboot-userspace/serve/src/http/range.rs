//! The part of a file that a request asks for (RFC 9110, 14.1-14.2).
//!
//! `headers::Range` tells no range outside of the file from one that is none, and takes neither `Bytes=` nor a suffix
//! that is longer than the file.

use std::ops::Range;

/// The part of a file that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WantedRange {
    All,
    Part(Range<u64>),
    /// The range is outside of the file.
    Nothing,
}

impl WantedRange {
    /// By the value of the header `Range`. Several ranges, other units and what is no range are
    /// answered with the whole file, as the RFC allows.
    pub(super) fn of(value: &str, size: u64) -> Self {
        let Some((first, last)) = one_range(value) else { return Self::All };
        let part = match (number(first), number(last)) {
            (Some(first), Some(last)) if first > last => return Self::All,
            (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
            (Some(first), None) if last.is_empty() => first..size,
            (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
            _ => return Self::All,
        };
        if part.is_empty() { Self::Nothing } else { Self::Part(part) }
    }
}

fn one_range(value: &str) -> Option<(&str, &str)> {
    let (unit, range) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    range.trim().split_once('-')
}

fn number(text: &str) -> Option<u64> {
    // `parse` takes a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expect: WantedRange) {
        assert_eq!(WantedRange::of(value, 10), expect, "{value}");
    }

    #[test]
    fn ranges_of_ten_bytes() {
        check("bytes=0-0", WantedRange::Part(0..1));
        check("bytes=2-4", WantedRange::Part(2..5));
        check("Bytes= 2-4 ", WantedRange::Part(2..5));
        check("bytes=7-", WantedRange::Part(7..10));
        check("bytes=-3", WantedRange::Part(7..10));
        check("bytes=-100", WantedRange::Part(0..10));
        check("bytes=8-100", WantedRange::Part(8..10));
        check("bytes=0-18446744073709551615", WantedRange::Part(0..10));

        check("bytes=10-", WantedRange::Nothing);
        check("bytes=10-12", WantedRange::Nothing);
        check("bytes=-0", WantedRange::Nothing);

        check("bytes=4-2", WantedRange::All);
        check("bytes=0-1,3-4", WantedRange::All);
        check("bytes=-", WantedRange::All);
        check("bytes=x-1", WantedRange::All);
        check("bytes=+1-2", WantedRange::All);
        check("bytes=1-2x", WantedRange::All);
        check("bytes=", WantedRange::All);
        check("lines=1-2", WantedRange::All);
        check("", WantedRange::All);
    }
}
