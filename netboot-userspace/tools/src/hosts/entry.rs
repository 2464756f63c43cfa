//! The `[[host]]` entries of a TOML text, and where they begin and end in it.

use anyhow::{bail, ensure};
use netboot_base::mac;
use toml_edit::{Document, Item, Table, Value};

use super::HostKey;

/// The text with one more entry, after the last one.
pub(super) fn add(text: &str, entry: &str) -> anyhow::Result<String> {
    let tables = tables(&parse(text)?)?;
    let hosts = tables.iter().filter(|table| table.host.is_some());
    let at = hosts.map(|table| end(text, table)).max().unwrap_or(text.len());
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
    let document = parse(text)?;
    let hosts = document.get("host").and_then(Item::as_array_of_tables);
    let matches = |host: &Table| {
        let field = |name| host.get(name).and_then(Item::as_str);
        match key {
            HostKey::Mac(mac) => macs(host).any(|text| mac::parse(text) == Ok(*mac)),
            HostKey::Ip(ip) => field("ip").is_some_and(|text| text.parse() == Ok(*ip)),
            HostKey::Hostname(name) => {
                field("hostname").is_some_and(|text| text.eq_ignore_ascii_case(name))
            }
        }
    };
    let hosts = hosts.into_iter().flatten().enumerate();
    Ok(hosts.filter(|(_, host)| matches(host)).map(|(at, _)| at).collect())
}

/// What an entry has as `mac`: a text or a list.
fn macs(host: &Table) -> impl Iterator<Item = &str> {
    let value = host.get("mac").and_then(Item::as_value);
    let list = value.and_then(Value::as_array).into_iter().flatten();
    value.into_iter().chain(list).filter_map(Value::as_str)
}

/// The text without an entry, and without the comment directly above it.
pub(super) fn remove(text: &str, at: usize) -> anyhow::Result<String> {
    let tables = tables(&parse(text)?)?;
    let is_own = |table: &&Written| table.host == Some(at);
    let own: Vec<_> = tables.iter().skip_while(|table| !is_own(table)).take_while(is_own).collect();
    let (Some(first), Some(last)) = (own.first(), own.last()) else {
        bail!("host[{at}] is not there")
    };
    ensure!(
        tables.iter().filter(is_own).count() == own.len(),
        "host[{at}] is not written in one piece: remove it by hand"
    );
    let others = tables.iter().take_while(|table| !is_own(table));
    let behind = others.map(|table| end_of_line(text, table.end)).max().unwrap_or(0);
    let (start, end) = (start(text, behind, first), end(text, last));
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

fn parse(text: &str) -> anyhow::Result<Document<&str>> {
    Document::parse(text).map_err(|error| {
        let start = error.span().unwrap_or_default().start;
        let line = lines(text.get(..start).unwrap_or(text)).count().max(1);
        anyhow::anyhow!("line {line}: {}", error.message())
    })
}

/// Where a table with a header stands, or what is above all headers.
struct Written {
    /// The number of the entry that it is, or is of.
    host: Option<usize>,
    header: usize,
    /// Behind its last value.
    end: usize,
}

/// The tables in the order of their headers; entries must be tables of their own.
fn tables(document: &Document<&str>) -> anyhow::Result<Vec<Written>> {
    let above = values_end(document).map(|end| Written { host: None, header: 0, end });
    let mut found = Vec::from_iter(above);
    for (key, item) in document.iter() {
        match item {
            Item::ArrayOfTables(hosts) if key == "host" => {
                for (at, host) in hosts.iter().enumerate() {
                    add_table(host, Some(at), &mut found);
                }
            }
            _ if key == "host" => {
                bail!("`host` is not written as [[host]] tables: edit it by hand")
            }
            item => add_tables(item, None, &mut found),
        }
    }
    found.sort_by_key(|table| table.header);
    Ok(found)
}

fn add_tables(item: &Item, host: Option<usize>, found: &mut Vec<Written>) {
    match item {
        Item::Table(table) => add_table(table, host, found),
        Item::ArrayOfTables(tables) => {
            tables.iter().for_each(|table| add_table(table, host, found));
        }
        Item::Value(_) | Item::None => {}
    }
}

fn add_table(table: &Table, host: Option<usize>, found: &mut Vec<Written>) {
    if let Some(header) = table.span().filter(|_| !table.is_implicit() && !table.is_dotted()) {
        let end = values_end(table).unwrap_or(header.end);
        found.push(Written { host, header: header.start, end });
    }
    for (_, item) in table.iter() {
        add_tables(item, host, found);
    }
}

fn values_end(table: &Table) -> Option<usize> {
    table.get_values().iter().filter_map(|(_, value)| Some(value.span()?.end)).max()
}

/// Where the comment directly above a table begins, or its header; a line of a text before can look like a comment.
fn start(text: &str, behind: usize, table: &Written) -> usize {
    let start = line_start(text, table.header);
    let above = lines(text.get(behind..start).unwrap_or_default()).rev();
    start - above.take_while(|line| is_comment(line)).map(str::len).sum::<usize>()
}

/// Where the line of a table's last value ends, or the comment directly below if nothing but blank lines follows that.
fn end(text: &str, table: &Written) -> usize {
    let end = end_of_line(text, table.end);
    let (_, after) = text.split_at(end);
    let below: Vec<_> = lines(after).take_while(|line| is_comment(line)).collect();
    let is_own = lines(after).nth(below.len()).is_none_or(is_blank);
    end + if is_own { below.into_iter().map(str::len).sum() } else { 0 }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

fn end_of_line(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|rest| lines(rest).next()).map_or(0, str::len)
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
            let last = added.matches("[[host]]").count() - 1;
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
        let text = "s = \"\"\"\n# x\"\"\" # y\n# one\n[[host]]\nmac = \"a\"\n";
        check_remove(text, 0, "s = \"\"\"\n# x\"\"\" # y\n");
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
