//! Where a host stands in the configuration's files.

use std::{fs, path::PathBuf};

use crate::{config::Config, inventory::Host, mac};

/// `netboot.toml:27`, the line with the host's MAC, in a file of any of the inventories' forms.
pub(super) fn origin(config: &Config, files: &[PathBuf], host: &Host) -> Option<String> {
    // A machine may be in several VLANs: its entries come in the files' order.
    let same = config.hosts.iter().filter(|other| other.mac == host.mac);
    let nth = same.take_while(|other| other.station() != host.station()).count();
    let mut lines = files.iter().flat_map(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let numbered = (1..).zip(text.lines());
        let found = numbered.filter(|(_, line)| names(line, host)).map(|(number, _)| number);
        found.map(|number: usize| (path.clone(), number)).collect::<Vec<_>>()
    });
    let (path, line) = lines.nth(nth)?;
    Some(format!("{}:{line}", path.display()))
}

fn names(line: &str, host: &Host) -> bool {
    let text = line.split('#').next().unwrap_or_default();
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '='));
    words.into_iter().any(|word| mac::parse(word) == Ok(host.mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_every_form_are_found() {
        let host =
            Host { mac: mac::parse("52:54:00:00:00:01").unwrap_or_default(), ..Host::default() };
        for (line, expect) in [
            ("mac = \"52-54-00-00-00-01\"", true),
            ("mac=\"525400000001\" # spare", true),
            ("52:54:00:00:00:01,10.0.0.1,one", true),
            ("      mac: 52:54:00:00:00:01", true),
            ("# mac = \"52-54-00-00-00-01\"", false),
            ("mac = \"52-54-00-00-00-02\"", false),
        ] {
            assert_eq!(names(line, &host), expect, "{line}");
        }
    }
}
