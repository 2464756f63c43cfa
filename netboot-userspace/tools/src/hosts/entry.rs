//! The `[[host]]` entries of a TOML text, and where they begin and end in it.

use std::ops::Range;

use anyhow::{bail, ensure};
use netboot_base::mac;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::HostKey;

/// The text with one more entry, after the last one.
pub(super) fn add(text: &str, entry: &str) -> anyhow::Result<String> {
    let table = parse(text)?;
    let hosts = hosts(text, &table)?;
    let at = hosts.iter().map(|host| extent(text, host).end).max().unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    let mut edited = before.to_owned();
    if !edited.is_empty() && !edited.ends_with('\n') {
        edited.push('\n');
    }
    if !edited.is_empty() && !edited.ends_with("\n\n") && !edited.ends_with("\n\r\n") {
        edited.push('\n');
    }
    edited.push_str("[[host]]\n");
    edited.push_str(entry);
    if !after.is_empty() && !after.starts_with(['\n', '\r']) {
        edited.push('\n');
    }
    if text.contains("\r\n") {
        let added = edited.split_off(before.len());
        edited.push_str(&added.replace('\n', "\r\n"));
    }
    edited.push_str(after);
    Ok(edited)
}

/// The numbers of the entries that the key names.
pub(super) fn find(text: &str, key: &HostKey) -> anyhow::Result<Vec<usize>> {
    let table = parse(text)?;
    let hosts = table.get_ref().get("host").and_then(|hosts| hosts.get_ref().as_array());
    let hosts = hosts.into_iter().flat_map(|hosts| hosts.iter()).enumerate();
    let matches = |host: &DeValue<'_>| {
        let field = |name| host.get(name).and_then(|value| value.get_ref().as_str());
        match key {
            HostKey::Mac(mac) => macs(host).any(|text| mac::parse(text) == Ok(*mac)),
            HostKey::Ip(ip) => field("ip").is_some_and(|text| text.parse() == Ok(*ip)),
            HostKey::Hostname(name) => {
                field("hostname").is_some_and(|text| text.eq_ignore_ascii_case(name))
            }
        }
    };
    Ok(hosts.filter(|(_, host)| matches(host.get_ref())).map(|(at, _)| at).collect())
}

/// What an entry has as `mac`: a text or a list.
fn macs<'h>(host: &'h DeValue<'_>) -> impl Iterator<Item = &'h str> {
    let value = host.get("mac").map(Spanned::get_ref);
    let list = value.and_then(DeValue::as_array).into_iter().flat_map(|list| list.iter());
    let texts = value.into_iter().chain(list.map(Spanned::get_ref));
    texts.filter_map(DeValue::as_str)
}

/// The text without an entry, and without the comment directly above it.
pub(super) fn remove(text: &str, at: usize) -> anyhow::Result<String> {
    let table = parse(text)?;
    let hosts = hosts(text, &table)?;
    let Some(host) = hosts.get(at) else { bail!("host[{at}] is not there") };
    let Range { start, end } = extent(text, host);
    let elsewhere = |span: &Range<usize>| span.end <= start || end <= span.start;
    for (key, value) in table.get_ref() {
        let apart = match value.get_ref().as_array() {
            Some(array) if key.get_ref() == "host" => {
                let others = array.iter().enumerate().filter(|(other, _)| *other != at);
                others.flat_map(|(_, host)| spans(host)).all(|span| elsewhere(&span))
            }
            _ => spans(value).iter().all(elsewhere),
        };
        ensure!(apart, "host[{at}] is not written in one piece: remove it by hand");
    }
    let (before, _) = text.split_at(start);
    let (_, mut after) = text.split_at(end);
    if before.is_empty() || lines(before).next_back().is_some_and(is_blank) {
        let blank: usize = lines(after).take_while(|line| is_blank(line)).map(str::len).sum();
        after = after.split_at(blank).1;
    }
    if !after.is_empty() {
        return Ok([before, after].concat());
    }
    let blank: usize = lines(before).rev().take_while(|line| is_blank(line)).map(str::len).sum();
    Ok(before.split_at(before.len() - blank).0.to_owned())
}

fn parse(text: &str) -> anyhow::Result<Spanned<DeTable<'_>>> {
    DeTable::parse(text).map_err(|error| {
        let start = error.span().unwrap_or_default().start;
        let line = lines(text.get(..start).unwrap_or(text)).count().max(1);
        anyhow::anyhow!("line {line}: {}", error.message())
    })
}

/// The entries, which must be tables of their own.
fn hosts<'a>(
    text: &str,
    table: &'a Spanned<DeTable<'a>>,
) -> anyhow::Result<Vec<&'a Spanned<DeValue<'a>>>> {
    let Some(hosts) = table.get_ref().get("host") else { return Ok(Vec::new()) };
    let array = hosts.get_ref().as_array().map(|array| array.iter().collect::<Vec<_>>());
    let own_table = |host: &&Spanned<DeValue<'_>>| {
        text.get(host.span()).is_some_and(|header| header.starts_with("[["))
    };
    match array {
        Some(hosts) if !hosts.is_empty() && hosts.iter().all(own_table) => Ok(hosts),
        _ => bail!("`host` is not written as [[host]] tables: edit it by hand"),
    }
}

/// The lines of an entry: from the comment directly above its header to its last value, and the
/// comment directly below if nothing but blank lines follows that.
fn extent(text: &str, host: &Spanned<DeValue<'_>>) -> Range<usize> {
    let last = spans(host).iter().map(|span| span.end).max().unwrap_or(text.len());
    let (before, _) = text.split_at(line_start(text, host.span().start));
    let above: usize = lines(before).rev().take_while(|line| is_comment(line)).map(str::len).sum();
    let (_, tail) = text.split_at(last);
    let end = last + lines(tail).next().map_or(0, str::len);
    let (_, after) = text.split_at(end);
    let below: Vec<_> = lines(after).take_while(|line| is_comment(line)).collect();
    let own = lines(after).nth(below.len()).is_none_or(is_blank);
    let below: usize = if own { below.into_iter().map(str::len).sum() } else { 0 };
    before.len() - above..end + below
}

