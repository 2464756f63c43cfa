//! The `test` of a client class, read into the ways to meet it.

use std::collections::HashMap;

use netboot_dhcp::option;
use netboot_ebpf::wire::code;

use super::super::{
    boot::Test,
    condition::{Conditions, DEEPEST, Ways, equals},
    options::hex,
};

/// The condition that the text is; what is not understood is a test that netboot cannot do.
pub(super) fn test(text: &str, classes: &HashMap<String, Ways>) -> Ways {
    let found = tokens(text).and_then(|tokens| {
        let mut reader = TestReader { tokens: &tokens, at: 0, classes };
        reader.either(0).filter(|_| reader.at == tokens.len())
    });
    found.unwrap_or_else(|| Ways::one(Test::Other(text.to_owned())))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TestToken {
    Word(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Option<Vec<TestToken>> {
    const SIGNS: [&str; 8] = ["==", "!=", "(", ")", "[", "]", ",", "."];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '\'' {
            let end = rest.get(1..)?.find('\'')?;
            (TestToken::Text(rest.get(1..=end)?.to_owned()), end + 2)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (TestToken::Sign(sign), sign.len())
        } else {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
                .unwrap_or(rest.len());
            let word = rest.get(..end).filter(|word| !word.is_empty())?;
            (TestToken::Word(word.to_owned()), end)
        };
        tokens.push(token);
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

struct TestReader<'t> {
    tokens: &'t [TestToken],
    at: usize,
    classes: &'t HashMap<String, Ways>,
}

/// What is compared.
enum Data {
    /// An option's bytes, from one on.
    Option(u8, usize),
    Bytes(Vec<u8>),
}

/// What an expression's end is.
enum Operand {
    Data(Data),
    Ways(Ways),
}

impl Conditions for TestReader<'_> {
    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(TestToken::Word(next)) if next == word);
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
        if self.tokens.get(self.at) == Some(&TestToken::Sign("(")) {
            self.at += 1;
            let ways = self.either(depth + 1)?;
            self.sign(")")?;
            return Some(ways);
        }
        let left = match self.operand(depth)? {
            Operand::Ways(ways) => return Some(ways),
            Operand::Data(data) => data,
        };
        let is_negated = match self.next()? {
            TestToken::Sign("==") => false,
            TestToken::Sign("!=") => true,
            _ => return None,
        };
        let Operand::Data(right) = self.operand(depth)? else { return None };
        let ((Data::Option(code, from), Data::Bytes(value))
        | (Data::Bytes(value), Data::Option(code, from))) = (left, right)
        else {
            return None;
        };
        let ways = Ways::one(equals(code, from, &value)?);
        Some(if is_negated { ways.not() } else { ways })
    }
}

impl<'t> TestReader<'t> {
    fn next(&mut self) -> Option<&'t TestToken> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    fn word(&mut self) -> Option<&'t str> {
        match self.next()? {
            TestToken::Word(word) => Some(word),
            _ => None,
        }
    }

    fn sign(&mut self, sign: &'static str) -> Option<()> {
        (*self.next()? == TestToken::Sign(sign)).then_some(())
    }

    fn operand(&mut self, depth: usize) -> Option<Operand> {
        if depth > DEEPEST {
            return None;
        }
        let word = match self.next()? {
            TestToken::Text(text) => {
                return Some(Operand::Data(Data::Bytes(text.clone().into_bytes())));
            }
            TestToken::Word(word) => word.as_str(),
            TestToken::Sign(_) => return None,
        };
        match word {
            "option" => self.option(),
            "member" => self.member(),
            "substring" => {
                self.sign("(")?;
                let Operand::Data(inner) = self.operand(depth + 1)? else { return None };
                self.sign(",")?;
                let from: usize = self.word()?.parse().ok()?;
                self.sign(",")?;
                let length = match self.word()? {
                    "all" => usize::MAX,
                    length => length.parse().ok()?,
                };
                self.sign(")")?;
                Some(Operand::Data(match inner {
                    Data::Option(code, before) => Data::Option(code, before.checked_add(from)?),
                    Data::Bytes(bytes) => {
                        Data::Bytes(bytes.into_iter().skip(from).take(length).collect())
                    }
                }))
            }
            _ => {
                let bytes =
                    hex(word).filter(|_| word.starts_with("0x") || word.starts_with("0X"))?;
                Some(Operand::Data(Data::Bytes(bytes)))
            }
        }
    }

    /// `option[77].hex`, `option[user-class].exists`
    fn option(&mut self) -> Option<Operand> {
        self.sign("[")?;
        let name = self.word()?;
        let code = name.parse().ok().or_else(|| option::by_name(name).map(|row| row.code))?;
        self.sign("]")?;
        self.sign(".")?;
        match (self.word()?, code) {
            ("exists", code::IPXE) => {
                Some(Operand::Ways(Ways::one(Test::Class("iPXE".to_owned()))))
            }
            ("exists", code) => Some(Operand::Ways(Ways::one(Test::Has(code)))),
            ("hex" | "text", code) => Some(Operand::Data(Data::Option(code, 0))),
            _ => None,
        }
    }

    /// `member('PXE')`
    fn member(&mut self) -> Option<Operand> {
        self.sign("(")?;
        let TestToken::Text(name) = self.next()? else { return None };
        self.sign(")")?;
        let ways = match name.strip_prefix("VENDOR_CLASS_") {
            Some(vendor) => Ways::one(Test::Vendor(vendor.to_owned())),
            None if name == "UNKNOWN" => Ways::always().not(),
            None if name == "ALL" || name == "KNOWN" => Ways::always(),
            None => self.classes.get(name)?.clone(),
        };
        Some(Operand::Ways(ways))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let classes = [("pxe".to_owned(), Ways::one(Test::Vendor("PXEClient".to_owned())))].into();
        assert_eq!(format!("{:?}", test(text, &classes).0), expect, "{text}");
    }

    #[test]
    fn expressions() {
        check("option[93].hex == 0x0007", "[[Arch(7)]]");
        check("option[93].hex == 0x0007 or option[93].hex == 0x0009", "[[Arch(7)], [Arch(9)]]");
        check(
            "not (option[77].hex == 'iPXE') and option[93].hex==0x0000",
            "[[Not(Class(\"iPXE\")), Arch(0)]]",
        );
        check("option[77].text == 'Tinkerbell'", "[[Class(\"Tinkerbell\")]]");
        check("option[77].hex == 0x0A54696E6B657262656C6C", "[[Class(\"Tinkerbell\")]]");
        check("substring(option[77].hex,1,10) == 'Tinkerbell'", "[[Class(\"Tinkerbell\")]]");
        check("substring(option[60].hex,0,9) == 'PXEClient'", "[[Vendor(\"PXEClient\")]]");
        check("substring(option[vendor-class-identifier].hex, 15, 5) == '00009'", "[[Arch(9)]]");
        check("option[175].exists and member('pxe')", "[[Class(\"iPXE\"), Vendor(\"PXEClient\")]]");
        check("member('VENDOR_CLASS_HTTPClient')", "[[Vendor(\"HTTPClient\")]]");
        check("'a' == 'a'", "[[Other(\"'a' == 'a'\")]]");
        check("pkt4.mac == 0x001122334455", "[[Other(\"pkt4.mac == 0x001122334455\")]]");
        check("option[93].hex == 'ä", "[[Other(\"option[93].hex == 'ä\")]]");
        check("", "[[Other(\"\")]]");
        let nested = "(".repeat(5000);
        check(&nested, &format!("[[Other({nested:?})]]"));
    }
}
