//! `dhcp-option`: an option for the machines that have its tags.

use netboot_dhcp::{option, shape::Shape};
use netboot_ebpf::wire::code;

use super::{
    super::options::{encode, guess},
    directives::{Directive, Field},
    tags::Tag,
};

/// An option as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GivenOption {
    pub(super) tags: Vec<Tag>,
    /// The option that it is a part of.
    pub(super) within: Option<u8>,
    pub(super) code: u8,
    /// Empty: dnsmasq shall not send it.
    pub(super) value: Vec<u8>,
}

/// Reads it; why not, if it is none that netboot has.
pub(super) fn read_option(directive: &Directive) -> Result<GivenOption, String> {
    let mut given = GivenOption { tags: Vec::new(), within: None, code: 0, value: Vec::new() };
    let mut fields = directive.fields.iter();
    let mut known = None;
    for field in fields.by_ref() {
        let text = field.text.as_str();
        if let Some(tag) = Tag::prefixed(text) {
            given.tags.push(tag);
        } else if let Some(outer) = text.strip_prefix("encap:") {
            given.within = Some(outer.parse().map_err(|_| format!("{text:?} names no option"))?);
        } else if text.starts_with("vendor:") {
            given.within = Some(code::VENDOR_OPTIONS);
        } else if text.starts_with("vi-encap:") {
            return Err("netboot sends no vendor-identifying options (RFC 3925)".to_owned());
        } else if text.starts_with("option6:") {
            return Err("netboot has no IPv6".to_owned());
        } else if let Some(name) = text.strip_prefix("option:") {
            known = named(name);
            given.code = known
                .map(|(code, _)| code)
                .ok_or_else(|| format!("{name:?} is an unknown option"))?;
            break;
        } else if let Ok(code) = text.parse() {
            given.code = code;
            break;
        } else if given.tags.is_empty() && given.within.is_none() && !text.is_empty() {
            given.tags.push(Tag::new(text));
        } else {
            return Err(format!("{text:?} is no option"));
        }
    }
    let form = match given.within {
        Some(_) => None,
        None => known.map(|(_, shape)| shape).or_else(|| {
            // By number dnsmasq goes by what these look like (RFC 5071's are none that it knows).
            option::row(given.code)
                .map(|row| row.shape)
                .filter(|_| !(208..=211).contains(&given.code))
        }),
    };
    let words: Vec<_> = fields.collect();
    if !words.is_empty() {
        given.value = value(form, &words)?;
    }
    Ok(given)
}

fn named(name: &str) -> Option<(u8, Shape)> {
    if name == "server-ip-address" {
        return Some((code::END, Shape::Addresses));
    }
    option::by_name(name).map(|row| (row.code, row.shape))
}

fn value(form: Option<Shape>, fields: &[&Field]) -> Result<Vec<u8>, String> {
    let words: Vec<_> = fields.iter().map(|field| field.text.as_str()).collect();
    if let [field] = fields {
        if field.quoted && !matches!(form, Some(Shape::Names | Shape::SearchList)) {
            return encode(Shape::Text, &words);
        }
        if let Some((number, width)) = sized(&field.text) {
            return encode(Shape::Number(width), &[number]);
        }
    }
    match form {
        Some(shape) if shape.is_addresses() && words.contains(&"0.0.0.0") => {
            Err("0.0.0.0 is dnsmasq's own address, which only it knows".to_owned())
        }
        // dnsmasq sends addresses where it finds them, and bytes where it finds colons.
        Some(Shape::Text) => encode(Shape::Text, &words),
        Some(form) => encode(form, &words).or_else(|why| match words[..] {
            [word] if word.contains(':') => guess(&words),
            _ => Err(why),
        }),
        None => guess(&words),
    }
}

/// `1500s`: a number of two bytes.
fn sized(text: &str) -> Option<(&str, usize)> {
    let width = match text.chars().last()? {
        'b' => 1,
        's' => 2,
        'i' => 4,
        _ => return None,
    };
    let number = text.get(..text.len() - 1)?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some((number, width))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::import::note::NotePlace;

    #[track_caller]
    fn check(text: &str, expect: Result<(u8, &[u8]), &str>) {
        let field = |text: &str| Field {
            text: text.trim_matches('"').to_owned(),
            quoted: text.starts_with('"'),
        };
        let fields = text.split(',').map(field).collect();
        let place = NotePlace { file: Path::new("a").into(), line: 1 };
        let found = read_option(&Directive { place, name: "dhcp-option".to_owned(), fields });
        let found = found.map(|given| (given.code, given.value));
        let expect = expect.map(|(code, value)| (code, value.to_vec()));
        assert_eq!(found, expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn options_in_all_spellings() {
        check("3,10.0.0.1", Ok((3, &[10, 0, 0, 1])));
        check("option:router,10.0.0.1,10.0.0.2", Ok((3, &[10, 0, 0, 1, 10, 0, 0, 2])));
        check("tag:red,option:mtu,1400", Ok((26, &[5, 120])));
        check("red,26,1400", Ok((26, &[5, 120])));
        check("3", Ok((3, &[])));
        check("66,\"1.2.3.4\"", Ok((66, b"1.2.3.4")));
        check("224,1500s", Ok((224, &[5, 220])));
        check("224,1:2", Ok((224, &[1, 2])));
        check("option:domain-search,a.b,c", Ok((119, &[1, b'a', 1, b'b', 0, 1, b'c', 0])));
        check("121,10.0.0.0/8,10.1.1.1", Ok((121, &[8, 10, 10, 1, 1, 1])));
        check("249,10.0.0.0/8,10.1.1.1", Ok((249, &[8, 10, 10, 1, 1, 1])));
        check("249,08:0a:0a:01:01:01", Ok((249, &[8, 10, 10, 1, 1, 1])));
        check("121,10.0.0.0/8", Err("a route to 10.0.0.0/8 has no router"));
        check("encap:175,176,1b", Ok((176, &[1])));
        check("vendor:PXEClient,6,2b", Ok((6, &[2])));
        check("42,0.0.0.0", Err("0.0.0.0 is dnsmasq's own address, which only it knows"));
        check("option6:dns-server,[::]", Err("netboot has no IPv6"));
        check("option:nonsense,1", Err("\"nonsense\" is an unknown option"));
        check("6,ns1", Err("\"ns1\" is not an IPv4 address"));
    }
}
