//! dnsmasq's configuration.

mod directives;
mod host;
mod option;
mod range;
mod read;
mod rules;
mod tags;

use netboot_site::config::Problem;

use super::{
    files::{FileText, Files},
    site::FoundSite,
};

pub(super) fn read(text: &FileText, files: &mut Files) -> Result<FoundSite, Problem> {
    let mut found = Vec::new();
    directives::configuration(text, files, &mut found)?;
    Ok(read::read(&found))
}
