//! CSV: a line for each host, under a header line that names the columns.

use std::ops::Range;

use ::csv::{Reader, ReaderBuilder, StringRecord, Trim};
use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

use super::parallel::{each, parts};
use crate::config::{
    host::{DraftHost, read_host},
    problem::{Place, Report},
    section::Section,
    source_text::SourceText,
};

/// What stands in a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Text,
    /// One text, or several between blanks or semicolons.
    Texts,
    /// Or a text, where the key takes both.
    Number,
    /// One number, or several between blanks or semicolons.
    Numbers,
    Boolean,
    /// Texts between blanks or semicolons.
    List,
    /// `DESTINATION=ROUTER` between blanks or semicolons.
    Routes,
}

/// The columns: each is a key of `[[host]]`, or of a table in it.
const COLUMNS: [(Table, &[(&str, Cell)]); 3] =
    [(Table::Host, &HOST), (Table::ScriptSettings, &SCRIPT_SETTINGS), (Table::Quirks, &QUIRKS)];
const HOST: [(&str, Cell); 19] = [
    ("mac", Cell::Texts),
    ("ip", Cell::Text),
    ("hostname", Cell::Text),
    ("netboot", Cell::Boolean),
    ("script", Cell::Text),
    ("script-url", Cell::Text),
    ("script-user-classes", Cell::List),
    ("boot-file", Cell::Text),
    ("lease-time", Cell::Text),
    ("vlan", Cell::Numbers),
    ("boot-vlan", Cell::Number),
    ("routers", Cell::List),
    ("dns", Cell::List),
    ("ntp", Cell::List),
    ("next-server", Cell::Text),
    ("domain", Cell::Text),
    ("search", Cell::List),
    ("routes", Cell::Routes),
    ("mtu", Cell::Number),
];
const SCRIPT_SETTINGS: [(&str, Cell); 9] = [
    ("download-url", Cell::Text),
    ("arch", Cell::Text),
    ("kernel", Cell::Text),
    ("initrd", Cell::Text),
    ("facility", Cell::Text),
    ("worker-id", Cell::Text),
    ("tink-worker-image", Cell::Text),
    ("consoles", Cell::List),
    ("kernel-params", Cell::List),
];
const QUIRKS: [(&str, Cell); 9] = [
    ("never-nak", Cell::Boolean),
    ("always-broadcast", Cell::Boolean),
    ("min-size", Cell::Number),
    ("delay", Cell::Text),
    ("no-option-67", Cell::Boolean),
    ("echo-pxeclient", Cell::Boolean),
    ("assume-pxe", Cell::Boolean),
    ("architecture", Cell::Number),
    ("menu", Cell::Text),
];

/// Where a column's key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Host,
    ScriptSettings,
    Quirks,
}

#[derive(Clone, Copy)]
struct Column {
    key: &'static str,
    cell: Cell,
    table: Table,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        let mut columns = COLUMNS.iter().flat_map(|(table, columns)| {
            columns.iter().map(|(key, cell)| Self { key, cell: *cell, table: *table })
        });
        columns.find(|column| column.key.eq_ignore_ascii_case(name))
    }
}

/// The file's hosts; `None`, reported: the columns are not known, or there is none of addresses, which these hosts
/// need.
pub(crate) fn read(source: &SourceText, needs_ip: bool, report: &Report) -> Option<Vec<DraftHost>> {
    let mut records = Records::new(source.text());
    let mut hosts = Vec::new();
    let Some(at) = records.next(source, report)? else { return Some(hosts) };
    let place = source.place(&(at..at), String::new());
    let columns = header(&records.record, needs_ip, &place, report)?;
    if let Some(end) = source.text().get(at..)?.find('\n')
        && is_plain(source.text())
    {
        let from = at + end + 1;
        let parts = parts(source.text().get(from..)?, |_| true);
        return read_plain(source, &columns, from, parts, report);
    }
    while let Some(at) = records.next(source, report)? {
        hosts.extend(host(source, &columns, &records.record, at, report));
    }
    Some(hosts)
}

/// Whether each line is a record, a comment or blank, wherever reading begins.
fn is_plain(text: &str) -> bool {
    !text.contains('"') && !text.contains('\u{feff}') && !has_lone_return(text.as_bytes())
}

/// The hosts of plain lines, from one on, in parts.
fn read_plain(
    source: &SourceText,
    columns: &[Column],
    from: usize,
    parts: Vec<Range<usize>>,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let text = source.text().get(from..)?;
    let keep = report.keep();
    let read = each(parts, |part| {
        let (mut hosts, report) = (Vec::new(), Report::new(keep));
        let mut records = Records::new(text.get(part.clone())?);
        while let Some(at) = records.next(source, &report)? {
            let at = from + part.start + at;
            hosts.extend(host(source, columns, &records.record, at, &report));
        }
        Some((hosts, report))
    });
    let Some(read) = read else {
        report.error(&source.whole(), "cannot be read: the reader failed");
        return None;
    };
    let mut hosts = Vec::new();
    for (found, found_report) in read {
        report.absorb(found_report);
        hosts.extend(found);
    }
    Some(hosts)
}

