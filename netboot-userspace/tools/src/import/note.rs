//! Notes of what is not taken over, and where it stands.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_site::config::Problem;

use serde::Serialize;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NotePlace {
    pub(super) file: Arc<Path>,
    pub(super) line: usize,
}

impl NotePlace {
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(&self.file, Some(self.line), message)
    }

    /// `dhcpd.conf:12`
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// Something that is not taken over, or not as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    pub file: PathBuf,
    pub line: usize,
    pub what: String,
    pub why: String,
}

/// Collects notes.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn add(
        &mut self,
        place: &NotePlace,
        what: impl Into<String>,
        why: impl Into<String>,
    ) {
        let (what, why) = (what.into(), why.into());
        self.0.push(Note { file: place.file.to_path_buf(), line: place.line, what, why });
    }

    /// In the order of files and lines, each once.
    pub(super) fn into_sorted(self) -> Vec<Note> {
        let mut notes = self.0;
        notes.sort();
        notes.dedup();
        notes
    }
}

/// A line each, but of many with one reason the first few, and the others' number.
#[must_use]
pub fn grouped(notes: &[Note]) -> String {
    const SHOWN: usize = 3;
    const LINES: usize = 12;
    let mut groups: BTreeMap<(&Path, &str), Vec<&Note>> = BTreeMap::new();
    for note in notes {
        groups.entry((&note.file, &note.why)).or_default().push(note);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.first().map(|note| (&note.file, note.line)));
    let mut text = String::new();
    for group in groups {
        // One more would take no less room than its number does.
        let shown = if group.len() <= SHOWN + 1 { group.len() } else { SHOWN };
        for Note { file, line, what, why } in group.iter().take(shown) {
            let _ = writeln!(text, "{}:{line}: {what}: {why}", file.display());
        }
        let rest: Vec<_> = group.iter().skip(shown).map(|note| note.line.to_string()).collect();
        if let Some(first) = group.first().filter(|_| !rest.is_empty()) {
            let lines = rest.iter().take(LINES).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if rest.len() > LINES { ", ..." } else { "" };
            let (file, count) = (first.file.display(), rest.len());
            let _ = writeln!(text, "{file}: {count} more of these, in lines {lines}{more}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: std::ops::Range<usize>, expect: &str) {
        let mut notes = Notes::default();
        for line in lines {
            let place = NotePlace { file: Path::new("a.conf").into(), line };
            notes.add(&place, format!("pool {line}"), "no pools");
        }
        assert_eq!(grouped(&notes.into_sorted()), expect);
    }

    #[test]
    fn many_are_counted() {
        let three =
            "a.conf:1: pool 1: no pools\na.conf:2: pool 2: no pools\na.conf:3: pool 3: no pools\n";
        check(0..0, "");
        check(1..4, three);
        check(1..5, &format!("{three}a.conf:4: pool 4: no pools\n"));
        check(1..6, &format!("{three}a.conf: 2 more of these, in lines 4, 5\n"));
        let lines = "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ...";
        check(1..31, &format!("{three}a.conf: 27 more of these, in lines {lines}\n"));
    }
}
