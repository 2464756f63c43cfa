//! The parts of a large file, which all cores read at once.

use std::{num::NonZero, ops::Range, thread};

/// Less is read as soon as threads are started.
const LARGE: usize = 256 << 10;

/// As many parts as there are cores, each beginning where `is_start` says so of the text from a line on; one,
/// if the text is small.
pub(super) fn parts(text: &str, is_start: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let cores = match text.len() {
        0..LARGE => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get),
    };
    split(text, cores, is_start)
}

/// In about so many equal parts.
pub(super) fn split(
    text: &str,
    count: usize,
    is_start: impl Fn(&str) -> bool,
) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    for part in 1..count {
        let mut at = (text.len() / count * part).saturating_sub(1);
        let next = loop {
            let Some(end) = text.as_bytes().get(at..).and_then(newline) else { break None };
            at += end + 1;
            if text.get(at..).is_some_and(&is_start) {
                break Some(at);
            }
        };
        starts.extend(next.filter(|next| starts.last() < Some(next)));
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

fn newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// What each of them gives, in their order; `None`: one failed.
pub(super) fn each<T: Send, P: Send>(
    parts: Vec<P>,
    read: impl Fn(P) -> Option<T> + Sync,
) -> Option<Vec<T>> {
    let read = &read;
    thread::scope(|scope| {
        let threads: Vec<_> =
            parts.into_iter().map(|part| scope.spawn(move || read(part))).collect();
        threads.into_iter().map(|thread| thread.join().ok().flatten()).collect()
    })
}

/// Numbers by xorshift.
#[cfg(test)]
pub(super) struct Random(pub(super) u64);

#[cfg(test)]
impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    pub(super) fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, count: usize, expect: &[&str]) {
        let parts = split(text, count, |rest| rest.starts_with('x'));
        assert_eq!(parts.into_iter().map(|part| &text[part]).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn parts_begin_where_they_may() {
        check("", 2, &[""]);
        check("x\nx\nx\nx\n", 1, &["x\nx\nx\nx\n"]);
        check("x\nx\nx\nx\n", 2, &["x\nx\n", "x\nx\n"]);
        check("x\n\u{e4}\u{e4}\u{e4}\u{e4}\nx\n", 3, &["x\n\u{e4}\u{e4}\u{e4}\u{e4}\n", "x\n"]);
        check("x\ny\ny\ny\ny\n", 2, &["x\ny\ny\ny\ny\n"]);
        check("y\nx", 3, &["y\n", "x"]);
    }
}
