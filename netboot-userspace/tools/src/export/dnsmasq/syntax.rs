//! Lines of dnsmasq's configuration.

use anyhow::{bail, ensure};
use netboot_site::model::DhcpOption;

use crate::export::{
    page::Page,
    value::{TEXTS, Value, hex, joined},
};

/// What it reads as one line (MAXDNAME): it would take the rest for another.
const LONGEST: usize = 1024;
/// Options that it takes as addresses only.
const ADDRESSES: [u8; 2] = [68, 150];

pub(super) struct Lines {
    pub(super) page: Page,
}

impl Lines {
    /// A line that is known to be right but for its length.
    pub(super) fn text(&mut self, line: &str) -> anyhow::Result<()> {
        if line.len() >= LONGEST {
            let shown: String = line.chars().take(80).collect();
            bail!(
                "a line has {} bytes, and dnsmasq reads {LONGEST}: {shown}...: shorten the value",
                line.len()
            );
        }
        self.page.line(line);
        Ok(())
    }
}

/// A text in quotes; `whose` and `field` name it in errors.
pub(super) fn quoted(text: &str, whose: &str, field: &str) -> anyhow::Result<String> {
    ensure!(
        !text.contains(char::is_control),
        "{whose}: {field}: {text:?} has a control character, which dnsmasq's configuration cannot say"
    );
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `option:router,192.168.2.1`
pub(super) fn option_value(option: &DhcpOption, whose: &str) -> anyhow::Result<String> {
    let code = option.code;
    let value = match Value::of(option) {
        Value::Addresses(list) => joined(&list).replace(", ", ","),
        Value::Number(number) => {
            let size = match option.value.len() {
                1 => "b",
                2 => "s",
                _ => "i",
            };
            format!("{number}{size}")
        }
        Value::Text(text) => quoted(text, whose, &format!("option {code}"))?,
        Value::Names(names) => names.join(","),
        Value::Routes(routes) => {
            let routes: Vec<_> = routes.iter().map(|(to, by)| format!("{to},{by}")).collect();
            routes.join(",")
        }
        Value::Bytes(_) if TEXTS.contains(&code) || ADDRESSES.contains(&code) => bail!(
            "{whose}: option {code}: {} is not what dnsmasq takes for this option",
            hex(&option.value, ":")
        ),
        Value::Bytes([byte]) => format!("{byte}b"),
        Value::Bytes(bytes) => hex(bytes, ":"),
    };
    Ok(match name(code) {
        Some(name) => format!("option:{name},{value}"),
        None => format!("{code},{value}"),
    })
}

fn name(code: u8) -> Option<&'static str> {
    Some(match code {
        3 => "router",
        6 => "dns-server",
        7 => "log-server",
        15 => "domain-name",
        26 => "mtu",
        42 => "ntp-server",
        60 => "vendor-class",
        66 => "tftp-server",
        67 => "bootfile-name",
        119 => "domain-search",
        121 => "classless-static-route",
        _ => return None,
    })
}
