//! Statements and blocks of statements.

use netboot_site::config::Problem;

use super::{
    super::{
        files::{FileText, Files},
        note::NotePlace,
    },
    lexer::{PlacedToken, Token, tokens},
};

/// Blocks in blocks: more is no configuration.
const DEEPEST: usize = 64;

/// `head;` or `head { body }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) place: NotePlace,
    pub(super) head: Vec<PlacedToken>,
    /// `None`: it ends with a semicolon.
    pub(super) body: Option<Vec<Statement>>,
}

impl Statement {
    /// The first words, as far as they are words.
    pub(super) fn words(&self) -> Vec<&str> {
        self.head.iter().map_while(PlacedToken::word).collect()
    }

    pub(super) fn keyword(&self) -> &str {
        self.head.first().and_then(PlacedToken::word).unwrap_or_default()
    }

    /// What follows the keyword.
    pub(super) fn rest(&self) -> &[PlacedToken] {
        self.head.get(1..).unwrap_or_default()
    }

    pub(super) fn shown(&self) -> String {
        const MOST: usize = 60;
        let mut text = String::new();
        for token in &self.head {
            let is_close = text.is_empty()
                || [',', ')', '('].iter().any(|sign| token.is(*sign))
                || text.ends_with('(');
            text.push_str(if is_close { "" } else { " " });
            text.push_str(&token.shown());
        }
        if text.chars().count() > MOST {
            text = text.chars().take(MOST).chain("...".chars()).collect();
        }
        if self.body.is_some() { text + " { ... }" } else { text }
    }
}

/// All statements of the file and of those that it includes.
pub(super) fn of_file(
    text: &FileText,
    files: &mut Files,
    nested: usize,
) -> Result<Vec<Statement>, Problem> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, text, files };
    let statements = parser.block(nested, None)?;
    Ok(statements)
}

struct Parser<'t> {
    tokens: &'t [PlacedToken],
    at: usize,
    text: &'t FileText,
    files: &'t mut Files,
}

impl<'t> Parser<'t> {
    /// Up to the closing brace of what was opened, or to the end of the file.
    fn block(
        &mut self,
        nested: usize,
        opened: Option<&NotePlace>,
    ) -> Result<Vec<Statement>, Problem> {
        let mut statements = Vec::new();
        loop {
            let Some(first) = self.tokens.get(self.at) else {
                return match opened {
                    None => Ok(statements),
                    Some(place) => {
                        Err(place
                            .problem("the block that begins here is not closed: a } is missing"))
                    }
                };
            };
            if first.is('}') {
                self.at += 1;
                match opened {
                    Some(_) => return Ok(statements),
                    None => {
                        return Err(first.place.problem("there is no block that this } closes"));
                    }
                }
            }
            if first.is(';') {
                self.at += 1;
                continue;
            }
            let statement = self.statement(nested)?;
            if statement.keyword() != "include" {
                statements.push(statement);
                continue;
            }
            let Some(PlacedToken { token: Token::Text(name), .. }) = statement.rest().first()
            else {
                return Err(statement.place.problem("include: the file's name must be in quotes"));
            };
            let path = self.text.beside(&String::from_utf8_lossy(name));
            let text = self.files.included(&path, self.text.depth, &statement.place)?;
            statements.extend(of_file(&text, self.files, nested)?);
        }
    }

    fn statement(&mut self, nested: usize) -> Result<Statement, Problem> {
        let tokens: &'t [PlacedToken] = self.tokens;
        let rest = tokens.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|token| [';', '{', '}'].iter().any(|sign| token.is(*sign)));
        // An option's type may be a record in braces.
        let end = match end {
            Some(end)
                if rest.get(end).is_some_and(|token| token.is('{'))
                    && is_definition(rest.get(..end).unwrap_or_default()) =>
            {
                rest.iter().position(|token| token.is(';'))
            }
            end => end,
        };
        let head = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let Some(first) = rest.first() else {
            return Ok(Statement {
                place: NotePlace { file: self.text.file.clone(), line: 1 },
                head: Vec::new(),
                body: None,
            });
        };
        let place = first.place.clone();
        unfinished(head)?;
        let Some(last) = end.and_then(|end| rest.get(end)) else {
            let last = head.last().unwrap_or(first);
            return Err(last
                .place
                .problem(format!("{:?} is the end of the file: a ; is missing", last.shown())));
        };
        self.at += head.len() + 1;
        if last.is('}') {
            let before = head.last().unwrap_or(first);
            return Err(before.place.problem(format!("a ; is missing after {:?}", before.shown())));
        }
        if head.is_empty() {
            return Err(last.place.problem("a block begins here, but what it is of is missing"));
        }
        let body = match last.is('{') {
            false => None,
            true if nested >= DEEPEST => {
                return Err(place.problem(format!("more than {DEEPEST} blocks in blocks")));
            }
            true => Some(self.block(nested + 1, Some(&place))?),
        };
        Ok(Statement { place, head: head.to_vec(), body })
    }
}

/// `option NAME code N = { ... }`
fn is_definition(head: &[PlacedToken]) -> bool {
    let words: Vec<_> = head.iter().map(|token| token.word().unwrap_or_default()).collect();
    matches!(&words[..], ["option", _, "code", ..]) && head.iter().any(|token| token.is('='))
}

/// A statement that begins in the middle of another one, on a line of its own.
fn unfinished(head: &[PlacedToken]) -> Result<(), Problem> {
    const BEGIN: [&str; 16] = [
        "option",
        "next-server",
        "filename",
        "default-lease-time",
        "max-lease-time",
        "hardware",
        "fixed-address",
        "range",
        "subnet",
        "shared-network",
        "host",
        "group",
        "pool",
        "class",
        "include",
        "authoritative",
    ];
    const SIMPLE: usize = 8;
    let first = head.first().and_then(PlacedToken::word).unwrap_or_default();
    let is_simple = BEGIN.iter().take(SIMPLE).any(|word| *word == first);
    for pair in head.windows(2).filter(|_| is_simple) {
        let [before, token] = pair else { continue };
        let begins = token.word().is_some_and(|word| BEGIN.contains(&word));
        if begins && token.place.line > before.place.line && !before.is(',') && !before.is('=') {
            return Err(before.place.problem(format!("a ; is missing after {:?}", before.shown())));
        }
    }
    Ok(())
}
