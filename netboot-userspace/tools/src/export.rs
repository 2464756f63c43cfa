//! The configuration of another DHCP server that sends machines through the two steps: the binary, then the
//! script. It is made of the parts that our own answers are made of.

mod comments;
mod dhcpd;
mod dnsmasq;
mod kea;
mod page;
mod plan;
mod server;
#[cfg(test)]
mod tests;
mod value;

use std::{collections::BTreeMap, fmt};

use anyhow::ensure;
use clap::ValueEnum;
use netboot_base::links::Link;
use netboot_site::model::{Config, DhcpMode, DhcpOption};
use serde::Serialize;

use self::plan::Plan;

/// A DHCP server that configurations are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    Dnsmasq,
    Kea,
    Dhcpd,
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "Kea",
            Self::Dhcpd => "dhcpd",
        })
    }
}

/// A configuration for another server.
#[derive(Debug)]
pub struct Exported {
    pub text: String,
    /// What that server cannot do, a sentence each; the text has them as comments.
    pub notes: Vec<String>,
}

/// What sets an option of all machines, in place of what sets it now.
pub(crate) fn option_lines(server: ServerKind, option: &DhcpOption) -> Vec<String> {
    let mut lines = match server {
        ServerKind::Dnsmasq => dnsmasq::option_lines(option),
        ServerKind::Kea => kea::option_lines(option),
        ServerKind::Dhcpd => dhcpd::option_lines(option),
    };
    let comment = if server == ServerKind::Kea { "// in \"option-data\": [ ... ], " } else { "# " };
    lines.insert(0, format!("{comment}in place of the option {} that is there", option.code));
    lines
}

/// The configuration of `server`; `links` are the interfaces of this node, which machines load files from.
///
/// # Errors
/// This node's address towards a subnet is not known, or a value cannot be written in that server's syntax.
pub fn export(
    server: ServerKind,
    config: Config,
    links: &BTreeMap<String, Link>,
) -> anyhow::Result<Exported> {
    ensure!(
        !config.subnets.is_empty(),
        "there is no [[subnet]]: another server needs to know the networks that it serves"
    );
    let mode = config.dhcp.mode;
    // What is exported is what we would answer if we gave the addresses.
    let mut config = config;
    config.dhcp.mode = DhcpMode::Off;
    let plan = Plan::new(&config, links)?;
    let page = match server {
        ServerKind::Dnsmasq => dnsmasq::write(&plan)?,
        ServerKind::Kea => kea::write(&plan)?,
        ServerKind::Dhcpd => dhcpd::write(&plan)?,
    };
    let (text, mut notes) = page.finish();
    if mode != DhcpMode::Off {
        notes.insert(
            0,
            format!(
                "set dhcp.mode = \"off\" before that server answers: it is \"{}\"",
                mode.name()
            ),
        );
    }
    Ok(Exported { text, notes })
}
