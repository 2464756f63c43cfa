//! `mac` of a host.

use std::fmt;

use netboot_ebpf::shared::Mac;
use serde::{Serialize, Serializer};

/// A text, or a list of several: those of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacsEntry(Vec<String>);

impl MacsEntry {
    #[must_use]
    pub fn new(macs: &[Mac]) -> Self {
        Self(macs.iter().map(Mac::to_string).collect())
    }
}

impl Serialize for MacsEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

impl fmt::Display for MacsEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
