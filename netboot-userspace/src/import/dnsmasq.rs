//! dnsmasq's configuration.

mod directives;
mod host;
mod option;
mod range;
mod read;
mod rules;
mod tags;

use std::path::Path;

use super::{files::Files, site::Site};
use crate::config::Problem;

pub(super) fn read(path: &Path) -> Result<Site, Problem> {
    let mut files = Files::default();
    let directives = directives::all(path, &mut files)?;
    Ok(read::read(&directives))
}
