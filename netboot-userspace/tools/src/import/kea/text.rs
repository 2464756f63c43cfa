//! The text without comments, with what `<?include "FILE"?>` includes in its place.

use std::path::Path;

use netboot_site::config::Problem;

use super::super::{
    files::{FileText, Files},
    note::NotePlace,
};

/// JSON of one or several files.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) json: String,
    /// Where lines, or the rests of lines, begin.
    lines: Vec<(usize, NotePlace)>,
}

impl Expanded {
    pub(super) fn new(text: &FileText, files: &mut Files) -> Result<Self, Problem> {
        let mut expanded = Self::default();
        expanded.add(text, files)?;
        Ok(expanded)
    }

    /// The line that a byte of the text stands in.
    pub(super) fn place(&self, at: usize) -> NotePlace {
        let line = self.lines.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        self.lines.get(line).map_or_else(
            || NotePlace { file: Path::new("").into(), line: 1 },
            |(_, place)| place.clone(),
        )
    }

    fn add(&mut self, text: &FileText, files: &mut Files) -> Result<(), Problem> {
        let mut place = NotePlace { file: text.file.clone(), line: 1 };
        self.begin(&place);
        let mut rest = text.text.as_str();
        let mut is_quoted = false;
        while let Some(character) = rest.chars().next() {
            if is_quoted || character == '"' {
                let escaped = usize::from(is_quoted && character == '\\');
                is_quoted = match character {
                    '"' => !is_quoted,
                    // No string goes over the line's end: the error is to be on the line that it is on.
                    '\n' => false,
                    _ => is_quoted,
                };
                for character in rest.chars().take(1 + escaped) {
                    self.take(&mut rest, character, &mut place);
                }
            } else if rest.starts_with('#') || rest.starts_with("//") {
                let end = rest.find('\n').unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(
                        place.problem("the comment that begins here is not closed: */ is missing")
                    );
                };
                let comment = rest.get(..end + 2).unwrap_or_default();
                rest = rest.get(end + 2..).unwrap_or_default();
                place.line += comment.matches('\n').count();
                self.json.push(' ');
                self.begin(&place);
            } else if rest.starts_with("<?") {
                let included = rest.find("?>").and_then(|end| rest.get(2..end));
                let name = included.and_then(|inner| inner.trim().strip_prefix("include"));
                let name = name.and_then(|name| name.trim().strip_prefix('"')?.strip_suffix('"'));
                let (Some(included), Some(name)) = (included, name) else {
                    return Err(place.problem("write it as <?include \"FILE\"?>"));
                };
                let inner = files.included(&text.beside(name), text.depth, &place)?;
                self.add(&inner, files)?;
                rest = rest.get(included.len() + 4..).unwrap_or_default();
                place.line += included.matches('\n').count();
                self.json.push(' ');
                self.begin(&place);
            } else {
                self.take(&mut rest, character, &mut place);
            }
        }
        Ok(())
    }

    fn take(&mut self, rest: &mut &str, character: char, place: &mut NotePlace) {
        self.json.push(character);
        *rest = rest.get(character.len_utf8()..).unwrap_or_default();
        if character == '\n' {
            place.line += 1;
            self.begin(place);
        }
    }

    fn begin(&mut self, place: &NotePlace) {
        self.lines.push((self.json.len(), place.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, &str>, at: &str, line: usize) {
        let mut expanded = Expanded::default();
        let text = FileText { file: Path::new("a").into(), text: text.to_owned(), depth: 0 };
        let found = expanded.add(&text, &mut Files::default()).map(|()| expanded.json.as_str());
        assert_eq!(found.map_err(|problem| problem.to_string()), expect.map_err(str::to_owned));
        if let Some(at) = expanded.json.find(at) {
            assert_eq!(expanded.place(at).line, line);
        }
    }

    #[test]
    fn comments_are_blanked() {
        check("{ # a\n} // b\n", Ok("{ \n} \n"), "}", 2);
        check("{ /* a\n\" */ \"b\" }", Ok("{   \"b\" }"), "b", 2);
        check("[\"# // /* \\\" <?\",\n1]", Ok("[\"# // /* \\\" <?\",\n1]"), "1", 2);
        check(
            "\n/* a",
            Err("a:2: the comment that begins here is not closed: */ is missing"),
            "x",
            0,
        );
        check("<?include a?>", Err("a:1: write it as <?include \"FILE\"?>"), "x", 0);
        check("\"ä\\", Ok("\"ä\\"), "x", 0);
    }
}
