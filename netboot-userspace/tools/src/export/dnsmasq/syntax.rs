//! Lines of dnsmasq's configuration.

use anyhow::{bail, ensure};
use netboot_dhcp::{
    DhcpOption,
    option::{self, Dialect},
    value::{Value, hex},
};

use crate::export::{page::Page, value};

/// What dnsmasq reads as one line (MAXDNAME): it would take the rest for another.
const LONGEST: usize = 1024;

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
    let value = match value::of(option) {
        Value::Addresses(list) => {
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
        Value::Number(number) => {
            let size = match option.value.len() {
                1 => "b",
                2 => "s",
                _ => "i",
            };
            format!("{number}{size}")
        }
        Value::Text(text) => quoted(&text, whose, &format!("option {code}"))?,
        Value::Names(names) => names.join(","),
        Value::Routes(routes) => {
            let routes: Vec<_> = routes.iter().map(|(to, by)| format!("{to},{by}")).collect();
            routes.join(",")
        }
        _ if value::is_strict(code) => bail!(
            "{whose}: option {code}: {} is not what dnsmasq takes for this option",
            hex(&option.value, ":")
        ),
        _ => match option.value[..] {
            [byte] => format!("{byte}b"),
            _ => hex(&option.value, ":"),
        },
    };
    Ok(match option::row(code).and_then(|row| row.told(Dialect::Dnsmasq)) {
        Some(name) => format!("option:{name},{value}"),
        None => format!("{code},{value}"),
    })
}
