//! A Rust file as the names it uses: every path in code, imports and macros, with its line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

pub(super) struct Source {
    /// Under the workspace's root.
    pub(super) path: String,
    pub(super) lines: usize,
    pub(super) names: Vec<Name>,
}

pub(super) struct Name {
    /// `crate::tftp::serve`; nested imports are spelt out; an attribute begins with `#`.
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Code,
    Test,
    /// In a test, the body of a loop: what waits here asks again.
    TestLoop,
}

/// All Rust files under the workspace's packages.
pub(super) fn all(root: &Path, packages: &[&str]) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for package in packages {
        find(&root.join(package), &mut files)?;
    }
    files.sort();
    files.iter().map(|file| open(root, file)).collect()
}

impl Source {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self> {
        let tokens: TokenStream =
            text.parse().map_err(|error| anyhow!("{path} is no Rust: {error}"))?;
        let place = if is_test_file(path) { Place::Test } else { Place::Code };
        let mut names = Vec::new();
        Scope { module: module(path), place }.read(tokens, &mut names);
        Ok(Self { path: path.to_owned(), lines: text.lines().count(), names })
    }

    /// The first part of the file's module path: `config` for src/config/file.rs.
    pub(super) fn module(&self) -> Option<String> {
        module(&self.path).into_iter().next()
    }

    /// Whether it is this file, or in this directory.
    pub(super) fn is_under(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Name {
    /// Whether the path is `prefix` or something in it.
    pub(super) fn is_in(&self, prefix: &str) -> bool {
        self.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// Whether the path begins with that crate; a plain word may be anyone's function or variable.
    pub(super) fn is_from(&self, root: &str) -> bool {
        self.path.strip_prefix(root).is_some_and(|rest| rest.starts_with("::"))
    }

    pub(super) fn last(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or_default()
    }
}

/// Whether the next braces are a loop's body.
#[derive(Clone, Copy)]
enum Loops {
    None,
    Begins,
}

impl Loops {
    fn inside(self, place: Place) -> Place {
        match (self, place) {
            (Self::Begins, Place::Test) => Place::TestLoop,
            _ => place,
        }
    }
}

struct Scope {
    module: Vec<String>,
    place: Place,
}

impl Scope {
    fn read(&self, tokens: TokenStream, names: &mut Vec<Name>) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        // `#[test]` and `#[cfg(test)]` last until the item's body or semicolon.
        let mut place = self.place;
        let mut loops = Loops::None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(attribute) = attribute(&tokens, at) {
                        names.extend(attribute_name(attribute, place));
                        if is_for_tests(attribute) {
                            place = Place::Test;
                        }
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => place = self.place,
                TokenTree::Ident(word) if word == "mod" => {
                    if let Some((name, body)) = inline_module(&tokens, at) {
                        let module = self.module.iter().cloned().chain([name]).collect();
                        Scope { module, place }.read(body.stream(), names);
                        place = self.place;
                        at += 2;
                    }
                }
                TokenTree::Ident(word) if word == "loop" || word == "while" || word == "in" => {
                    loops = Loops::Begins
                }
                TokenTree::Ident(_) => at = self.path(&tokens, at - 1, "", place, names),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let place_inside = loops.inside(place);
                    Scope { module: self.module.clone(), place: place_inside }
                        .read(group.stream(), names);
                    place = self.place;
                    loops = Loops::None;
                }
                TokenTree::Group(group) => {
                    Scope { module: self.module.clone(), place }.read(group.stream(), names);
                }
                _ => {}
            }
        }
    }

    /// Reads the path that begins at `at`, behind `prefix`; returns where it ends.
    fn path(
        &self,
        tokens: &[TokenTree],
        mut at: usize,
        prefix: &str,
        place: Place,
        names: &mut Vec<Name>,
    ) -> usize {
        let line = tokens.get(at).map_or(0, |token| token.span().start().line);
        let mut path = prefix.to_owned();
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => push(&mut path, &word.to_string()),
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => push(&mut path, "*"),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.import_tree(
                        &group.stream().into_iter().collect::<Vec<_>>(),
                        &path,
                        place,
                        names,
                    );
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !is_double_colon(tokens, at) {
                break;
            }
            at += 2;
        }
        names.push(Name { path: self.absolute(&path), line, place });
        at
    }

    fn import_tree(&self, tokens: &[TokenTree], prefix: &str, place: Place, names: &mut Vec<Name>) {
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        for branch in tokens.split(is_comma).filter(|branch| !branch.is_empty()) {
            // What follows the path is at most `as name`.
            self.path(branch, 0, prefix, place, names);
        }
    }

    /// Resolves a leading `self` or `super`.
    fn absolute(&self, path: &str) -> String {
        let mut parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
        let mut module: Vec<&str> = self.module.iter().map(String::as_str).collect();
        let supers = parts.iter().take_while(|part| **part == "super").count();
        let here = usize::from(parts.first() == Some(&"self") && parts.len() > 1);
        if supers + here == 0 {
            return parts.join("::");
        }
        module.truncate(module.len().saturating_sub(supers));
        let rest = parts.split_off(supers + here);
        ["crate"].into_iter().chain(module).chain(rest).collect::<Vec<_>>().join("::")
    }
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn open(root: &Path, file: &Path) -> Result<Source> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let path = file.strip_prefix(root).unwrap_or(file);
    Source::parse(&path.to_string_lossy(), &text)
}

