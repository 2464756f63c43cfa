//! DHCP options as an operator reads them.

use std::{net::Ipv4Addr, time::Duration};

use netboot_base::printable::printable;
use netboot_dhcp::routes;
use netboot_ebpf::wire::code;
use serde::Serialize;

/// The longest value that is shown in full.
const LIMIT: usize = 120;

/// An option of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub code: u8,
    pub name: &'static str,
    pub value: String,
}

impl Shown {
    #[must_use]
    pub fn new(code: u8, value: &[u8]) -> Self {
        let known = OPTIONS.iter().find(|(known, ..)| *known == code);
        let (name, form) = known.map_or(("", Form::Hex), |(_, name, form)| (*name, *form));
        Self { code, name, value: form.show(value).unwrap_or_else(|| hex(value)) }
    }
}

/// The name of a message type (option 53).
#[must_use]
pub fn message_name(number: u8) -> &'static str {
    let index = usize::from(number).checked_sub(1);
    index.and_then(|index| TYPES.get(index)).copied().unwrap_or("unknown")
}

const TYPES: [&str; 8] =
    ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"];

#[derive(Clone, Copy)]
enum Form {
    Addresses,
    Seconds,
    Text,
    Number,
    Type,
    /// RFC 3442.
    Routes,
    /// RFC 3397, as we send it: without compression.
    Names,
    Hex,
}

/// Those that requests and answers have.
const OPTIONS: [(u8, &str, Form); 35] = [
    (code::SUBNET_MASK, "subnet-mask", Form::Addresses),
    (code::ROUTER, "router", Form::Addresses),
    (code::DNS, "dns", Form::Addresses),
    (code::LOG_SERVER, "log-server", Form::Addresses),
    (code::HOSTNAME, "hostname", Form::Text),
    (code::DOMAIN_NAME, "domain", Form::Text),
    (17, "root-path", Form::Text),
    (code::INTERFACE_MTU, "mtu", Form::Number),
    (code::BROADCAST_ADDRESS, "broadcast", Form::Addresses),
    (code::STATIC_ROUTES, "static-routes", Form::Addresses),
    (code::NTP, "ntp", Form::Addresses),
    (code::VENDOR_OPTIONS, "vendor-options", Form::Hex),
    (code::REQUESTED_ADDRESS, "requested-address", Form::Addresses),
    (code::LEASE_TIME, "lease-time", Form::Seconds),
    (code::OVERLOAD, "overload", Form::Number),
    (code::MESSAGE_TYPE, "message-type", Form::Type),
    (code::SERVER_ID, "server-id", Form::Addresses),
    (code::PARAMETER_LIST, "parameters", Form::Hex),
    (code::MESSAGE, "message", Form::Text),
    (code::MAX_MESSAGE, "max-message", Form::Number),
    (code::RENEWAL_TIME, "renewal-time", Form::Seconds),
    (code::REBINDING_TIME, "rebinding-time", Form::Seconds),
    (code::VENDOR_CLASS, "vendor-class", Form::Text),
    (code::CLIENT_ID, "client-id", Form::Hex),
    (code::TFTP_SERVER_NAME, "tftp-server", Form::Text),
    (code::BOOT_FILE, "boot-file", Form::Text),
    (code::USER_CLASS, "user-class", Form::Text),
    (code::RELAY_AGENT, "relay-agent", Form::Hex),
    (code::ARCHITECTURE, "architecture", Form::Number),
    (94, "undi", Form::Hex),
    (code::MACHINE_ID, "machine-id", Form::Hex),
    (code::DOMAIN_SEARCH, "domain-search", Form::Names),
    (code::CLASSLESS_ROUTES, "classless-routes", Form::Routes),
    (150, "tftp-servers", Form::Addresses),
    (code::IPXE, "ipxe", Form::Hex),
];

impl Form {
    /// `None`: the value has not this form.
    fn show(self, value: &[u8]) -> Option<String> {
        match self {
            Self::Addresses => {
                let (addresses, rest) = value.as_chunks::<4>();
                let shown = addresses.iter().map(|octets| Ipv4Addr::from(*octets).to_string());
                (rest.is_empty() && !value.is_empty()).then(|| shown.collect::<Vec<_>>().join(", "))
            }
            Self::Seconds => {
                let seconds = u32::from_be_bytes(value.try_into().ok()?);
                let span = Duration::from_secs(seconds.into());
                let endless = seconds == u32::MAX;
                let span = humantime::format_duration(span).to_string();
                Some(if endless { "for ever".to_owned() } else { span })
            }
            Self::Text => Some(format!("\"{}\"", printable(value, LIMIT))),
            Self::Number => match *value {
                [number] => Some(number.to_string()),
                [high, low] => Some(u16::from_be_bytes([high, low]).to_string()),
                _ => None,
            },
            Self::Type => {
                let [number] = value else { return None };
                Some(message_name(*number).to_owned())
            }
            Self::Routes => routes(value),
            Self::Names => names(value),
            Self::Hex => None,
        }
    }
}

fn routes(value: &[u8]) -> Option<String> {
    let routes = routes::read(value)?;
    let shown = routes.iter().map(|(destination, router)| format!("{destination} by {router}"));
    Some(shown.collect::<Vec<_>>().join(", "))
}

fn names(mut value: &[u8]) -> Option<String> {
    let mut names = Vec::new();
    let mut labels = Vec::new();
    while let [length, rest @ ..] = value {
        if *length == 0 {
            names.push(std::mem::take(&mut labels).join("."));
            value = rest;
            continue;
        }
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        labels.push(printable(label, LIMIT));
        value = rest;
    }
    labels.is_empty().then(|| names.join(", "))
}

fn hex(value: &[u8]) -> String {
    let octets: Vec<_> = value.iter().take(LIMIT / 3).map(|octet| format!("{octet:02x}")).collect();
    let cut = if octets.len() < value.len() { "..." } else { "" };
    octets.join(":") + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u8, value: &[u8], expect: &str) {
        let shown = Shown::new(code, value);
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
