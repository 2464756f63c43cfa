//! ISC dhcpd's configuration.

mod condition;
mod declaration;
mod lexer;
mod names;
mod read;
mod statements;
#[cfg(test)]
mod tests;

use super::{
    files::{FileText, Files},
    site::FoundSite,
};
use netboot_site::config::Problem;

pub(super) fn read(text: &FileText, files: &mut Files) -> Result<FoundSite, Problem> {
    let statements = statements::of_file(text, files, 0)?;
    Ok(read::read(&statements))
}
