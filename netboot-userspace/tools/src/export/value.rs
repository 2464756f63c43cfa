//! The value of an option as configurations write it.

use std::net::Ipv4Addr;

use netboot_dhcp::routes::{self, Route};
use netboot_site::{config::Shape, model::DhcpOption};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'o> {
    Addresses(Vec<Ipv4Addr>),
    Number(u32),
    Text(&'o str),
    Names(Vec<String>),
    Routes(Vec<Route>),
    Bytes(&'o [u8]),
}

/// Options that all servers know as text (RFC 2132, RFC 4833).
pub(super) const TEXTS: [u8; 10] = [12, 15, 17, 18, 40, 64, 66, 67, 100, 101];
const VENDOR_CLASS: u8 = 60;
const DOMAIN_SEARCH: u8 = 119;

impl<'o> Value<'o> {
    pub(super) fn of(option: &'o DhcpOption) -> Self {
        let DhcpOption { code, value } = option;
        let found = match Shape::of(*code) {
            Some(Shape::Address | Shape::Addresses | Shape::AddressPairs) => addresses(value),
            Some(Shape::Number(_)) => number(value),
            Some(Shape::Routes) => routes::read(value).map(Self::Routes),
            Some(Shape::Names) if *code == DOMAIN_SEARCH => names(value).map(Self::Names),
            Some(Shape::Text) if TEXTS.contains(code) || *code == VENDOR_CLASS => {
                plain(value).map(Self::Text)
            }
            // Bytes are taken by servers that do not know an option's form.
            Some(Shape::Numbers(_) | Shape::Names | Shape::Text) | None => None,
        };
        found.unwrap_or(Self::Bytes(value))
    }
}

/// Text without control characters.
pub(super) fn plain(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| !text.is_empty() && !text.contains(char::is_control))
}

/// Bytes in hexadecimal, between them this.
pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

/// What is listed, with commas.
pub(super) fn joined<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn addresses(value: &[u8]) -> Option<Value<'_>> {
    let (chunks, rest) = value.as_chunks::<4>();
    let addresses = chunks.iter().map(|octets| Ipv4Addr::from(*octets)).collect();
    (rest.is_empty() && !value.is_empty()).then_some(Value::Addresses(addresses))
}

fn number(value: &[u8]) -> Option<Value<'_>> {
    let is_number = (1..=4).contains(&value.len());
    let number = value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    is_number.then_some(Value::Number(number))
}

/// RFC 1035 section 4.1.4: a name can end in that of an earlier one.
fn names(value: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < value.len() {
        let (name, end) = name(value, at)?;
        names.push(name);
        at = end;
    }
    Some(names)
}

fn name(value: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut end = None;
    // More labels than bytes: it goes round.
    for _ in 0..value.len() {
        let len = usize::from(*value.get(at)?);
        if len == 0 {
            let name = labels.join(".");
            return (!labels.is_empty()).then_some((name, end.unwrap_or(at + 1)));
        }
        if len & 0xc0 == 0xc0 {
            end = end.or(Some(at + 2));
            at = (len & 0x3f) << 8 | usize::from(*value.get(at + 1)?);
            continue;
        }
        let label = plain(value.get(at + 1..at + 1 + len)?)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        labels.push(label.chars().all(is_name).then_some(label)?);
        at += 1 + len;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u8, value: &[u8], expect: Value<'_>) {
        let option = DhcpOption { code, value: value.to_vec() };
        assert_eq!(Value::of(&option), expect);
    }

    #[test]
    fn values_by_their_code() {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        check(3, &[10, 0, 0, 1, 10, 0, 0, 1], Value::Addresses(vec![address; 2]));
        check(26, &[5, 220], Value::Number(1500));
        check(2, &[255; 4], Value::Number(u32::MAX));
        check(15, b"a.b", Value::Text("a.b"));
        check(66, b"a\nb", Value::Bytes(b"a\nb"));
        check(98, b"http://x/", Value::Bytes(b"http://x/"));
        check(68, &[10, 0, 0, 1], Value::Addresses(vec![address]));
        check(108, &[0, 0, 7, 8], Value::Number(1800));
        check(116, &[1], Value::Number(1));
        check(150, &[10, 0, 0, 1, 10, 0, 0, 1], Value::Addresses(vec![address; 2]));
        check(211, &[0, 0, 0, 30], Value::Number(30));
        check(211, &[30], Value::Number(30));
        for code in TEXTS {
            assert_eq!(Shape::of(code), Some(Shape::Text), "{code}");
        }
        check(224, b"abc", Value::Bytes(b"abc"));
        let route = |net: &str| (net.parse().unwrap(), address);
        let all = || Value::Routes(vec![route("10.128.0.0/9"), route("0.0.0.0/0")]);
        for code in [121, 249] {
            check(code, &[9, 10, 128, 10, 0, 0, 1, 0, 10, 0, 0, 1], all());
        }
        check(121, &[9, 10, 10, 0, 0, 1], Value::Bytes(&[9, 10, 10, 0, 0, 1]));
        check(
            121,
            &[33, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            Value::Bytes(&[33, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        );
        let names = |names: &[&str]| Value::Names(names.iter().map(|&own| own.into()).collect());
        check(119, b"\x01a\x01b\0\x02cd\0", names(&["a.b", "cd"]));
        check(119, b"\x01a\x01b\0\x02cd\xc0\x02\x01e\0", names(&["a.b", "cd.b", "e"]));
        for broken in [&b"\x01a"[..], b"\xc0\0", b"\0", b"\x03a,b\0"] {
            check(119, broken, Value::Bytes(broken));
        }
    }
}
