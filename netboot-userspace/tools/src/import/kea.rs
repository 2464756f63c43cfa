//! Kea's configuration of its DHCPv4 server.

mod class;
mod node;
mod option;
mod read;
mod reservation;
mod test;
mod text;

use super::{
    files::{Files, Text},
    site::Site,
};
use netboot_site::config::Problem;

pub(super) fn read(text: &Text, files: &mut Files) -> Result<Site, Problem> {
    let text = text::Expanded::new(text, files)?;
    let value = node::parse(&text)?;
    read::read(node::Node::new(&value, &text))
}
