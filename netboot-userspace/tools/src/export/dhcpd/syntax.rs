//! Statements of dhcpd's configuration.

use std::collections::BTreeMap;

use netboot_dhcp::{
    DhcpOption,
    option::{self, Dialect},
    show::joined,
    value::{Value, hex},
};
use netboot_ebpf::wire::code;

use crate::export::value;

/// It is signed.
const TIME_OFFSET: u8 = 2;

/// A text in quotes: what is not plain is written in octal.
pub(super) fn quoted(text: &[u8]) -> String {
    let escaped = |byte: &u8| match *byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        other => format!("\\{other:03o}"),
    };
    format!("\"{}\"", text.iter().map(escaped).collect::<String>())
}

/// `option routers 192.168.2.1;`
pub(super) fn statement(option: &DhcpOption) -> String {
    let Some((name, value)) = known(option) else {
        return format!("option {} {};", defined(option.code), hex(&option.value, ":"));
    };
    format!("option {name} {value};")
}

/// The definitions of options that it does not know, or not in this form.
pub(super) fn definitions<'o>(options: impl Iterator<Item = &'o DhcpOption>) -> Vec<String> {
    let unknown = options.filter(|option| known(option).is_none());
    let names: BTreeMap<u8, String> =
        unknown.map(|option| (option.code, defined(option.code))).collect();
    names.into_iter().map(|(code, name)| format!("option {name} code {code} = string;")).collect()
}

fn defined(code: u8) -> String {
    match code {
        code::CLASSLESS_ROUTES => "classless-static-routes".to_owned(),
        code => format!("netboot-{code}"),
    }
}

/// Its name, and the value as it is written.
fn known(option: &DhcpOption) -> Option<(&'static str, String)> {
    let name = option::row(option.code)?.told(Dialect::Dhcpd)?;
    if matches!(option.code, code::VENDOR_CLASS | code::TFTP_SERVER_NAME | code::BOOT_FILE) {
        return Some((name, quoted(&option.value)));
    }
    let value = match value::of(option) {
        Value::Addresses(list) => joined(&list),
        Value::Number(number) if option.code == TIME_OFFSET => number.cast_signed().to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => quoted(text.as_bytes()),
        Value::Names(names) => {
            joined(&names.iter().map(|name| quoted(name.as_bytes())).collect::<Vec<_>>())
        }
        Value::Bytes(bytes) if option.code == code::VENDOR_OPTIONS => hex(&bytes, ":"),
        _ => return None,
    };
    Some((name, value))
}
