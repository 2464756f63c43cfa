//! The names of options: those that dhcpd knows, and those that a file defines.

use std::collections::HashMap;

use netboot_dhcp::{option, shape::Shape};
use netboot_ebpf::wire::code;

use super::{
    super::options::{encode, hex},
    lexer::{PlacedToken, Token},
    statements::Statement,
};

/// Options that a file defines itself.
#[derive(Debug, Default)]
pub(super) struct Names {
    own: HashMap<String, (u8, ValueForm)>,
    /// The options that spaces are sent in.
    outer: HashMap<String, u8>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    Known(Shape),
    /// A string in quotes, or bytes.
    String,
    Unknown,
}

/// An option that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Option(u8, ValueForm),
    /// A part of an option.
    Part {
        outer: u8,
        code: u8,
        form: ValueForm,
    },
}

impl Names {
    /// `option NAME code N = TYPE`, `option space NAME`; whether it is one of them.
    pub(super) fn define(&mut self, statement: &Statement) -> bool {
        let words = statement.words();
        match &words[..] {
            ["option", "space", ..] => return true,
            ["option", name, "code", code, ..] => {
                let Ok(code) = code.parse() else { return true };
                let kind: Vec<_> =
                    statement.head.iter().skip_while(|token| !token.is('=')).skip(1).collect();
                let kind: Vec<_> = kind.iter().map(|token| token.word().unwrap_or("{")).collect();
                if let ["encapsulate", space] = kind[..] {
                    self.outer.insert(space.to_owned(), code);
                }
                self.own.insert((*name).to_owned(), (code, form(&kind)));
            }
            _ => return false,
        }
        true
    }

    pub(super) fn find(&self, name: &str) -> Option<Named> {
        if let Some((code, form)) = self.own.get(name).copied() {
            return Some(match name.split_once('.').map(|(space, _)| space) {
                Some(space) if space != "dhcp" => {
                    let outer = self.outer.get(space).copied();
                    Named::Part { outer: outer.unwrap_or(code::VENDOR_OPTIONS), code, form }
                }
                _ => Named::Option(code, form),
            });
        }
        let name = name.strip_prefix("dhcp.").unwrap_or(name);
        let unknown = name.strip_prefix("option-").or_else(|| name.strip_prefix("unknown-"));
        if let Some(code) = unknown.and_then(|code| code.parse().ok()) {
            return Some(Named::Option(code, ValueForm::String));
        }
        let row = option::by_name(name)?;
        let form = match row.shape {
            Shape::Bytes => ValueForm::String,
            shape => ValueForm::Known(shape),
        };
        Some(Named::Option(row.code, form))
    }

    /// Whether the name is one of a space that this option is sent in.
    pub(super) fn is_part_of(&self, name: &str, code: u8) -> bool {
        let space = name.split_once('.').map(|(space, _)| space);
        space.is_some_and(|space| self.outer.get(space) == Some(&code))
    }
}

fn form(words: &[&str]) -> ValueForm {
    match words {
        ["array", "of", rest @ ..] => form(rest),
        ["ip-address"] => ValueForm::Known(Shape::Addresses),
        ["text" | "domain-name"] => ValueForm::Known(Shape::Text),
        ["domain-list", "compressed"] => ValueForm::Known(Shape::SearchList),
        ["domain-list", ..] => ValueForm::Known(Shape::Names),
        ["boolean"] => ValueForm::Known(Shape::Bool),
        ["unsigned" | "signed", rest @ ..] => form(rest),
        ["integer", width] => match *width {
            "8" => ValueForm::Known(Shape::Numbers(1)),
            "16" => ValueForm::Known(Shape::Numbers(2)),
            "32" => ValueForm::Known(Shape::Numbers(4)),
            _ => ValueForm::Unknown,
        },
        ["string"] => ValueForm::String,
        _ => ValueForm::Unknown,
    }
}

/// A value's bytes.
pub(super) fn value(form: ValueForm, tokens: &[PlacedToken]) -> Result<Vec<u8>, String> {
    if tokens.first().is_some_and(|token| token.is('=')) {
        return Err("netboot has no expressions".to_owned());
    }
    let tokens: Vec<_> = tokens.iter().filter(|token| !token.is(',')).collect();
    if tokens.is_empty() {
        return Err("it has no value".to_owned());
    }
    let texts: Vec<String> = tokens
        .iter()
        .map(|token| match &token.token {
            Token::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Token::Word(word) => word.clone(),
            Token::Sign(sign) => sign.to_string(),
        })
        .collect();
    let words: Vec<_> = texts.iter().map(String::as_str).collect();
    match (form, &tokens[..]) {
        (
            ValueForm::Known(Shape::Text) | ValueForm::String,
            [PlacedToken { token: Token::Text(bytes), .. }],
        ) => Ok(bytes.clone()),
        (ValueForm::Known(Shape::Text), [_]) => encode(Shape::Text, &words),
        (ValueForm::Known(Shape::Text), _) => Err("it has more than one string".to_owned()),
        (ValueForm::String, _) => {
            hex(&words.concat()).ok_or_else(|| "it is neither a string nor bytes".to_owned())
        }
        (ValueForm::Known(shape), _) => encode(shape, &words),
        (ValueForm::Unknown, _) => Err("its type is not one that netboot can read".to_owned()),
    }
}