/// Whether a return stands alone: it ends a record, but no line.
pub(crate) fn has_lone_return(bytes: &[u8]) -> bool {
    bytes.contains(&b'\r')
        && (bytes.ends_with(b"\r")
            || bytes.windows(2).any(|pair| matches!(pair, [b'\r', other] if *other != b'\n')))
}

/// The hosts of some of the file's lines, of which the first begins a record, under the header that
/// the file's `head` has; `None`: they are wrong, or end within a record where others `follow`.
pub(crate) fn read_lines(
    head: &SourceText,
    source: &SourceText,
    follow: bool,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    /// Read as a record of its own, if all before it are complete.
    const END: &str = "end";
    let mut heading = Records::new(head.text());
    let at = heading.next(head, report)??;
    // Read before, with the settings of now.
    let columns = header(&heading.record, false, &head.place(&(at..at), String::new()), report)?;
    if !follow && is_plain(source.text()) {
        let parts = parts(source.text(), |_| true);
        return read_plain(source, &columns, 0, parts, report);
    }
    let end = source.text().len();
    let text = if follow { format!("{}{END}\n", source.text()) } else { source.text().to_owned() };
    let mut records = Records::new(&text);
    let mut hosts = Vec::new();
    while let Some(at) = records.next(source, report)? {
        if follow && at == end {
            return records.record.iter().eq([END]).then_some(hosts);
        }
        hosts.extend(host(source, &columns, &records.record, at, report));
    }
    (!follow).then_some(hosts)
}

/// The records of a text, one by one.
struct Records<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    record: StringRecord,
}

impl<'t> Records<'t> {
    fn new(text: &'t str) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        Self { text, reader, record: StringRecord::new() }
    }

    /// Reads the next; where it begins, if there is one. `None`, reported: it cannot be read.
    fn next(&mut self, source: &SourceText, report: &Report) -> Option<Option<usize>> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {
                let at = self.record.position().map_or(0, |position| position.byte());
                Some(Some(start(self.text, at)))
            }
            Ok(false) => Some(None),
            Err(error) => {
                report.error(&source.whole(), error.to_string());
                None
            }
        }
    }
}

/// The record's host; `None`: it is empty, or wrong and reported.
fn host(
    source: &SourceText,
    columns: &[Column],
    record: &StringRecord,
    at: usize,
    report: &Report,
) -> Option<DraftHost> {
    if record.iter().all(str::is_empty) {
        return None;
    }
    let place = source.place(&(at..at), String::new());
    if record.len() != columns.len() {
        let message = format!(
            "has {} cells where the header names {} columns; a cell with a comma stands in quotes",
            record.len(),
            columns.len()
        );
        report.error(&place, message);
        return None;
    }
    let table = row(columns, record, at);
    Some(read_host(Section::of(source, &table, place, report)))
}

/// Where the record begins: the reader counts the comments and blank lines before it too.
fn start(text: &str, at: u64) -> usize {
    let mut at = usize::try_from(at).unwrap_or(text.len());
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n') {
        if !line.starts_with('#') && !line.trim_end_matches(['\r', '\n']).is_empty() {
            break;
        }
        at += line.len();
    }
    at
}

fn header(
    record: &StringRecord,
    needs_ip: bool,
    place: &Place,
    report: &Report,
) -> Option<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut is_wrong = false;
    for (at, name) in (1..).zip(record) {
        match Column::named(name) {
            Some(column) if columns.iter().any(|known| known.key == column.key) => {
                report.error(place, format!("column {:?} is there twice", column.key));
                is_wrong = true;
            }
            Some(column) => columns.push(column),
            None => {
                let keys = COLUMNS.iter().flat_map(|(_, columns)| columns.iter());
                let keys = keys.map(|(key, _)| *key);
                let keys = keys.collect::<Vec<_>>().join(", ");
                let message = format!("unknown column {}; known here: {keys}", named(at, name));
                report.quoting_error(place, message, "unknown column");
                is_wrong = true;
            }
        }
    }
    let needed: &[&str] = if needs_ip { &["mac", "ip"] } else { &["mac"] };
    for &key in needed {
        if !is_wrong && !columns.iter().any(|column| column.key == key) {
            let message = format!("there is no column {key:?}; the first line names the columns");
            report.error(place, message);
            is_wrong = true;
        }
    }
    (!is_wrong).then_some(columns)
}

