//! The lines of dnsmasq's files: `name`, `name=value,value`.

use std::path::{Path, PathBuf};

use netboot_site::config::Problem;

use super::super::{
    files::{FileText, Files},
    note::NotePlace,
};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) place: NotePlace,
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
}

/// What stands between commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    /// The value is a text, whatever it looks like.
    pub(super) quoted: bool,
}

impl Directive {
    pub(super) fn texts(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.text.as_str()).collect()
    }

    /// As it stands, but for blanks.
    pub(super) fn shown(&self) -> String {
        if self.fields.is_empty() {
            return self.name.clone();
        }
        format!("{}={}", self.name, self.texts().join(","))
    }
}

/// All directives, of the file and of those that it includes, in their order.
pub(super) fn configuration(
    text: &FileText,
    files: &mut Files,
    found: &mut Vec<Directive>,
) -> Result<(), Problem> {
    for (place, line) in lines(text) {
        let line = Scanned::new(line).map_err(|why| place.problem(why))?;
        let Some(directive) = line.directive(&place)? else { continue };
        let first = directive.fields.first().map(|field| field.text.clone()).unwrap_or_default();
        let includes = [
            "conf-file",
            "conf-dir",
            "dhcp-hostsfile",
            "dhcp-hostsdir",
            "dhcp-optsfile",
            "dhcp-optsdir",
        ];
        if first.is_empty() && includes.contains(&directive.name.as_str()) {
            return Err(place.problem(format!("{}: the name of a file is missing", directive.name)));
        }
        match directive.name.as_str() {
            "conf-file" => {
                for name in globbed(&text.beside(&first), &place)? {
                    let inner = files.included(&name, text.depth, &place)?;
                    configuration(&inner, files, found)?;
                }
            }
            "conf-dir" => {
                let filters: Vec<_> = directive.texts().into_iter().skip(1).collect();
                for name in directory(&text.beside(&first), &filters, &place)? {
                    let inner = files.included(&name, text.depth, &place)?;
                    configuration(&inner, files, found)?;
                }
            }
            "dhcp-hostsfile" | "dhcp-hostsdir" => {
                values(&text.beside(&first), "dhcp-host", text.depth, &place, files, found)?;
            }
            "dhcp-optsfile" | "dhcp-optsdir" => {
                values(&text.beside(&first), "dhcp-option", text.depth, &place, files, found)?;
            }
            _ => found.push(directive),
        }
    }
    Ok(())
}

/// Files whose lines are a directive's values.
fn values(
    path: &Path,
    name: &str,
    depth: usize,
    from: &NotePlace,
    files: &mut Files,
    found: &mut Vec<Directive>,
) -> Result<(), Problem> {
    let paths = if path.is_dir() { directory(path, &[], from)? } else { vec![path.to_owned()] };
    for path in paths {
        let text = files.included(&path, depth, from)?;
        for (place, line) in lines(&text) {
            let line = Scanned::new(line).map_err(|why| place.problem(why))?;
            let fields = line.fields(0);
            if fields.iter().any(|field| !field.text.is_empty()) {
                found.push(Directive { place, name: name.to_owned(), fields });
            }
        }
    }
    Ok(())
}

/// Of a directory all files, but those with one of the endings; with `*ENDING` those alone.
fn directory(path: &Path, filters: &[&str], from: &NotePlace) -> Result<Vec<PathBuf>, Problem> {
    let wanted: Vec<_> = filters.iter().filter_map(|filter| filter.strip_prefix('*')).collect();
    let unwanted: Vec<_> = filters.iter().filter(|filter| !filter.starts_with('*')).collect();
    let mut names = Files::directory(path, from)?;
    names.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_backup = name.ends_with('~')
            || name.starts_with('.')
            || (name.starts_with('#') && name.ends_with('#'));
        !is_backup
            && !unwanted.iter().any(|ending| !ending.is_empty() && name.ends_with(**ending))
            && (wanted.is_empty() || wanted.iter().any(|ending| name.ends_with(ending)))
    });
    Ok(names)
}

/// `/etc/dnsmasq.d/*.conf`
fn globbed(path: &Path, from: &NotePlace) -> Result<Vec<PathBuf>, Problem> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else { return Ok(vec![path.to_owned()]) };
    let mut names = Files::directory(path.parent().unwrap_or(Path::new(".")), from)?;
    names.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    });
    Ok(names)
}

fn lines(text: &FileText) -> impl Iterator<Item = (NotePlace, &str)> {
    let place = |line| NotePlace { file: text.file.clone(), line };
    text.text.lines().zip(1..).map(move |(line, number)| (place(number), line))
}

