//! YAML, as the tables that a [`Section`](crate::config::section::Section) reads.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

use crate::{
    config::{
        problem::{Place, Report},
        source::Source,
    },
    mac,
};

/// What a file has many of.
pub(super) enum Record<'t> {
    /// An object: a document, an element of a list, or of a document's `items`.
    Object(Place, DeTable<'t>),
    /// A machine in a document that is a map from MACs.
    Machine { place: Place, mac: DeString<'t>, table: DeTable<'t> },
}

/// Deeper is no inventory, and reading is recursive.
const DEEPEST: usize = 32;
/// The most values of a record. Aliases count as what they stand for: a few lines of them can stand
/// for billions.
const MOST_VALUES: usize = 100_000;

/// What could not be read was reported; it cannot be read on.
struct Stop;

/// Hands out all records of the text, which begins at a line of the source, one by one.
pub(super) fn read_records<'t>(
    source: &Source,
    (first_line, text): (usize, &'t str),
    report: &Report,
    each: &mut dyn FnMut(Record<'t>),
) {
    let parser = Parser::new_from_str(text.trim_start_matches('\u{feff}'));
    let anchors = HashMap::new();
    let mut reader = Reader { parser, source, first_line, report, anchors, values: 0 };
    // What stopped it is in the report.
    let _: Result<(), Stop> = reader.stream(each);
}

struct Reader<'t, 'r> {
    parser: Parser<'t, StrInput<'t>>,
    source: &'r Source,
    first_line: usize,
    report: &'r Report,
    /// What each anchor names, and how many values that is.
    anchors: HashMap<usize, (Option<DeValue<'t>>, usize)>,
    /// Of the record so far.
    values: usize,
}

impl<'t> Reader<'t, '_> {
    fn stream(&mut self, each: &mut dyn FnMut(Record<'t>)) -> Result<(), Stop> {
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::SequenceStart(..) => self.list(each)?,
                Event::MappingStart(..) => self.mapping(line, each)?,
                Event::Scalar(text, style, ..) if is_null(&text, style) => {}
                Event::Scalar(..) | Event::Alias(_) => {
                    self.report.error(&self.place(line), "expected an object or a list of them");
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, usize), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.first_line + span.start.line() - 1)),
            Some(Err(error)) => {
                let line = self.first_line + error.marker().line() - 1;
                Err(self.stop(line, error.info()))
            }
            None => Ok((Event::StreamEnd, self.first_line)),
        }
    }

    /// The records of a list, to its end.
    fn list(&mut self, each: &mut dyn FnMut(Record<'t>)) -> Result<(), Stop> {
        loop {
            let (event, line) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(());
            }
            self.values = 0;
            match self.value(event, line, 0)? {
                Some(DeValue::Table(table)) => each(Record::Object(self.place(line), table)),
                Some(_) => self.report.error(&self.place(line), "expected an object"),
                None => {}
            }
        }
    }

    /// A document: an object, a list of them, or machines by their MACs.
    fn mapping(&mut self, line: usize, each: &mut dyn FnMut(Record<'t>)) -> Result<(), Stop> {
        let mut object = DeTable::new();
        let mut is_list = false;
        self.values = 0;
        while let Some((key, at)) = self.key()? {
            let (event, begin) = self.next()?;
            if key == "items" && matches!(event, Event::SequenceStart(..)) {
                is_list = true;
                self.list(each)?;
                continue;
            }
            let by_mac = mac::parse(&key).is_ok();
            if by_mac {
                self.values = 0;
            }
            match self.value(event, begin, 0)? {
                Some(DeValue::Table(table)) if by_mac => {
                    each(Record::Machine { place: self.place(at), mac: key, table });
                    is_list = true;
                }
                Some(value) => self.insert(&mut object, key, at, begin, value),
                None => {}
            }
        }
        let is_kind = |key: &str| matches!(key, "apiVersion" | "kind" | "metadata");
        if !is_list || !object.keys().all(|key| is_kind(key.get_ref())) {
            each(Record::Object(self.place(line), object));
        }
        Ok(())
    }

    /// The next key of a map; `None`: the map ends.
    fn key(&mut self) -> Result<Option<(DeString<'t>, usize)>, Stop> {
        match self.next()? {
            (Event::MappingEnd, _) => Ok(None),
            (Event::Scalar(text, ..), line) => Ok(Some((text, line))),
            (_, line) => Err(self.stop(line, "a key must be a plain word")),
        }
    }

    /// `None`: it is null or empty, which is as if it were not there.
    fn value(
        &mut self,
        event: Event<'t>,
        line: usize,
        depth: usize,
    ) -> Result<Option<DeValue<'t>>, Stop> {
        let before = self.values;
        self.count(1, line)?;
        if depth > DEEPEST {
            return Err(self.stop(line, "is nested too deeply"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = (!is_null(&text, style)).then_some(DeValue::String(text));
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut array = DeArray::new();
                loop {
                    let (event, begin) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    if let Some(value) = self.value(event, begin, depth + 1)? {
                        array.push(self.spanned(begin, value));
                    }
                }
                (Some(DeValue::Array(array)), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut table = DeTable::new();
                while let Some((key, at)) = self.key()? {
                    let (event, begin) = self.next()?;
                    if let Some(value) = self.value(event, begin, depth + 1)? {
                        self.insert(&mut table, key, at, begin, value);
                    }
                }
                (Some(DeValue::Table(table)), anchor)
            }
            Event::Alias(anchor) => {
                let Some((value, values)) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.stop(line, "this alias stands for itself"));
                };
                self.count(values, line)?;
                return Ok(value);
            }
            _ => return Err(self.stop(line, "expected a value")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    fn count(&mut self, values: usize, line: usize) -> Result<(), Stop> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(self.stop(line, format!("an object has more than {MOST_VALUES} values")));
        }
        Ok(())
    }

    fn insert(
        &self,
        table: &mut DeTable<'t>,
        key: DeString<'t>,
        at: usize,
        begin: usize,
        value: DeValue<'t>,
    ) {
        if table.contains_key(&*key) {
            self.report.error(&self.place(at), format!("{key:?} is there twice"));
            return;
        }
        table.insert(self.spanned(at, key), self.spanned(begin, value));
    }

    fn spanned<T>(&self, line: usize, value: T) -> Spanned<T> {
        let at = self.source.line_start(line);
        Spanned::new(at..at, value)
    }

    fn place(&self, line: usize) -> Place {
        let at = self.source.line_start(line);
        self.source.place(&(at..at), String::new())
    }

    fn stop<'m>(&self, line: usize, message: impl Into<Cow<'m, str>>) -> Stop {
        self.report.error(&self.place(line), message.into());
        Stop
    }
}

