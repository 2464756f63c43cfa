//! The words of the file for its few-valued types.

use std::{fmt, str::FromStr};

use netboot_ebpf::shared::MAX_ARCHITECTURES;

use crate::model::{Architecture, DhcpMode};

/// A network interface's name, as the command line gives it.
///
/// # Errors
///
/// The kernel would not take it.
pub fn interface_name(name: &str) -> Result<String, String> {
    is_interface(name)?;
    Ok(name.to_owned())
}

/// Says why it is none.
pub fn is_interface(name: &str) -> Result<(), String> {
    let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.contains(odd) {
        return Err(format!("{name:?} is not the name of a network interface"));
    }
    Ok(())
}

impl DhcpMode {
    pub const NAMED: [(Self, &'static str); 4] = [
        (Self::Reservation, "reservation"),
        (Self::Proxy, "proxy"),
        (Self::AutoProxy, "auto-proxy"),
        (Self::Off, "off"),
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Proxy => "proxy",
            Self::AutoProxy => "auto-proxy",
            Self::Off => "off",
        }
    }
}

impl DhcpMode {
    /// Another server gives the addresses, and we the boot files.
    #[must_use]
    pub const fn is_proxy(self) -> bool {
        matches!(self, Self::Proxy | Self::AutoProxy)
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((architecture, ..)) = Self::NAMED.iter().find(|(_, name, _)| *name == text) {
            return Ok(*architecture);
        }
        if let Some((code, _)) = Self::HTTP.iter().find(|(_, name)| *name == text) {
            return Ok(Self::Code(*code));
        }
        // `07` would be another key for 7.
        let number = text.parse::<u16>().ok().filter(|number| number.to_string() == text);
        number.filter(|number| usize::from(*number) < MAX_ARCHITECTURES).map(Self::Code).ok_or_else(
            || {
                let own = Self::NAMED.map(|(_, name, _)| name);
                let names = [&own[..], &Self::HTTP.map(|(_, name)| name)].concat().join(", ");
                format!(
                    "{text:?} is not an architecture: use one of {names}, \
                     or a number of DHCP option 93 below {MAX_ARCHITECTURES}"
                )
            },
        )
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Code(code) = self {
            return match Self::http_name(*code) {
                Some(name) => f.write_str(name),
                None => write!(f, "{code}"),
            };
        }
        let named = Self::NAMED.iter().find(|(architecture, ..)| architecture == self);
        f.write_str(named.map_or("", |(_, name, _)| name))
    }
}
