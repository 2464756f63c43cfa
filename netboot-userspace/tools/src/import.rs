//! Configurations of other DHCP servers, read into ours.
//!
//! A reader for each server finds networks, machines, options and boot rules (`site`); `options` and
//! `boot` put them into our words, `judge` leaves out what our own configuration would refuse.

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
mod scope;
mod site;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::note::{Note, grouped};
use self::{
    files::{FileText, Files},
    site::FoundSite,
};
use netboot_site::config::{Fragment, InventoryFormat, Problem, Problems};

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
    match kind {
        Kind::Csv => return inventory::read(path, InventoryFormat::Csv),
        Kind::Hardware => return inventory::read(path, InventoryFormat::Yaml),
        Kind::Dnsmasq | Kind::Kea | Kind::Dhcpd => {}
    }
    let mut files = Files::default();
    let site = files.first(path).and_then(|text| site(kind, &text, &mut files));
    let (mut placed, mut notes) = site.map_err(Problems::from)?.settle();
    judge::judge(&mut placed, &mut notes)?;
    Ok(Imported { fragment: placed.fragment, notes: notes.into_sorted() })
}

/// What a server's configuration says.
fn site(kind: Kind, text: &FileText, files: &mut Files) -> Result<FoundSite, Problem> {
    match kind {
        Kind::Dnsmasq => dnsmasq::read(text, files),
        Kind::Kea => kea::read(text, files),
        Kind::Dhcpd => dhcpd::read(text, files),
        Kind::Csv | Kind::Hardware => Ok(FoundSite::default()),
    }
}
