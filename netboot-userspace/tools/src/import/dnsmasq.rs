//! dnsmasq's configuration.

mod directives;
mod host;
mod option;
mod range;
mod read;
mod rules;
mod tags;

use super::{
    files::{Files, Text},
    site::Site,
};
use netboot_site::config::Problem;

pub(super) fn read(text: &Text, files: &mut Files) -> Result<Site, Problem> {
    let mut found = Vec::new();
    directives::configuration(text, files, &mut found)?;
    Ok(read::read(&found))
}
