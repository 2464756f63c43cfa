//! The text of a source file, and its lines.

use std::{ops::Range, path::Path, sync::Arc};

use toml::{Spanned, de::DeTable};

use super::problem::{Place, Report};

/// The text of a file.
pub(crate) struct SourceText {
    path: Arc<Path>,
    text: String,
    /// Where each line begins; none: values stand in no line.
    lines: Vec<usize>,
    /// The number of lines before the text, where it is a part of the file.
    before: usize,
}

impl SourceText {
    /// Of the file's bytes; `None`, reported: they are not text.
    pub(crate) fn new(path: &Path, bytes: Vec<u8>, report: &Report) -> Option<Self> {
        Self::part(path.into(), bytes, 0, report)
    }

    /// Of some of the file's lines, after so many others.
    pub(crate) fn part(
        path: Arc<Path>,
        bytes: Vec<u8>,
        before: usize,
        report: &Report,
    ) -> Option<Self> {
        let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        let mut source = Self { path, text: String::new(), lines, before };
        match String::from_utf8(bytes) {
            Ok(text) => source.text = text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                report.error(&source.place(&(at..at), String::new()), "is not UTF-8 text");
                return None;
            }
        }
        Some(source)
    }

    /// Of values that stand in no line of a file.
    pub(crate) fn without_lines(path: &Arc<Path>) -> Self {
        Self { path: Arc::clone(path), text: String::new(), lines: Vec::new(), before: 0 }
    }

    /// A part of the text that begins a line.
    pub(crate) fn part_of(&self, part: Range<usize>) -> Option<Self> {
        let first = self.lines.partition_point(|start| *start < part.start);
        let lines = self.lines.iter().skip(first).take_while(|start| **start <= part.end);
        Some(Self {
            path: Arc::clone(&self.path),
            text: self.text.get(part.clone())?.to_owned(),
            lines: lines.map(|start| start - part.start).collect(),
            before: self.before + first,
        })
    }

    /// The file's tables; `None`, reported: it is not TOML.
    pub(crate) fn parse(&self, report: &Report) -> Option<DeTable<'_>> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return Some(table.into_inner());
        }
        let mut last = None;
        for error in errors {
            let place = self.place(&error.span().unwrap_or_default(), String::new());
            // What follows an error on its line is mostly its consequence.
            if place.line != last {
                report.error(&place, error.message());
            }
            last = place.line;
        }
        None
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where a line of the file begins, counted from 1.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines.get(line.saturating_sub(self.before + 1)).copied().unwrap_or(self.text.len())
    }

    /// The file as a whole.
    pub(crate) fn whole(&self) -> Place {
        Place { file: Arc::clone(&self.path), line: None, field: String::new() }
    }

    pub(crate) fn place(&self, span: &Range<usize>, field: String) -> Place {
        let line = || self.before + self.lines.partition_point(|start| *start <= span.start);
        let line = (!self.lines.is_empty()).then(line);
        Place { file: Arc::clone(&self.path), line, field }
    }

    pub(crate) fn place_of<T>(&self, value: &Spanned<T>, field: String) -> Place {
        self.place(&value.span(), field)
    }
}
