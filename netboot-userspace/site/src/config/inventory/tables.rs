//! TOML inventories: a table for each host.

use std::ops::Range;

use super::parallel::{each, parts};
use crate::config::{
    host::{DraftHost, read_hosts},
    problem::{Keep, Report},
    section::Section,
    source_text::SourceText,
};

const HOST: &str = "[[host]]";

/// The hosts of TOML that has nothing else, of which the first has this number in the file; `None`,
/// reported: it is not TOML.
pub(crate) fn read(source: &SourceText, first: usize, report: &Report) -> Option<Vec<DraftHost>> {
    let parts = parts(source.text(), |rest| rest.starts_with(HOST));
    let read = match parts.len() {
        0..=1 => None,
        _ => read_parts(source, &parts, first, report.keep()),
    };
    let Some(read) = read else { return read_whole(source, first, report) };
    let mut hosts = Vec::new();
    for (found, warnings) in read {
        report.absorb(warnings);
        hosts.extend(found);
    }
    Some(hosts)
}

fn read_whole(source: &SourceText, first: usize, report: &Report) -> Option<Vec<DraftHost>> {
    let table = source.parse(report)?;
    let mut file = Section::root(source, &table, report);
    let hosts = read_hosts(&mut file, first);
    file.finish();
    Some(hosts)
}

/// The hosts of parts that begin with one, but for the first; `None`: something is wrong, or a part does not
/// stand for itself, as where it begins within a string.
fn read_parts(
    source: &SourceText,
    parts: &[Range<usize>],
    mut first: usize,
    keep: Keep,
) -> Option<Vec<(Vec<DraftHost>, Report)>> {
    let numbered = parts.iter().map(|part| {
        let is_host = |line: &&str| line.starts_with(HOST);
        let count = source.text().get(part.clone())?.lines().filter(is_host).count();
        let number = first;
        first += count;
        // `host = []` would go with none of them.
        (count > 0).then(|| (part.clone(), number, count))
    });
    let numbered = numbered.collect::<Option<_>>()?;
    each(numbered, |(part, first, count)| {
        let report = Report::new(keep);
        let hosts = read_whole(&source.part_of(part)?, first, &report)?;
        (hosts.len() == count && !report.has_errors()).then_some((hosts, report))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::inventory::parallel::{Random, split};

    /// Whether the text can be read in these parts; then the hosts are those of the whole.
    #[track_caller]
    fn is_same(text: &str, parts: &[Range<usize>]) -> bool {
        let (whole, all) = (Report::default(), Report::default());
        let source = SourceText::new(Path::new("a.toml"), text.into(), &whole).unwrap();
        let Some(read) = read_parts(&source, parts, 7, Keep::All) else { return false };
        let mut hosts = Vec::new();
        for (found, report) in read {
            hosts.extend(found);
            all.absorb(report);
        }
        let expect = read_whole(&source, 7, &whole).expect(text);
        assert_eq!(format!("{hosts:?}"), format!("{expect:?}"), "{text}");
        assert_eq!(all.into_sorted(&[]), whole.into_sorted(&[]), "{text}");
        true
    }

    #[track_caller]
    fn check(text: &str, expect: bool) {
        let at = text.find(B).unwrap();
        assert_eq!(is_same(text, &[0..at, at..text.len()]), expect, "{text}");
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

    const LINES: [&str; 18] = [
        "[[host]]\n",
        " [[host]]\n",
        "[[host]] # a\n",
        "[host]\n",
        "[host.quirks]\nnever-nak = true\n",
        "[[host.options]]\ncode = 66\ntext = \"x\"\n",
        "[[subnet]]\n",
        "lease-time = \"30s\"\n",
        "netboot = false\n",
        "host = []\n",
        "host = [\n",
        "dns = [\n",
        "]\n",
        "\"\"\"\n",
        "script = '''#!ipxe\n",
        "'''\n",
        "# \"\"\"\n",
        "\r\n",
    ];

    #[test]
    fn whatever_can_be_read_in_parts_is_as_the_whole() {
        let mut random = Random(1);
        let mut same = 0;
        for _ in 0..1000 {
            let mut line = || match random.below(4) {
                0 => random.pick(&LINES),
                _ => random.pick(&[A, B]),
            };
            let lines = [(); 8].map(|()| line());
            let text = lines.get(..1 + random.below(8)).unwrap().concat();
            let parts = split(&text, 2 + random.below(3), |rest| rest.starts_with(HOST));
            same += usize::from(parts.len() > 1 && is_same(&text, &parts));
        }
        assert!(same > 100, "{same}");
    }
}
