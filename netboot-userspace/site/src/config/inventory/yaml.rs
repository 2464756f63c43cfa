//! YAML, read into the tables that a [`Section`](crate::config::section::Section) reads.

use std::collections::HashMap;

use netboot_base::mac;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

use crate::config::{
    problem::{Place, Report},
    source_text::SourceText,
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

/// Hands out all records of the text, which begins at a line of the source, one by one. What is wrong with a record alone
/// is said to `records`.
pub(super) fn read_records<'t>(
    source: &SourceText,
    (first_line, text): (usize, &'t str),
    report: &Report,
    records: &Report,
    each: &mut dyn FnMut(Record<'t>),
) {
    let parser = Parser::new_from_str(text.trim_start_matches('\u{feff}'));
    let anchors = HashMap::new();
    let mut reader = YamlReader {
        parser,
        source,
        first_line,
        report,
        records,
        anchors,
        values: 0,
        is_wrong: false,
    };
    // What stopped it is in the report.
    let _: Result<(), Stop> = reader.stream(each);
}

struct YamlReader<'t, 'r> {
    parser: Parser<'t, StrInput<'t>>,
    source: &'r SourceText,
    first_line: usize,
    report: &'r Report,
    records: &'r Report,
    /// What each anchor names, and how many values that is.
    anchors: HashMap<usize, (Option<DeValue<'t>>, usize)>,
    /// Of the record so far.
    values: usize,
    /// The record cannot be read: it is left out.
    is_wrong: bool,
}

impl<'t> YamlReader<'t, '_> {
    fn stream(&mut self, each: &mut dyn FnMut(Record<'t>)) -> Result<(), Stop> {
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::SequenceStart(..) => self.list(each)?,
                Event::MappingStart(..) => self.mapping(line, each)?,
                Event::Scalar(text, style, ..) if is_null(&text, style) => {}
                Event::Scalar(..) | Event::Alias(_) => {
                    self.records.error(&self.place(line), "expected an object or a list of them");
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
            self.begin();
            match self.value(event, line, 0)? {
                Some(DeValue::Table(_)) if self.is_wrong => {}
                Some(DeValue::Table(table)) => each(Record::Object(self.place(line), table)),
                Some(_) => self.records.error(&self.place(line), "expected an object"),
                None => {}
            }
        }
    }

    fn begin(&mut self) {
        self.values = 0;
        self.is_wrong = false;
    }

    /// A document: an object, a list of them, or machines by their MACs.
    fn mapping(&mut self, line: usize, each: &mut dyn FnMut(Record<'t>)) -> Result<(), Stop> {
        let mut object = DeTable::new();
        let (mut is_list, mut is_wrong) = (false, false);
        self.begin();
        while let Some((key, at)) = self.key()? {
            let (event, begin) = self.next()?;
            if key == "items" && matches!(event, Event::SequenceStart(..)) {
                is_list = true;
                self.list(each)?;
                self.is_wrong = is_wrong;
                continue;
            }
            let by_mac = mac::parse(&key).is_ok();
            if by_mac {
                self.begin();
            }
            match self.value(event, begin, 0)? {
                Some(DeValue::Table(table)) if by_mac => {
                    is_list = true;
                    if !self.is_wrong {
                        each(Record::Machine { place: self.place(at), mac: key, table });
                    }
                }
                Some(value) => self.insert(&mut object, key, at, begin, value),
                None if by_mac => {
                    is_list = true;
                    if !self.is_wrong {
                        let message = "the machine has no fields: it is left out";
                        self.records.warn(&self.place(at), message);
                    }
                }
                None => {}
            }
            is_wrong |= self.is_wrong && !by_mac;
            self.is_wrong = is_wrong;
        }
        let kind = object.get("kind").and_then(|kind| kind.get_ref().as_str());
        is_list |= kind.is_some_and(|kind| kind.ends_with("List"));
        if !is_wrong && (!is_list || !object.keys().all(|key| is_of_list(key.get_ref()))) {
            each(Record::Object(self.place(line), object));
        }
        Ok(())
    }

    /// The next key of a map; `None`: the map ends.
    fn key(&mut self) -> Result<Option<(DeString<'t>, usize)>, Stop> {
        match self.next()? {
            (Event::MappingEnd, _) => Ok(None),
            (Event::Scalar(text, ..), line) => Ok(Some((text, line))),
            (event, line) => {
                self.wrong(line, "a key must be a plain word");
                self.skip(event)?;
                Ok(Some((DeString::default(), line)))
            }
        }
    }

    /// Reads over a value.
    fn skip(&mut self, mut event: Event<'t>) -> Result<(), Stop> {
        let mut depth = 0_usize;
        loop {
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
                Event::StreamEnd => return Ok(()),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            (event, _) = self.next()?;
        }
    }

    /// `None`: it is null or empty, which is as if it were not there, or the record is wrong.
    fn value(
        &mut self,
        event: Event<'t>,
        line: usize,
        depth: usize,
    ) -> Result<Option<DeValue<'t>>, Stop> {
        let before = self.values;
        self.count(1, line);
        if depth > DEEPEST {
            self.wrong(line, "is nested too deeply");
        }
        if self.is_wrong {
            self.skip(event)?;
            return Ok(None);
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
                    // Of a list nothing is lost without a word: who reads it judges an empty element.
                    let value = self.value(event, begin, depth + 1)?;
                    let value = value.unwrap_or_else(|| DeValue::String(DeString::default()));
                    array.push(self.spanned(begin, value));
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
                    self.wrong(line, "this alias stands for itself, or for what is left out");
                    return Ok(None);
                };
                self.count(values, line);
                return Ok(value.filter(|_| !self.is_wrong));
            }
            _ => return Err(self.stop(line, "expected a value")),
        };
        if anchor != 0 && !self.is_wrong {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    fn count(&mut self, values: usize, line: usize) {
        self.values += values;
        if self.values > MOST_VALUES {
            self.wrong(line, format!("an object has more than {MOST_VALUES} values"));
        }
    }

    /// What it is wrong with first is said.
    fn wrong(&mut self, line: usize, message: impl Into<String>) {
        if !self.is_wrong {
            self.records.error(&self.place(line), message);
        }
        self.is_wrong = true;
    }

    fn insert(
        &mut self,
        table: &mut DeTable<'t>,
        key: DeString<'t>,
        at: usize,
        begin: usize,
        value: DeValue<'t>,
    ) {
        if table.contains_key(&*key) {
            let message = format!("the record has {key:?} twice");
            self.records.quoting_error(&self.place(at), message, "the record has a key twice");
            self.is_wrong = true;
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

    fn stop(&self, line: usize, message: &str) -> Stop {
        self.report.error(&self.place(line), message);
        Stop
    }
}

fn is_null(text: &str, style: ScalarStyle) -> bool {
    let null = matches!(text, "~" | "null" | "Null" | "NULL");
    text.is_empty() || (null && style == ScalarStyle::Plain)
}

/// The text in about `parts` parts, each with its first line, split where a document begins: a line of
/// `---` is never within one (YAML 1.2.2 section 9.1.2). A single list is split where an element begins:
/// what is in an element is indented.
pub(super) fn split(source: &SourceText, parts: usize) -> Vec<(usize, &str)> {
    let text = source.text();
    let end = end_of_list(text);
    let mark = if end.is_some() { "-" } else { "---" };
    let (mut rest, tail) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
    let mut line = 1;
    let mut found = Vec::new();
    // A directive stands before the `---` of its document.
    let directives = text.starts_with('%') || text.contains("\n%");
    let parts = if directives { 1 } else { parts };
    for left in (2..=parts).rev() {
        let Some(at) = line_after(rest, rest.len() / left, mark) else { break };
        let (part, after) = rest.split_at(at);
        found.push((line, part));
        line += part.matches('\n').count();
        rest = after;
    }
    found.push((line, rest));
    if !tail.is_empty() {
        found.push((line + rest.matches('\n').count(), tail));
    }
    found
}

/// Where the list ends that a text of one document is, or has as its `items`, if its elements stand
/// alone: none may refer to another.
fn end_of_list(text: &str) -> Option<usize> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---")?;
    let is_list = first.starts_with("- ");
    let begin = if is_list { text.find("\n- ").unwrap_or_default() } else { begin_of_items(text)? };
    if text.contains('&') || line_after(text, begin, "---").is_some() {
        return None;
    }
    if is_list {
        return Some(text.len());
    }
    let mut end = begin;
    for line in text.get(begin..)?.split_inclusive('\n') {
        if !line.starts_with([' ', '-', '#', '\r', '\n']) {
            break;
        }
        end += line.len();
    }
    // As `kubectl` writes it: a list still, without its items.
    let mut tail = text.get(end..)?.lines();
    let is_list = |line: &str| line.starts_with("kind: ") && line.trim_end().ends_with("List");
    (end == text.len() || tail.any(is_list)).then_some(end)
}

/// The first element of `items`, in an object that has nothing else before.
fn begin_of_items(text: &str) -> Option<usize> {
    const ITEMS: &str = "\nitems:\n";
    let begin = text.find("\nitems:\n- ")? + ITEMS.len();
    let is_head = |line: &str| {
        line.starts_with([' ', '#'])
            || line.trim_end().is_empty()
            || line.split_once(':').is_some_and(|(key, _)| is_of_list(key) || key == "items")
    };
    text.get(..begin)?.lines().all(is_head).then_some(begin)
}

/// What a list of objects has beside its `items`.
fn is_of_list(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind" | "metadata")
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
