//! A configuration while it is written, and what it could not say.

use std::{collections::BTreeMap, fmt::Write as _};

/// Columns of a comment's text.
const WIDTH: usize = 100;

pub(super) struct Page {
    /// What begins a comment.
    mark: &'static str,
    indent: usize,
    text: String,
    notes: Vec<String>,
    /// What is true of several hosts, and of which.
    of_hosts: BTreeMap<String, Vec<String>>,
}

impl Page {
    pub(super) fn new(mark: &'static str) -> Self {
        Self { mark, indent: 0, text: String::new(), notes: Vec::new(), of_hosts: BTreeMap::new() }
    }

    pub(super) fn line(&mut self, line: &str) {
        if !line.is_empty() {
            let indent = 2 * self.indent;
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{:indent$}{line}", "");
        }
        self.text.push('\n');
    }

    /// What follows is deeper.
    pub(super) fn open(&mut self, line: &str) {
        self.line(line);
        self.indent += 1;
    }

    /// The end of what was opened.
    pub(super) fn close(&mut self, line: &str) {
        self.leave();
        self.line(line);
    }

    /// The same, where the next line both ends it and opens another.
    pub(super) fn leave(&mut self) {
        self.indent = self.indent.saturating_sub(1);
    }

    pub(super) fn comment(&mut self, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace().flat_map(pieces) {
            if !line.is_empty() && line.len() + word.len() >= WIDTH {
                self.line(&format!("{} {line}", self.mark));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        self.line(&format!("{} {line}", self.mark));
    }

    /// What the server cannot do: here and among the notes.
    pub(super) fn note(&mut self, text: &str) {
        self.comment(&format!("NOTE: {text}"));
        self.notes.push(text.to_owned());
    }

    /// The same of a host.
    pub(super) fn host_note(&mut self, host: &str, text: &str) {
        let comment = self.remember(host, text);
        self.comment(&comment);
    }

    /// The same, where the comment is written later.
    pub(super) fn remember(&mut self, host: &str, text: &str) -> String {
        self.of_hosts.entry(text.to_owned()).or_default().push(host.to_owned());
        format!("NOTE: {text}")
    }

    /// The text, and the notes.
    pub(super) fn finish(self) -> (String, Vec<String>) {
        let Self { text, mut notes, of_hosts, .. } = self;
        notes.extend(of_hosts.into_iter().map(|(note, hosts)| format!("{}: {note}", list(&hosts))));
        (text, notes)
    }
}

/// A word in pieces that fit a line: what servers read as one line is limited.
fn pieces(word: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = word.chars().collect();
    let pieces: Vec<String> = letters.chunks(WIDTH).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}

/// The first ones by name.
fn list(hosts: &[String]) -> String {
    const NAMED: usize = 3;
    let named = hosts.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match hosts.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_folded() {
        let mut page = Page::new("#");
        page.open("a {");
        page.note(&format!("{}\nport=0 {}", "x".repeat(250), "word ".repeat(30)));
        page.close("}");
        let (text, notes) = page.finish();
        let inner = text.strip_prefix("a {\n").unwrap().strip_suffix("}\n").unwrap();
        for line in inner.lines() {
            assert!(line.starts_with("  # ") && line.len() < 110, "{line}");
        }
        assert_eq!(notes.len(), 1);
    }
}
