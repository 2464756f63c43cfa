//! `option-data`, `option-def`: options of a scope.

use std::collections::HashMap;

use netboot_dhcp::{option, shape::Shape};
use netboot_ebpf::wire::code;
use netboot_site::config::Problem;

use super::{
    super::{
        note::{NotePlace, Notes},
        options::{NEXT_SERVER, Options, encode, hex, note_parts},
    },
    node::JsonNode,
};

/// The options that a configuration defines.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// By space and by name or code.
    own: HashMap<(String, String), (u8, Option<Shape>)>,
    /// The options that spaces are sent in.
    outer: HashMap<String, u8>,
}

impl Definitions {
    pub(super) fn add(&mut self, scope: JsonNode<'_>) -> Result<(), Problem> {
        for definition in scope.objects("option-def")? {
            let Some(code) = definition.number("code").and_then(|code| u8::try_from(code).ok())
            else {
                continue;
            };
            let space = definition.text("space").unwrap_or("dhcp4").to_owned();
            let shape = form(definition.text("type").unwrap_or("empty"));
            if let Some(inner) = definition.text("encapsulate").filter(|inner| !inner.is_empty()) {
                self.outer.insert(inner.to_owned(), code);
            }
            let name = definition.text("name").unwrap_or_default().to_owned();
            self.own.insert((space.clone(), name), (code, shape));
            self.own.insert((space, code.to_string()), (code, shape));
        }
        Ok(())
    }

    fn find(&self, space: &str, name: &str) -> Option<(u8, Option<Shape>)> {
        let own = self.own.get(&(space.to_owned(), name.to_owned())).copied();
        let standard = || {
            let row = option::by_name(name).filter(|_| space == "dhcp4")?;
            Some((row.code, Some(row.shape)))
        };
        own.or_else(standard).or_else(|| {
            let code = name.parse().ok()?;
            let row = option::row(code).filter(|_| space == "dhcp4");
            Some((code, row.map(|row| row.shape)))
        })
    }
}

fn form(name: &str) -> Option<Shape> {
    match name {
        "ipv4-address" => Some(Shape::Addresses),
        "string" => Some(Shape::Text),
        "fqdn" => Some(Shape::Names),
        "boolean" => Some(Shape::Bool),
        "uint8" | "int8" => Some(Shape::Numbers(1)),
        "uint16" | "int16" => Some(Shape::Numbers(2)),
        "uint32" | "int32" => Some(Shape::Numbers(4)),
        "binary" => Some(Shape::Bytes),
        _ => None,
    }
}

/// A scope's own options, and the settings that are kept as options.
pub(super) fn options(
    scope: JsonNode<'_>,
    definitions: &Definitions,
    notes: &mut Notes,
) -> Result<Options, Problem> {
    let mut options = Options::default();
    let mut parts: Vec<(u8, Vec<u8>, NotePlace)> = Vec::new();
    for given in scope.objects("option-data")? {
        let place = given.place();
        let (code, outer, value) = match option(given, definitions) {
            Ok(found) => found,
            Err(why) => {
                notes.add(&place, given.shown(), why);
                continue;
            }
        };
        let Some(outer) = outer else {
            // What only holds others is told by them.
            if value.is_empty() && definitions.outer.values().any(|holder| *holder == code) {
                continue;
            }
            options.set(code, value, &place);
            continue;
        };
        let part = [&[code, u8::try_from(value.len()).unwrap_or(u8::MAX)], &value[..]].concat();
        match parts.iter_mut().find(|(known, ..)| *known == outer) {
            Some((_, bytes, _)) => bytes.extend(part),
            None => parts.push((outer, part, place)),
        }
    }
    for (code, value, place) in parts {
        note_parts(code, &value, &place, notes);
    }
    settings(scope, &mut options, notes);
    Ok(options)
}

/// What is no option for Kea, but goes from scope to scope as options do.
fn settings(scope: JsonNode<'_>, options: &mut Options, notes: &mut Notes) {
    if let (Some(node), Some(seconds)) =
        (scope.get("valid-lifetime"), scope.number("valid-lifetime"))
    {
        options.set(code::LEASE_TIME, seconds.to_be_bytes().to_vec(), &node.place());
    }
    if let (Some(node), Some(file)) = (scope.get("boot-file-name"), scope.text("boot-file-name"))
        && !file.is_empty()
    {
        options.set(code::BOOT_FILE, file.as_bytes().to_vec(), &node.place());
    }
    if let (Some(node), Some(server)) = (scope.get("next-server"), scope.text("next-server")) {
        match server.parse::<std::net::Ipv4Addr>() {
            Ok(address) if address.is_unspecified() => {}
            Ok(address) => options.set(NEXT_SERVER, address.octets().to_vec(), &node.place()),
            Err(_) => notes.add(
                &node.place(),
                format!("next-server {server:?}"),
                "it is not an IPv4 address",
            ),
        }
    }
    if let (Some(node), Some(name)) = (scope.get("server-hostname"), scope.text("server-hostname"))
        && !name.is_empty()
    {
        notes.add(
            &node.place(),
            format!("server-hostname {name:?}"),
            "netboot sends no server name",
        );
    }
}

/// An option's code, the option that it is a part of, and its bytes.
fn option(
    given: JsonNode<'_>,
    definitions: &Definitions,
) -> Result<(u8, Option<u8>, Vec<u8>), String> {
    if given.flag("never-send") == Some(true) {
        return Err("netboot has nothing like it: leave the option out".to_owned());
    }
    let space = given.text("space").unwrap_or("dhcp4");
    let name = match given.number("code") {
        Some(code) => code.to_string(),
        None => given.text("name").ok_or("it has neither code nor name")?.to_owned(),
    };
    let found = definitions.find(space, &name);
    let (code, shape) = found.ok_or_else(|| format!("{name:?} is an unknown option"))?;
    let outer = match space {
        "dhcp4" => None,
        space => Some(definitions.outer.get(space).copied().unwrap_or(code::VENDOR_OPTIONS)),
    };
    let data = given.text("data").unwrap_or_default();
    let value = match (given.flag("csv-format"), shape) {
        // Without a definition the data is hexadecimal.
        (Some(false), _) | (None, None) | (_, Some(Shape::Bytes)) => bytes(data)?,
        (_, Some(Shape::Text)) => data.replace("\\,", ",").into_bytes(),
        (_, Some(shape)) => {
            let words: Vec<_> =
                data.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
            encode(shape, &words)?
        }
        (Some(true), None) => return Err("its type is not one that netboot can read".to_owned()),
    };
    Ok((code, outer, value))
}

/// `0A0B`, `0x0a0b`, `0a:0b`, `'text'`
fn bytes(data: &str) -> Result<Vec<u8>, String> {
    let quoted = data.trim().strip_prefix('\'').and_then(|data| data.strip_suffix('\''));
    match quoted {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => hex(data).ok_or_else(|| format!("{data:?} is not hexadecimal")),
    }
}
