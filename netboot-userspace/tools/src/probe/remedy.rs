//! Remedies: what is missing in another server's configuration, in its own words.

use std::net::Ipv4Addr;

use netboot_dhcp::{DhcpOption, value::hex};
use serde::Serialize;

use crate::export::{ServerKind, option_lines};

/// What to add to one kind of server's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub server: ServerKind,
    pub lines: Vec<String>,
}

/// What a server does not do, or not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Omission {
    /// The machine has no address.
    Reservation { mac: String, address: Option<Ipv4Addr> },
    /// No boot file, or a wrong one, for firmware of an architecture.
    Binary { code: u16, file: String, next_server: String },
    /// The same, for firmware that loads over HTTP.
    HttpBinary { code: u16, url: String },
    /// The script for a user class.
    Script { class: String, url: String },
    /// Option 43 that tells firmware to load the file without asking for boot servers.
    Discovery,
    /// The default route in an option of classless routes; the value with it.
    DefaultRoute(DhcpOption),
}

impl Omission {
    /// For the server that is named, else for each.
    pub(super) fn remedies(&self, server: Option<ServerKind>) -> Vec<Remedy> {
        let all = [ServerKind::Dnsmasq, ServerKind::Kea, ServerKind::Dhcpd];
        let wanted = all.into_iter().filter(|own| server.is_none_or(|server| server == *own));
        wanted.map(|server| Remedy { server, lines: self.lines(server) }).collect()
    }

    fn lines(&self, server: ServerKind) -> Vec<String> {
        match server {
            ServerKind::Dnsmasq => self.dnsmasq(),
            ServerKind::Kea => self.kea(),
            ServerKind::Dhcpd => self.dhcpd(),
        }
    }

    fn dnsmasq(&self) -> Vec<String> {
        match self {
            Self::Reservation { mac, address } => {
                vec![format!("dhcp-host={mac},{}", place(*address))]
            }
            Self::Binary { code, file, next_server } => vec![
                format!("dhcp-match=set:arch{code},option:client-arch,{code}"),
                format!("dhcp-boot=tag:!script,tag:arch{code},{file},,{next_server}"),
            ],
            Self::HttpBinary { code, url } => vec![
                format!("dhcp-match=set:arch{code},option:client-arch,{code}"),
                format!("dhcp-boot=tag:!script,tag:arch{code},{url}"),
                format!("dhcp-option-force=tag:arch{code},60,HTTPClient"),
            ],
            Self::Script { class, url } => vec![
                format!("dhcp-userclass=set:script,{class}"),
                format!("dhcp-boot=tag:script,{url}"),
                "# at the end: of several dhcp-boot that fit, it takes the last one".to_owned(),
            ],
            Self::DefaultRoute(option) => option_lines(ServerKind::Dnsmasq, option),
            Self::Discovery => {
                vec!["dhcp-option=vendor:PXEClient,6,8".to_owned()]
            }
        }
    }

    fn kea(&self) -> Vec<String> {
        let class = |name: &str, test: &str, rest: &str| {
            vec![
                r#"// in "client-classes": [ ... ]"#.to_owned(),
                format!(r#"{{ "name": "{name}", "test": "{test}", {rest} }}"#),
            ]
        };
        match self {
            Self::Reservation { mac, address } => vec![
                r#"// in the subnet's "reservations": [ ... ]"#.to_owned(),
                format!(r#"{{ "hw-address": "{mac}", "ip-address": "{}" }}"#, place(*address)),
            ],
            Self::Binary { code, file, next_server } => class(
                &format!("arch{code}"),
                &format!("option[93].hex == 0x{code:04x}"),
                &format!(r#""next-server": "{next_server}", "boot-file-name": "{file}""#),
            ),
            Self::HttpBinary { code, url } => class(
                &format!("arch{code}"),
                &format!("option[93].hex == 0x{code:04x}"),
                &format!(
                    r#""boot-file-name": "{url}", "option-data": [ {{ "name": "vendor-class-identifier", "data": "HTTPClient", "always-send": true }} ]"#
                ),
            ),
            Self::Script { class: user, url } => {
                let instance = hex(&[&[user.len() as u8], user.as_bytes()].concat(), "");
                let mut lines = class(
                    &format!("script-{user}"),
                    &format!("option[77].hex == '{user}' or option[77].hex == 0x{instance}"),
                    &format!(r#""boot-file-name": "{url}""#),
                );
                lines.insert(1, "// before all other classes that name a boot file:".to_owned());
                lines
            }
            Self::DefaultRoute(option) => option_lines(ServerKind::Kea, option),
            Self::Discovery => class(
                "pxe",
                "substring(option[60].hex,0,9) == 'PXEClient'",
                r#""option-data": [ { "code": 43, "csv-format": false, "data": "060108FF", "always-send": true } ]"#,
            ),
        }
    }

    fn dhcpd(&self) -> Vec<String> {
        match self {
            Self::Reservation { mac, address } => vec![format!(
                "host m{} {{ hardware ethernet {mac}; fixed-address {}; }}",
                mac.replace(':', ""),
                place(*address)
            )],
            Self::Binary { code, file, next_server } => vec![
                "option arch code 93 = unsigned integer 16;".to_owned(),
                format!(
                    r#"if substring(option arch, 0, 2) = {} {{ next-server {next_server}; filename "{file}"; }}"#,
                    octets(*code)
                ),
            ],
            Self::HttpBinary { code, url } => vec![
                "option arch code 93 = unsigned integer 16;".to_owned(),
                format!(
                    r#"if substring(option arch, 0, 2) = {} {{ option vendor-class-identifier "HTTPClient"; filename "{url}"; }}"#,
                    octets(*code)
                ),
            ],
            Self::Script { class, url } => {
                let length = class.len();
                vec![
                    format!(
                        r#"if exists user-class and (option user-class = "{class}" or substring(option user-class, 1, {length}) = "{class}") {{ filename "{url}"; }}"#
                    ),
                    "# and what it has for other machines in its else".to_owned(),
                ]
            }
            Self::DefaultRoute(option) => option_lines(ServerKind::Dhcpd, option),
            Self::Discovery => vec![
                r#"if substring(option vendor-class-identifier, 0, 9) = "PXEClient" { option vendor-encapsulated-options 06:01:08:ff; }"#.to_owned(),
            ],
        }
    }
}

/// As dhcpd writes data: it compares no numbers of two bytes.
fn octets(code: u16) -> String {
    let [high, low] = code.to_be_bytes();
    format!("{high:02x}:{low:02x}")
}

fn place(address: Option<Ipv4Addr>) -> String {
    address.map_or_else(|| "ADDRESS".to_owned(), |address| address.to_string())
}
