//! Configurations of other DHCP servers, read into ours.
//!
//! A reader for each server finds networks, machines, options and boot rules ([`site`]); [`options`] and
//! [`boot`] put them into our words, [`judge`] leaves out what our own configuration would refuse.

mod boot;
mod condition;
mod dhcpd;
mod dnsmasq;
mod files;
mod inventory;
mod judge;
mod kea;
mod note;
mod options;
mod site;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::note::{Note, grouped};
use crate::config::{Fragment, InventoryFormat, Problems};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// dnsmasq.conf, and what it includes
    Dnsmasq,
    /// Kea's kea-dhcp4.conf
    Kea,
    /// ISC dhcpd's dhcpd.conf
    Dhcpd,
    /// An inventory in CSV
    Csv,
    /// An inventory in Tinkerbell's YAML or JSON
    Hardware,
}

/// What a file says, in our words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub fragment: Fragment,
    /// What is not taken over.
    pub notes: Vec<Note>,
}

/// Reads a file, and the files that it includes.
///
/// # Errors
///
/// A file cannot be read, or is broken: where and why.
pub fn read(kind: Kind, path: &Path) -> Result<Imported, Problems> {
    let site = match kind {
        Kind::Dnsmasq => dnsmasq::read(path),
        Kind::Kea => kea::read(path),
        Kind::Dhcpd => dhcpd::read(path),
        Kind::Csv => return inventory::read(path, InventoryFormat::Csv),
        Kind::Hardware => return inventory::read(path, InventoryFormat::Yaml),
    };
    let site = site.map_err(|problem| Problems(vec![problem]))?;
    let (mut placed, mut notes) = site.settle();
    judge::judge(&mut placed, &mut notes)?;
    Ok(Imported { fragment: placed.fragment, notes: notes.into_sorted() })
}