/// Where the value and all in it stand.
fn spans(value: &Spanned<DeValue<'_>>) -> Vec<Range<usize>> {
    let mut found = vec![value.span()];
    match value.get_ref() {
        DeValue::Array(array) => found.extend(array.iter().flat_map(spans)),
        DeValue::Table(table) => {
            found.extend(table.iter().flat_map(|(key, value)| {
                let mut spans = spans(value);
                spans.push(key.span());
                spans
            }));
        }
        _ => {}
    }
    found
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Lines with their ends.
fn lines(text: &str) -> std::str::SplitInclusive<'_, char> {
    text.split_inclusive('\n')
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mac = \"c\"\nip = \"3\"\n";

    #[track_caller]
    fn check_add(text: &str, expect: &str) {
        assert_eq!(add(text, HOST).unwrap(), expect);
    }

    #[track_caller]
    fn check_remove(text: &str, at: usize, expect: &str) {
        assert_eq!(remove(text, at).unwrap(), expect);
    }

    #[test]
    fn adding() {
        let entry = format!("[[host]]\n{HOST}");
        check_add("", &entry);
        check_add(
            "# all\n[dhcp]  # d\nmode=\"off\"",
            &format!("# all\n[dhcp]  # d\nmode=\"off\"\n\n{entry}"),
        );
        check_add("a = 1\n\n", &format!("a = 1\n\n{entry}"));
        // After the last host, not at the end; comments stay where they belong.
        check_add(
            "[[host]]\nmac = \"a\"   # one\n#ip = \"1\"\n\n# Two\n[tftp]\nenabled=false\n",
            &format!(
                "[[host]]\nmac = \"a\"   # one\n#ip = \"1\"\n\n{entry}\n# Two\n[tftp]\nenabled=false\n"
            ),
        );
        check_add(
            "[[host]]\nmac = \"a\"\n# Two\n[tftp]\n",
            &format!("[[host]]\nmac = \"a\"\n\n{entry}\n# Two\n[tftp]\n"),
        );
        check_add(
            "[[host]]\nmac = \"a\"\n[[host.options]]\nip = [\n  \"1\", # x\n]  # y\n\n# end",
            &format!(
                "[[host]]\nmac = \"a\"\n[[host.options]]\nip = [\n  \"1\", # x\n]  # y\n\n{entry}\n# end"
            ),
        );
    }

    #[test]
    fn line_ends_stay_what_they_are() {
        check_add(
            "[[host]]\r\nmac = \"a\"\r\n",
            "[[host]]\r\nmac = \"a\"\r\n\r\n[[host]]\r\nmac = \"c\"\r\nip = \"3\"\r\n",
        );
    }

    #[test]
    fn what_is_added_is_removed_without_trace() {
        for text in [
            "",
            "# all\n[dhcp]\nmode = \"off\"\n",
            "[[host]]\nmac = \"a\"\n\n# b\n[[host]]\nmac = \"b\" # x\n",
            "[[host]]\nmac = \"a\"\n\n[tftp]\n",
            "[[host]]\r\nmac = \"a\"\r\n\r\n[tftp]\r\n",
        ] {
            let added = add(text, HOST).unwrap();
            let at = find(&added, &HostKey::Hostname(String::new())).unwrap().len();
            assert_eq!(at, 0);
            let last = hosts(&added, &parse(&added).unwrap()).unwrap().len() - 1;
            check_remove(&added, last, text);
        }
    }

    #[test]
    fn removing() {
        let text = "# all\n\n# one\n[[host]]\nmac = \"a\" # 1\n\n\n  # two\n  # too\n  [[ host ]]\nmac = \"b\"\noptions = [\n{ code = 2 }, # c\n]\n\n[tftp]\n";
        check_remove(
            text,
            0,
            "# all\n\n  # two\n  # too\n  [[ host ]]\nmac = \"b\"\noptions = [\n{ code = 2 }, # c\n]\n\n[tftp]\n",
        );
        check_remove(text, 1, "# all\n\n# one\n[[host]]\nmac = \"a\" # 1\n\n\n[tftp]\n");
        check_remove(
            "[[host]]\nmac = \"a\"\n[[host]]\nmac = \"b\"\n\n[tftp]\n",
            1,
            "[[host]]\nmac = \"a\"\n\n[tftp]\n",
        );
        check_remove(
            "[[host]]\nmac = \"a\"\n[host.x]\ny = 1\n[[host]]\nmac = \"b\"",
            0,
            "[[host]]\nmac = \"b\"",
        );
        check_remove("[[host]]", 0, "");
    }

    #[test]
    fn what_is_left_to_the_operator() {
        let error = |text: &str| remove(text, 0).unwrap_err().to_string();
        let inline = "`host` is not written as [[host]] tables: edit it by hand";
        assert_eq!(error("host = [{ mac = \"a\" }]"), inline);
        assert_eq!(add("host = []", HOST).unwrap_err().to_string(), inline);
        assert_eq!(
            error("[[host]]\nmac = \"a\"\n[tftp]\n[host.x]\n"),
            "host[0] is not written in one piece: remove it by hand"
        );
        assert_eq!(error(""), "host[0] is not there");
        assert_eq!(error("a = 1\nb = = 2"), "line 2: extra `=`, expected nothing");
    }
}
