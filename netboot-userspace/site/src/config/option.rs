//! `{ code = 66, text = "..." }`: DHCP options by number.

use netboot_dhcp::{
    option::{self, Set},
    value::hex,
};
use toml::de::DeValue;

use super::{
    problem::Placed,
    section::Section,
    value::{address, number, text},
};
use crate::model::DhcpOption;

/// Bytes of a value: what has more than 255 is sent in pieces (RFC 3396), and all must fit an answer.
const MOST: usize = 1024;

/// Whose options they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionOwner {
    Subnet,
    Host,
}

/// The options of a subnet or a host, those that are right.
pub(crate) fn read_options(section: &mut Section<'_>, owner: OptionOwner) -> Vec<DhcpOption> {
    let mut seen: Vec<Placed<u8>> = Vec::new();
    let mut options = Vec::new();
    for mut entry in section.sections("options") {
        let code = entry.require("code", |value| code(value, owner));
        let value = read_value(&mut entry);
        let report = entry.report();
        entry.finish();
        let Some(code) = code else { continue };
        if let Some(first) = seen.iter().find(|first| first.value == code.value) {
            let message = format!(
                "option {} is already given by {} ({})",
                code.value,
                first.place.field,
                first.place.line()
            );
            report.error(&code.place, message);
            continue;
        }
        if let Some((form, value)) = value {
            match shaped(code.value, form, &value.value) {
                Ok(()) => options.push(DhcpOption { code: code.value, value: value.value }),
                Err(message) => report.error(&value.place, message),
            }
        }
        seen.push(code);
    }
    options
}

/// A code that may be set by hand.
fn code(value: &DeValue<'_>, owner: OptionOwner) -> Result<u8, String> {
    let code = number(value)?;
    let why = match option::set(code) {
        _ if matches!(code, 0 | 255) => "it has no value".to_owned(),
        // A host's settings go before those of its subnet, its options by number before both.
        Set::Key(key) if owner == OptionOwner::Subnet => format!("use {key}"),
        Set::Follows(why) | Set::Own(why) => why.to_owned(),
        Set::ByNumber | Set::Key(_) => return Ok(code),
    };
    Err(format!("option {code} is set by the server: {why}"))
}

/// Whether a value has the form that clients read the option by.
fn shaped(code: u8, form: &str, value: &[u8]) -> Result<(), String> {
    let shape = option::shape(code);
    // A number of the wrong width is told by its length.
    let is_number = form.starts_with('u');
    if !shape.fits(value.len()) && (is_number || shape.is_written_as(form)) {
        return Err(format!("this has {} bytes, but option {code} is {shape}", value.len()));
    }
    // "10.0.0.1" as text has the length of two addresses, and 10.0.0.1 that of a number or a text.
    if !shape.is_written_as(form) {
        let given = match form {
            "text" => "text",
            "ip" => "an address",
            _ => "a number",
        };
        return Err(match shape {
            _ if is_number && shape.width().is_some() => {
                format!("option {code} is {shape}, not {form}")
            }
            _ => format!("option {code} is not {given} but {shape}"),
        });
    }
    match shape.content().filter(|_| shape.decode(value).is_none()) {
        Some(content) => Err(format!("option {code} is {content}; this is {:?}", hex(value, ":"))),
        None => Ok(()),
    }
}

/// The one value, as bytes on the wire, and its form.
fn read_value(entry: &mut Section<'_>) -> Option<(&'static str, Placed<Vec<u8>>)> {
    const FORMS: [&str; 6] = ["text", "ip", "hex", "u8", "u16", "u32"];
    let given = FORMS.iter().filter(|form| entry.has(form)).count();
    let values = [
        entry.get("text", |value| checked(text(value)?.into_bytes())),
        entry.get("ip", |value| {
            let addresses = each(value, |value| address(value).map(|ip| ip.octets()))?;
            checked(addresses.concat())
        }),
        entry.get("hex", |value| checked(bytes(&text(value)?)?)),
        entry.get("u8", |value| checked(each(value, number::<u8>)?)),
        entry.get("u16", |value| {
            checked(each(value, |value| number::<u16>(value).map(u16::to_be_bytes))?.concat())
        }),
        entry.get("u32", |value| {
            checked(each(value, |value| number::<u32>(value).map(u32::to_be_bytes))?.concat())
        }),
    ];
    if given != 1 {
        let found = if given == 0 { "none" } else { "several" };
        let message = format!("found {found} of {}; give exactly one", FORMS.join(", "));
        entry.report().error(&entry.place, message);
        return None;
    }
    FORMS.into_iter().zip(values).find_map(|(form, value)| Some((form, value?)))
}

/// A value, or each of a list of them.
fn each<T>(
    value: &DeValue<'_>,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match value.as_array() {
        Some(list) => list.iter().map(|value| read(value.get_ref())).collect(),
        None => Ok(vec![read(value)?]),
    }
}

fn checked(value: Vec<u8>) -> Result<Vec<u8>, String> {
    match value.len() {
        0 => Err("an option cannot be empty".to_owned()),
        1..=MOST => Ok(value),
        length => Err(format!("the value has {length} bytes; an option has {MOST} at most")),
    }
}

/// `0a:0b` or `0a0b`
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("{text:?} is not hexadecimal; write it as \"0a:0b\" or \"0a0b\"");
    let byte = |digits: &[u8]| {
        let [high, low] = digits else { return Err(wrong()) };
        let digit =
            |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Ok(high << 4 | low),
            _ => Err(wrong()),
        }
    };
    if text.contains(':') {
        return text.split(':').map(|group| byte(group.as_bytes())).collect();
    }
    text.as_bytes().chunks(2).map(byte).collect()
}
