//! Kea's configuration of its DHCPv4 server.

mod class;
mod node;
mod option;
mod read;
mod reservation;
mod test;
mod text;

use netboot_site::config::Problem;

use super::{
    files::{FileText, Files},
    site::FoundSite,
};

pub(super) fn read(text: &FileText, files: &mut Files) -> Result<FoundSite, Problem> {
    let text = text::Expanded::new(text, files)?;
    let value = node::parse(&text)?;
    read::read(node::JsonNode::new(&value, &text))
}