/// A line's characters without its comment, each with whether it is quoted.
struct Scanned(Vec<(char, bool)>);

impl Scanned {
    fn new(line: &str) -> Result<Self, String> {
        let mut characters = Vec::new();
        let mut quoted = false;
        let mut rest = line.chars();
        while let Some(character) = rest.next() {
            match character {
                '"' => {
                    quoted = !quoted;
                    // An empty text is a text too.
                    characters.push(('\0', true));
                }
                '\\' if quoted => {
                    let escaped = match rest.next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some('b') => '\u{8}',
                        Some('e') => '\u{1b}',
                        Some(other) => other,
                        None => break,
                    };
                    characters.push((escaped, true));
                }
                '#' if !quoted
                    && characters.last().is_none_or(|(last, quoted): &(char, bool)| {
                        !quoted && last.is_whitespace()
                    }) =>
                {
                    break;
                }
                '\0' => return Err("contains a zero byte".to_owned()),
                _ => characters.push((character, quoted)),
            }
        }
        if quoted {
            return Err("a quote (\") is not closed".to_owned());
        }
        Ok(Self(characters))
    }

    fn directive(&self, place: &NotePlace) -> Result<Option<Directive>, Problem> {
        let end = self.0.iter().position(|(c, quoted)| *c == '=' && !quoted);
        let name = text(self.0.get(..end.unwrap_or(self.0.len())).unwrap_or_default());
        let name = name.trim().trim_start_matches("--").to_owned();
        if name.is_empty() && end.is_none() {
            return Ok(None);
        }
        let is_name = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !is_name {
            let message =
                format!("{name:?} is not a setting of dnsmasq; write it as \"name=value\"");
            return Err(place.problem(message));
        }
        let fields = end.map_or_else(Vec::new, |end| self.fields(end + 1));
        Ok(Some(Directive { place: place.clone(), name, fields }))
    }

    fn fields(&self, from: usize) -> Vec<Field> {
        let value = self.0.get(from..).unwrap_or_default();
        let fields = value.split(|(c, quoted)| *c == ',' && !quoted);
        fields
            .map(|field| {
                let quoted = field.iter().any(|(_, quoted)| *quoted);
                Field { text: text(trimmed(field)), quoted }
            })
            .collect()
    }
}

/// Without the blanks around it; what is quoted has none.
fn trimmed(mut field: &[(char, bool)]) -> &[(char, bool)] {
    let is_blank = |(c, quoted): &(char, bool)| !quoted && c.is_whitespace();
    while let [first, rest @ ..] = field
        && is_blank(first)
    {
        field = rest;
    }
    while let [rest @ .., last] = field
        && is_blank(last)
    {
        field = rest;
    }
    field
}

fn text(characters: &[(char, bool)]) -> String {
    characters.iter().map(|(c, _)| *c).filter(|c| *c != '\0').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Result<Option<(&str, &[&str])>, &str>) {
        let place = NotePlace { file: Path::new("a").into(), line: 1 };
        let scanned = Scanned::new(line).map_err(|why| place.problem(why));
        let found = scanned.and_then(|scanned| scanned.directive(&place));
        let found = found.map_err(|problem| problem.message);
        let found =
            found.as_ref().map(|found| found.as_ref().map(|d| (d.name.as_str(), d.texts())));
        let expect = expect.map(|some| some.map(|(name, fields)| (name, fields.to_vec())));
        assert_eq!(found.map_err(String::as_str), expect, "{line}");
    }

    #[test]
    fn lines_are_read() {
        check("", Ok(None));
        check("  # dhcp-host=a", Ok(None));
        check("dhcp-authoritative", Ok(Some(("dhcp-authoritative", &[]))));
        check("--dhcp-boot = a , b # c", Ok(Some(("dhcp-boot", &["a", "b"]))));
        check("a=\"x,y\",z#1", Ok(Some(("a", &["x,y", "z#1"]))));
        check("a=\"x \\\"y\\\" # z\"", Ok(Some(("a", &["x \"y\" # z"]))));
        check("a=\" x \", y ", Ok(Some(("a", &[" x ", "y"]))));
        check("a=252,\"\\n\"", Ok(Some(("a", &["252", "\n"]))));
        check("a=1,,2", Ok(Some(("a", &["1", "", "2"]))));
        check("a=\"x", Err("a quote (\") is not closed"));
        check(
            "what is this",
            Err("\"what is this\" is not a setting of dnsmasq; write it as \"name=value\""),
        );
        check("=x", Err("\"\" is not a setting of dnsmasq; write it as \"name=value\""));
    }
}