/// A column's name, if it can be meant as one: the file may be another than is thought, such as one of passwords.
fn named(at: usize, name: &str) -> String {
    const MOST: usize = 40;
    let plain = |c: char| c.is_alphabetic() || matches!(c, ' ' | '_' | '-');
    if name.len() <= MOST && name.chars().all(plain) {
        return format!("{name:?}");
    }
    format!("{at}, which has no plain word for its name")
}

/// The record as `[[host]]` has it, without its empty cells.
fn row<'r>(columns: &[Column], record: &'r StringRecord, at: usize) -> DeTable<'r> {
    let (mut host, mut script, mut quirks) = (DeTable::new(), DeTable::new(), DeTable::new());
    for (column, text) in columns.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        let table = match column.table {
            Table::Host => &mut host,
            Table::ScriptSettings => &mut script,
            Table::Quirks => &mut quirks,
        };
        table.insert(key(at, column.key), Spanned::new(at..at, value(column.cell, text, at)));
    }
    for (name, table) in [("script-settings", script), ("quirks", quirks)] {
        if !table.is_empty() {
            host.insert(key(at, name), Spanned::new(at..at, DeValue::Table(table)));
        }
    }
    host
}

/// What cannot be read as the column's kind stays a text: reading the host says what is wrong.
fn value(cell: Cell, text: &str, at: usize) -> DeValue<'_> {
    let string = |text| DeValue::String(DeString::Borrowed(text));
    let parts = || text.split([' ', ';', '\t']).filter(|part| !part.is_empty());
    match cell {
        Cell::Text => string(text),
        Cell::Texts if parts().nth(1).is_none() => string(text),
        Cell::Number => number(text),
        Cell::Numbers if parts().nth(1).is_some() => {
            DeValue::Array(parts().map(|part| Spanned::new(at..at, number(part))).collect())
        }
        Cell::Numbers => number(text),
        Cell::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" => DeValue::Boolean(true),
            "false" | "no" => DeValue::Boolean(false),
            _ => string(text),
        },
        Cell::Texts | Cell::List => {
            DeValue::Array(parts().map(|part| Spanned::new(at..at, string(part))).collect())
        }
        Cell::Routes => {
            let route = |part: &'_ str| {
                let mut route = DeTable::new();
                let (destination, router) = part.split_once('=').unwrap_or((part, ""));
                let string = |text: &str| DeValue::String(DeString::Owned(text.to_owned()));
                route.insert(key(at, "destination"), Spanned::new(at..at, string(destination)));
                route.insert(key(at, "router"), Spanned::new(at..at, string(router)));
                Spanned::new(at..at, DeValue::Table(route))
            };
            DeValue::Array(parts().map(route).collect::<DeArray<'_>>())
        }
    }
}

fn number(text: &str) -> DeValue<'_> {
    match DeValue::parse(text).map(Spanned::into_inner) {
        Ok(number @ DeValue::Integer(_)) => number,
        _ => DeValue::String(DeString::Borrowed(text)),
    }
}

fn key(at: usize, key: &'static str) -> Spanned<DeString<'static>> {
    Spanned::new(at..at, DeString::Borrowed(key))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::inventory::parallel::{Random, split};

    const LINES: [&str; 12] = [
        "52:54:00:00:00:01,10.0.0.1,a\n",
        "52:54:00:00:00:02,10.0.0.2,b\r\n",
        "  52:54:00:00:00:03, 10.0.0.3 ,\n",
        "52:54:00:00:00:04,10.0.0.4\n",
        "odd,10.0.0.5,c\n",
        "# a\n",
        "#\r\n",
        "\n",
        "\r\n",
        " \n",
        ",,\n",
        "\u{e4},,",
    ];

    fn read_whole(text: &str, source: &SourceText, columns: &[Column], report: &Report) -> String {
        let mut records = Records::new(text);
        let mut hosts = Vec::new();
        while let Some(at) = records.next(source, report).unwrap() {
            hosts.extend(host(source, columns, &records.record, at, report));
        }
        format!("{hosts:?}")
    }

    #[test]
    fn plain_lines_in_parts_are_as_the_whole() {
        let columns = ["mac", "ip", "hostname"].map(|name| Column::named(name).unwrap());
        let mut random = Random(1);
        for _ in 0..500 {
            let text: String = (0..random.below(12)).map(|_| random.pick(&LINES)).collect();
            assert!(is_plain(&text), "{text:?}");
            let (whole, report) = (Report::default(), Report::default());
            let source = SourceText::new(Path::new("a.csv"), text.clone().into(), &whole).unwrap();
            let parts = split(&text, 1 + random.below(4), |_| true);
            let hosts = read_plain(&source, &columns, 0, parts, &report).unwrap();
            assert_eq!(format!("{hosts:?}"), read_whole(&text, &source, &columns, &whole));
            assert_eq!(report.into_sorted(&[]), whole.into_sorted(&[]), "{text:?}");
        }
    }
}
