//! The lexer of dhcpd's configuration: words, strings and signs.

use std::iter::Peekable;

use netboot_site::config::Problem;

use super::super::{files::FileText, note::NotePlace};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number, an address.
    Word(String),
    /// What was quoted: bytes.
    Text(Vec<u8>),
    Sign(char),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedToken {
    pub(super) token: Token,
    pub(super) place: NotePlace,
}

impl PlacedToken {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.token {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is(&self, sign: char) -> bool {
        self.token == Token::Sign(sign)
    }

    pub(super) fn shown(&self) -> String {
        match &self.token {
            Token::Word(word) => word.clone(),
            Token::Text(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            Token::Sign(sign) => sign.to_string(),
        }
    }
}

/// All tokens of a file.
pub(super) fn tokens(text: &FileText) -> Result<Vec<PlacedToken>, Problem> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text.text.chars().peekable();
    while let Some(character) = rest.next() {
        let place = NotePlace { file: text.file.clone(), line };
        let token = match character {
            '\n' => {
                line += 1;
                continue;
            }
            '#' => {
                while rest.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '"' => Token::Text(quoted(&mut rest, &mut line).ok_or_else(|| {
                place.problem("the string that begins here is not closed: a quote (\") is missing")
            })?),
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| is_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            c if c.is_whitespace() => continue,
            c if c.is_ascii_punctuation() => Token::Sign(c),
            c => return Err(place.problem(format!("{c:?} is no character of a configuration"))),
        };
        tokens.push(PlacedToken { token, place });
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

/// Up to the closing quote; `None`: there is none.
fn quoted(rest: &mut Peekable<std::str::Chars<'_>>, line: &mut usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let character = match rest.next()? {
            '"' => return Some(bytes),
            '\\' => match rest.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'b' => '\u{8}',
                'x' => {
                    bytes.push(number(rest, 16, 2, 0));
                    continue;
                }
                digit @ '0'..='7' => {
                    let first = digit.to_digit(8).unwrap_or_default();
                    bytes.push(number(rest, 8, 2, first));
                    continue;
                }
                other => other,
            },
            other => other,
        };
        *line += usize::from(character == '\n');
        bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn number(rest: &mut Peekable<std::str::Chars<'_>>, radix: u32, most: usize, first: u32) -> u8 {
    let mut number = first;
    for _ in 0..most {
        let Some(digit) = rest.next_if(|c| c.is_digit(radix)).and_then(|c| c.to_digit(radix))
        else {
            break;
        };
        number = number * radix + digit;
    }
    u8::try_from(number & 0xff).unwrap_or_default()
}
