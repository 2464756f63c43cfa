//! The conditions of `if` and `match if`.

use netboot_ebpf::wire::code;

use super::{
    super::{
        boot::Test,
        condition::{Conditions, DEEPEST, Ways, equals},
        options::hex,
    },
    lexer::{PlacedToken, Token},
    names::{Named, Names},
};

/// The condition that the tokens are; what is not understood is a test that netboot cannot do.
pub(super) fn condition(tokens: &[PlacedToken], names: &Names) -> Ways {
    let mut reader = ConditionReader { tokens, at: 0, names };
    let found = reader.either(0).filter(|_| reader.at == tokens.len());
    found.unwrap_or_else(|| {
        let shown: Vec<_> = tokens.iter().map(PlacedToken::shown).collect();
        Ways::one(Test::Other(shown.join(" ")))
    })
}

struct ConditionReader<'t> {
    tokens: &'t [PlacedToken],
    at: usize,
    names: &'t Names,
}

/// What is compared.
enum Data {
    /// An option's bytes, from one on.
    Option(u8, usize),
    Bytes(Vec<u8>),
}

impl Conditions for ConditionReader<'_> {
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at).and_then(PlacedToken::word) == Some(word);
        self.at += usize::from(found);
        found
    }

    fn one(&mut self, depth: usize) -> Option<Ways> {
        if depth > DEEPEST {
            return None;
        }
        if self.take_word("not") {
            return Some(self.one(depth + 1)?.not());
        }
        if self.take_word("exists") {
            let name = self.word()?;
            return self.exists(name).map(Ways::one);
        }
        if self.take_word("known") {
            return Some(Ways::always());
        }
        if self.tokens.get(self.at).is_some_and(|token| token.is('(')) {
            let before = self.at;
            self.at += 1;
            if let Some(ways) = self.either(depth + 1)
                && self.sign(')').is_some()
            {
                return Some(ways);
            }
            // What stands in parentheses may be what is compared.
            self.at = before;
        }
        self.comparison(depth)
    }
}

impl<'t> ConditionReader<'t> {
    fn next(&mut self) -> Option<&'t PlacedToken> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    fn word(&mut self) -> Option<&'t str> {
        self.next()?.word()
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.next()?.is(sign).then_some(())
    }

    fn exists(&self, name: &str) -> Option<Test> {
        let space = name.split('.').next().unwrap_or_default();
        if self.names.is_part_of(name, code::IPXE)
            || (name.contains('.') && matches!(space, "ipxe" | "gpxe"))
        {
            return Some(Test::Class("iPXE".to_owned()));
        }
        match self.names.find(name)? {
            Named::Option(code::IPXE, _) => Some(Test::Class("iPXE".to_owned())),
            Named::Option(code, _) => Some(Test::Has(code)),
            Named::Part { .. } => None,
        }
    }

    fn comparison(&mut self, depth: usize) -> Option<Ways> {
        let left = self.data(depth)?;
        let is_negated = match self.next()?.token {
            Token::Sign('=') => false,
            Token::Sign('!') => {
                self.sign('=')?;
                true
            }
            _ => return None,
        };
        let right = self.data(depth)?;
        let ((Data::Option(code, from), Data::Bytes(value))
        | (Data::Bytes(value), Data::Option(code, from))) = (left, right)
        else {
            return None;
        };
        let ways = Ways::one(equals(code, from, &value)?);
        Some(if is_negated { ways.not() } else { ways })
    }

    fn data(&mut self, depth: usize) -> Option<Data> {
        if depth > DEEPEST {
            return None;
        }
        let token = self.next()?;
        let word = match &token.token {
            Token::Text(bytes) => return Some(Data::Bytes(bytes.clone())),
            Token::Word(word) => word.as_str(),
            Token::Sign('(') => {
                let data = self.data(depth + 1)?;
                self.sign(')')?;
                return Some(data);
            }
            Token::Sign(_) => return None,
        };
        match word {
            "option" => match self.names.find(self.tokens.get(self.at)?.word()?)? {
                Named::Option(code, _) => {
                    self.at += 1;
                    Some(Data::Option(code, 0))
                }
                Named::Part { .. } => None,
            },
            "substring" => {
                self.sign('(')?;
                let inner = self.data(depth + 1)?;
                self.sign(',')?;
                let from: usize = self.word()?.parse().ok()?;
                self.sign(',')?;
                let length: usize = self.word()?.parse().ok()?;
                self.sign(')')?;
                Some(match inner {
                    Data::Option(code, before) => Data::Option(code, before.checked_add(from)?),
                    Data::Bytes(bytes) => {
                        Data::Bytes(bytes.into_iter().skip(from).take(length).collect())
                    }
                })
            }
            // A number of dhcpd's has a form of its own where it is not bytes.
            _ => hex(word).filter(|_| word.contains(':')).map(Data::Bytes),
        }
    }
}
