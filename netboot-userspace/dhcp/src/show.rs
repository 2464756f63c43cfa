//! DHCP options as an operator reads them.

use std::time::Duration;

use netboot_base::printable::printable;
use serde::Serialize;

use super::{
    message_type, option,
    route::Route,
    shape::Shape,
    value::{self, Value},
};

/// The longest value that is shown in full.
const LIMIT: usize = 120;

/// An option of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownOption {
    pub code: u8,
    pub name: &'static str,
    pub value: String,
}

impl ShownOption {
    #[must_use]
    pub fn new(code: u8, value: &[u8]) -> Self {
        let name = option::row(code).map_or("", |row| row.shown);
        let shown = show(option::shape(code), value);
        Self { code, name, value: shown.unwrap_or_else(|| hex(value)) }
    }
}

/// `None`: the value has not this shape, or is bytes.
fn show(shape: Shape, value: &[u8]) -> Option<String> {
    // Whatever its bytes are.
    if shape == Shape::Text {
        return Some(format!("\"{}\"", printable(value, LIMIT)));
    }
    Some(match shape.decode(value)? {
        Value::Number(number) if shape == Shape::Seconds => seconds(number),
        Value::Number(number) if shape == Shape::MessageType => {
            message_type::name(u8::try_from(number).ok()?).to_owned()
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(on) => u8::from(on).to_string(),
        Value::Numbers(numbers) => joined(&numbers),
        Value::Addresses(addresses) => joined(&addresses),
        Value::Names(names) => names.join(", "),
        Value::Routes(routes) => self::routes(&routes),
        Value::Text(_) | Value::Bytes(_) => return None,
    })
}

/// What is listed, with commas.
pub fn joined<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `10.0.0.0/8 by 192.168.2.1`
pub fn routes(routes: &[Route]) -> String {
    let shown = routes.iter().map(|(destination, router)| format!("{destination} by {router}"));
    shown.collect::<Vec<_>>().join(", ")
}

fn seconds(seconds: u32) -> String {
    if seconds == u32::MAX {
        return "for ever".to_owned();
    }
    humantime::format_duration(Duration::from_secs(seconds.into())).to_string()
}

fn hex(bytes: &[u8]) -> String {
    let begin = bytes.get(..LIMIT / 3).unwrap_or(bytes);
    let cut = if begin.len() < bytes.len() { "..." } else { "" };
    value::hex(begin, ":") + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u8, value: &[u8], expect: &str) {
        let shown = ShownOption::new(code, value);
        assert_eq!(format!("{} {} {}", shown.code, shown.name, shown.value), expect);
    }

    #[test]
    fn values_are_readable() {
        check(54, &[192, 168, 2, 112], "54 server-id 192.168.2.112");
        check(6, &[8, 8, 8, 8, 1, 1, 1, 1], "6 dns 8.8.8.8, 1.1.1.1");
        check(51, &86_400_u32.to_be_bytes(), "51 lease-time 1day");
        check(51, &[0xff; 4], "51 lease-time for ever");
        check(53, &[2], "53 message-type OFFER");
        check(53, &[99], "53 message-type unknown");
        check(12, b"a\x1b[2Jb", "12 hostname \"a\\x1b[2Jb\"");
        check(43, &[6, 1, 8, 255], "43 vendor-options 06:01:08:ff");
        check(93, &[0, 7], "93 architecture 7");
        check(121, &[8, 10, 192, 168, 2, 1], "121 classless-routes 10.0.0.0/8 by 192.168.2.1");
        check(119, b"\x01a\x04test\0\x01b\0", "119 domain-search a.test, b");
        check(119, b"\x01a\x04test\0\x01b\xc0\x02", "119 domain-search a.test, b.test");
        check(93, &[0, 7, 0, 9], "93 architecture 7, 9");
        check(4, &[10, 0, 0, 1], "4 time-servers 10.0.0.1");
        check(19, &[1], "19 ip-forwarding 1");
        check(224, &[1, 2], "224  01:02");
    }

    #[test]
    fn what_has_another_form_is_hexadecimal() {
        check(54, &[1, 2, 3], "54 server-id 01:02:03");
        check(51, &[1], "51 lease-time 01");
        check(121, &[33, 1], "121 classless-routes 21:01");
        check(119, b"\x09a", "119 domain-search 09:61");
        let long = format!("97 machine-id {}...", ["00"; 40].join(":"));
        check(97, &[0; 200], &long);
    }
}