fn is_null(text: &str, style: ScalarStyle) -> bool {
    let null = matches!(text, "~" | "null" | "Null" | "NULL");
    text.is_empty() || (null && style == ScalarStyle::Plain)
}

/// The text in at most `parts` parts, each with its first line, split where a document begins: a line
/// of `---` is never within one (YAML 1.2.2 section 9.1.2). A single list is split where an element
/// begins: what is in an element is indented.
pub(super) fn split(source: &Source, parts: usize) -> Vec<(usize, &str)> {
    let mut rest = source.text();
    let mut line = 1;
    let mut found = Vec::new();
    let mark = if is_single_list(rest) { "-" } else { "---" };
    // A directive stands before the `---` of its document.
    let directives = rest.starts_with('%') || rest.contains("\n%");
    let parts = if directives { 1 } else { parts };
    for left in (2..=parts).rev() {
        let Some(at) = line_after(rest, rest.len() / left, mark) else { break };
        let (part, after) = rest.split_at(at);
        found.push((line, part));
        line += part.matches('\n').count();
        rest = after;
    }
    found.push((line, rest));
    found
}

/// Whether the text is one document, a list whose elements stand alone: none may refer to another.
fn is_single_list(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    first.is_some_and(|line| line.starts_with("- "))
        && !text.contains('&')
        && line_after(text, text.find("\n- ").unwrap_or_default(), "---").is_none()
}

/// Where the first line begins that does so behind this place, with this mark alone or before a blank.
fn line_after(text: &str, mut at: usize, mark: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        let after = bytes.get(at..)?.strip_prefix(mark.as_bytes());
        if after.is_some_and(|after| matches!(after, [] | [b' ' | b'\t' | b'\r' | b'\n', ..])) {
            return Some(at);
        }
    }
}
