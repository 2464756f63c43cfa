//! The value of an option as other servers' configurations write it: bytes, where not all servers know its form.

use netboot_dhcp::{
    DhcpOption,
    option::{self, Row},
    shape::Shape,
    value::Value,
};
use netboot_ebpf::wire::code;

/// What is written.
pub(super) fn of(option: &DhcpOption) -> Value {
    let value = option::row(option.code).and_then(|row| known(row, &option.value));
    value.unwrap_or_else(|| Value::Bytes(option.value.clone()))
}

fn known(row: &Row, bytes: &[u8]) -> Option<Value> {
    let value = row.shape.decode(bytes)?;
    match value {
        Value::Bool(on) => Some(Value::Number(on.into())),
        Value::Numbers(_) => None,
        Value::Names(_) if row.shape == Shape::Names => None,
        Value::Text(text) => {
            let is_known = row.is_text_everywhere || row.code == code::VENDOR_CLASS;
            let is_whole = text.len() == bytes.len() && !text.contains(char::is_control);
            (is_known && is_whole).then_some(Value::Text(text))
        }
        value => Some(value),
    }
}

/// Whether dnsmasq takes nothing but such values for the option.
pub(super) fn is_strict(code: u8) -> bool {
    option::row(code).is_some_and(|row| row.is_text_everywhere)
        || option::shape(code).is_addresses()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[track_caller]
    fn check(code: u8, value: &[u8], expect: Value) {
        assert_eq!(of(&DhcpOption { code, value: value.to_vec() }), expect, "{code}");
    }

    #[test]
    fn values_by_their_code() {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let text = |text: &str| Value::Text(text.to_owned());
        check(3, &[10, 0, 0, 1, 10, 0, 0, 1], Value::Addresses(vec![address; 2]));
        check(26, &[5, 220], Value::Number(1500));
        check(2, &[255; 4], Value::Number(u32::MAX));
        check(15, b"a.b", text("a.b"));
        check(60, b"PXEClient", text("PXEClient"));
        check(66, b"a\nb", bytes(b"a\nb"));
        check(66, b"a\0", bytes(b"a\0"));
        check(98, b"http://x/", bytes(b"http://x/"));
        check(68, &[10, 0, 0, 1], Value::Addresses(vec![address]));
        check(108, &[0, 0, 7, 8], Value::Number(1800));
        check(116, &[1], Value::Number(1));
        check(150, &[10, 0, 0, 1, 10, 0, 0, 1], Value::Addresses(vec![address; 2]));
        check(211, &[0, 0, 0, 30], Value::Number(30));
        check(211, &[30], bytes(&[30]));
        check(93, &[0, 7], bytes(&[0, 7]));
        check(224, b"abc", bytes(b"abc"));
        for code in [121, 249] {
            let routes = vec![("10.0.0.0/8".parse().unwrap(), address)];
            check(code, &[8, 10, 10, 0, 0, 1], Value::Routes(routes));
        }
        check(119, b"\x01a\x01b\0", Value::Names(vec!["a.b".to_owned()]));
        check(88, b"\x01a\x01b\0", bytes(b"\x01a\x01b\0"));
    }

    #[test]
    fn what_dnsmasq_takes_in_one_form_only() {
        for (code, expect) in [(12, true), (68, true), (150, true), (60, false), (224, false)] {
            assert_eq!(is_strict(code), expect, "{code}");
        }
    }
}
