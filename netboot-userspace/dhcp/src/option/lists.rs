//! A scan of the daemon's sources for other lists of options.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// What makes a list; one or two options are a rule that is about these.
const LIST: usize = 3;

/// Lines that say what an option is called, as a table or a match does: `(66, "...`, `code::NTP => "...`
fn is_row(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches('(');
    let constant = line.strip_prefix("code::");
    let name = constant.unwrap_or(line);
    let rest = name.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
    let rest = if constant.is_some() { rest } else { rest.trim_start_matches(char::is_numeric) };
    let value = rest.strip_prefix(" => ").or_else(|| rest.strip_prefix(", "));
    let value = value.map(|value| value.trim_start_matches("Some(").trim_start_matches(['&', '[']));
    let text = value.and_then(|value| value.strip_prefix('"')?.split('"').next());
    text.is_some_and(|text| TABLE.iter().any(|row| row.shown == text || row.is_called(text)))
}

/// The names of options with Kea and dhcpd among a source's texts; those of dnsmasq are words of others, too.
fn names(source: &str) -> BTreeSet<u8> {
    let texts = source.split('"').filter(|text| text.contains('-'));
    let called = |row: &&Row, text: &str| row.kea == text || row.dhcpd == text;
    texts
        .filter_map(|text| TABLE.iter().find(|row| called(row, text)))
        .map(|row| row.code)
        .collect()
}

/// The most codes in one pattern, as `3..=11 | 41 | 42`, without its first and its last one.
fn longest_pattern(source: &str) -> usize {
    let is_code = |number: &str| number.parse().is_ok_and(|code: u8| code != 255);
    let is_codes = |piece: &str| piece.trim().split("..=").all(is_code);
    let pieces = source.split('|').map(is_codes).collect::<Vec<_>>();
    pieces.split(|is_codes| !is_codes).map(<[_]>::len).max().unwrap_or_default()
}

/// What looks like a list in a source.
fn lists(source: &str) -> Vec<String> {
    let rows = source.lines().filter(|line| is_row(line)).count();
    let names = names(source);
    let mut found = Vec::new();
    if rows >= LIST {
        found.push(format!("{rows} lines from codes to texts"));
    }
    if names.len() >= LIST {
        found.push(format!("names of the options {names:?}"));
    }
    if longest_pattern(source) >= LIST {
        found.push("a pattern of codes".to_owned());
    }
    found
}

fn sources(place: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !matches!(name, "tests" | "target") {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

#[test]
fn nobody_else_has_a_list_of_options() {
    // Also where this is a crate among others.
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = own.ancestors().find(|place| place.ends_with("netboot-userspace")).unwrap_or(own);
    let mut files = Vec::new();
    sources(all, &mut files);
    assert!(files.len() > 100, "{} sources under {}", files.len(), all.display());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("const TABLE: &[Row]") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let found = lists(code);
        assert!(
            found.is_empty(),
            "{}: {}: it belongs into the table of dhcp/option.rs",
            path.display(),
            found.join(", ")
        );
    }
}

#[test]
fn what_a_list_looks_like() {
    for line in ["    3 => \"routers\",", "(3, \"router\"),", "(1, &[\"netmask\", \"x\"]),"] {
        assert!(is_row(line), "{line}");
    }
    for line in ["code::NTP => Some(\"ntp\"),", "    (code::NTP, \"ntp\", Form::Addresses),"] {
        assert!(is_row(line), "{line}");
    }
    for line in
        ["3 => network.routers", "15 => \"x86-uefi-http\",", "code::NTP,", "x(3, \"router\")", ""]
    {
        assert!(!is_row(line), "{line}");
    }
    let two = "3 => \"router\",\n6 => \"dns\",\n\"domain-name-servers\" \"ntp-servers\"";
    assert_eq!(lists(two), Vec::<String>::new());
    let three = format!("{two}\n42 => \"ntp\", \"interface-mtu\"");
    assert_eq!(lists(&three).len(), 2, "{:?}", lists(&three));
    for (pattern, expect) in [
        ("{ 3..=11 | 41\n | 42 | 44 | 45 => ", 3),
        ("{ 4 | 6 | 17 =>", 1),
        ("Some(301 | 302 | 303 | 307 | 308)", 0),
        ("a || b", 0),
    ] {
        assert_eq!(longest_pattern(pattern), expect, "{pattern}");
    }
}
