//! ISC dhcpd's configuration.

mod condition;
mod declaration;
mod lexer;
mod names;
mod read;
mod statements;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{files::Files, site::Site};
use crate::config::Problem;

pub(super) fn read(path: &Path) -> Result<Site, Problem> {
    let statements = statements::all(path, &mut Files::default())?;
    Ok(read::read(&statements))
}