/// `["config", "file"]` for netboot-userspace/site/src/config/file.rs.
fn module(path: &str) -> Vec<String> {
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let parts = inside.split('/').map(str::to_owned);
    parts.filter(|part| !matches!(part.as_str(), "lib" | "main" | "mod")).collect()
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn attribute(tokens: &[TokenTree], at: usize) -> Option<&Group> {
    let inner = matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == '!');
    match tokens.get(at + usize::from(inner)) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

fn attribute_name(attribute: &Group, place: Place) -> Option<Name> {
    let TokenTree::Ident(word) = attribute.stream().into_iter().next()? else { return None };
    Some(Name { path: format!("#{word}"), line: word.span().start().line, place })
}

fn is_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "test"
        || text.ends_with("::test")
        || text == "cfg(test)"
        || text.starts_with("cfg(all(test,")
}

fn inline_module(tokens: &[TokenTree], at: usize) -> Option<(String, &Group)> {
    match (tokens.get(at)?, tokens.get(at + 1)?) {
        (TokenTree::Ident(name), TokenTree::Group(body))
            if body.delimiter() == Delimiter::Brace =>
        {
            Some((name.to_string(), body))
        }
        _ => None,
    }
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn push(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push_str("::");
    }
    path.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling_of_a_name() {
        fn check(path: &str, text: &str, expect: &[&str]) {
            let source = Source::parse(path, text).unwrap();
            let names: Vec<_> = source.names.iter().map(|name| name.path.as_str()).collect();
            assert_eq!(names, expect, "{text}");
        }
        let tftp = "netboot-userspace/serve/src/tftp.rs";
        check(tftp, "use crate::http::Server;", &["use", "crate::http::Server"]);
        check(
            tftp,
            "use crate::{files, http::{self as web, x::Y}};",
            &["use", "crate::files", "crate::http::self", "crate::http::x::Y"],
        );
        check(tftp, "use super::http;", &["use", "crate::http"]);
        check(
            "netboot-userspace/serve/src/tftp/block.rs",
            "use super::super::http::*;",
            &["use", "crate::http::*"],
        );
        check(tftp, "mod inner { use super::super::http; }", &["use", "crate::http"]);
        check(tftp, "use self::block::Size;", &["use", "crate::tftp::block::Size"]);
        check(
            tftp,
            "info!(at = crate::http::NAME, \"crate::syslog\");",
            &["info", "at", "crate::http::NAME"],
        );
        check(tftp, "// crate::http\n/* unsafe */ let x = \"unsafe\";", &["let", "x"]);
        check(
            tftp,
            "#[cfg(target_arch = \"bpf\")] fn f() {}",
            &["#cfg", "cfg", "target_arch", "fn", "f"],
        );
        check(tftp, "a.iter::<u8>()", &["a", "iter", "u8"]);
    }

    #[test]
    fn tells_tests_from_code() {
        fn check(path: &str, text: &str, expect: Place) {
            let source = Source::parse(path, text).unwrap();
            let marked = source.names.iter().find(|name| name.path == "here").unwrap();
            assert_eq!(marked.place, expect, "{path}: {text}");
        }
        let file = "netboot-userspace/serve/src/tftp.rs";
        check(file, "fn f() { here }", Place::Code);
        check(file, "#[cfg(test)] mod tests { fn f() { here } }", Place::Test);
        check(file, "#[cfg(test)] mod tests { } fn f() { here }", Place::Code);
        check(file, "#[cfg(test)] use x::y; fn f() { here }", Place::Code);
        check(file, "#[tokio::test] async fn f() { here }", Place::Test);
        check(file, "#[cfg(not(test))] fn f() { here }", Place::Code);
        check("netboot-userspace/serve/src/tftp/tests.rs", "fn f() { here }", Place::Test);
        check("tests/integration/main.rs", "fn f() { here }", Place::Test);
        check("tests/src/lib.rs", "fn f() { loop { if x { here } } }", Place::TestLoop);
        check("tests/src/lib.rs", "fn f() { while !done() { here } }", Place::TestLoop);
        check("tests/src/lib.rs", "fn f() { for x in 0..3 { here } }", Place::TestLoop);
        check("tests/src/lib.rs", "fn f() { for x in 0..3 { } here }", Place::Test);
        check("tests/src/lib.rs", "impl X for Y { fn f() { here } }", Place::Test);
        check(file, "fn f() { loop { here } }", Place::Code);
    }

    #[test]
    fn knows_lines() {
        let source = Source::parse("xtask/src/x.rs", "fn f() {\n\n    here();\n}\n").unwrap();
        assert_eq!(source.lines, 4);
        assert_eq!(
            source.names.iter().find(|name| name.path == "here").map(|name| name.line),
            Some(3)
        );
    }
}
