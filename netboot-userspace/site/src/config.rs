//! The configuration's files: [`load`] reads and checks them, [`File`] is the form they are written in.

mod boot_files;
mod check;
mod duration;
mod file;
mod foreign;
mod fragment;
mod host;
mod inventory;
mod lease;
mod limits;
mod load;
mod network;
mod option;
mod pin_path;
mod print;
mod problem;
mod propose;
mod quirk;
mod read;
mod regular_file;
mod script_classes;
mod script_settings;
mod secret;
mod section;
mod source;
mod source_text;
mod subnet;
#[cfg(test)]
mod tests;
mod value;
mod vlan;

pub use self::{
    check::{Absent, Candidate, absent},
    foreign::{is_boot_file, is_script_url, judge, read_foreign},
    host::MAX_MACS,
    regular_file::{open_regular, read_text},
    vlan::ShownVlan,
};
pub use self::{
    file::{File, HostEntry, MacsEntry, QuirksEntry},
    fragment::Fragment,
    inventory::InventoryFormat,
    load::{Loaded, Origin, is_same_file, load, load_edited, load_files, load_to_run},
    pin_path::{pin_path_of_invalid, places_of_invalid},
    problem::{Problem, Problems},
    propose::{Proposal, Sources, needs_restart},
    source::{Ran, run_source},
};
