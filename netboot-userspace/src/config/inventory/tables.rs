//! TOML: a table for each host.

use std::ops::Range;

use super::parts::{each, parts};
use crate::config::{
    host::{DraftHost, read_hosts},
    problem::Report,
    section::Section,
    source::Source,
};

const HOST: &str = "[[host]]";

/// The hosts of TOML that has nothing else, of which the first has this number in the file; `None`,
/// reported: it is not TOML.
pub(crate) fn read(source: &Source, first: usize, report: &Report) -> Option<Vec<DraftHost>> {
    let parts = parts(source.text(), |rest| rest.starts_with(HOST));
    let read = match parts.len() {
        0..=1 => None,
        _ => read_parts(source, &parts, first),
    };
    let Some(read) = read else { return read_whole(source, first, report) };
    let mut hosts = Vec::new();
    for (found, warnings) in read {
        report.absorb(warnings);
        hosts.extend(found);
    }
    Some(hosts)
}

fn read_whole(source: &Source, first: usize, report: &Report) -> Option<Vec<DraftHost>> {
    let table = source.parse(report)?;
    let mut file = Section::root(source, &table, report);
    let hosts = read_hosts(&mut file, first);
    file.finish();
    Some(hosts)
}

/// The hosts of parts that begin with one, but for the first; `None`: something is wrong, or a part does not
/// stand for itself, as where it begins within a string.
fn read_parts(
    source: &Source,
    parts: &[Range<usize>],
    mut first: usize,
) -> Option<Vec<(Vec<DraftHost>, Report)>> {
    let numbered = parts.iter().map(|part| {
        let is_host = |line: &&str| line.starts_with(HOST);
        let count = source.text().get(part.clone())?.lines().filter(is_host).count();
        let number = first;
        first += count;
        Some((part.clone(), number, count))
    });
    let numbered = numbered.collect::<Option<_>>()?;
    each(numbered, |(part, first, count)| {
        let report = Report::default();
        let hosts = read_whole(&source.part_of(part)?, first, &report)?;
        (hosts.len() == count && !report.has_errors()).then_some((hosts, report))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Whether it can be read in two parts; then it is the same as of a whole.
    #[track_caller]
    fn check(text: &str, expect: bool) {
        let source = Source::new(Path::new("a.toml"), text.into(), &Report::default()).unwrap();
        let at = text.find(B).unwrap();
        let parts = [0..at, at..text.len()];
        let whole = Report::default();
        let hosts = read_whole(&source, 7, &whole);
        let read = read_parts(&source, &parts, 7);
        assert_eq!(read.is_some(), expect, "{text}");
        let Some(read) = read else { return };
        let (parts, reports): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        assert_eq!(format!("{parts:?}"), format!("{:?}", hosts.unwrap()));
        let all = Report::default();
        reports.into_iter().for_each(|report| all.absorb(report));
        assert_eq!(all.into_sorted(&[]), whole.into_sorted(&[]));
    }

    const A: &str = "[[host]]\nmac = \"02:00:00:00:00:01\"\nip = \"10.0.0.1\"\n";
    const B: &str = "[[host]]\nmac = \"02:00:00:00:00:02\"\nip = \"10.0.0.2\"\n";

    #[test]
    fn parts_are_as_the_whole() {
        check(&format!("{A}{B}"), true);
        check(&format!("# a\n{A}\n# b\n{B}[host.quirks]\nnever-nak = true\n"), true);
        // A warning.
        check(&format!("{A}lease-time = \"30s\"\n{B}lease-time = \"30s\"\n"), true);
        check(&format!("{A}script = '''#!ipxe\n{B}'''\n"), false);
        check(&format!("{A}dns = [\n{B}"), false);
        check(&format!("host = []\n{A}{B}"), false);
        check(&format!("{A}{B}odd = 1\n"), false);
        check(&format!("{A}[host]\n{B}"), false);
        check(
            &format!("{A}{B}[[\"host\"]]\nmac = \"02:00:00:00:00:03\"\nip = \"10.0.0.3\"\n"),
            false,
        );
    }
}
