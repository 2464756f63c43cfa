//! Inventories in CSV and Tinkerbell's YAML, read as `inventory` reads them.

use std::path::Path;

use netboot_site::config::{Fragment, InventoryFormat, Problems, read_foreign};

use super::{Imported, Note};

pub(super) fn read(path: &Path, format: InventoryFormat) -> Result<Imported, Problems> {
    let found = read_foreign(path, format)?;
    let note = |problem: netboot_site::config::Problem| Note {
        file: problem.file,
        line: problem.line.unwrap_or(1),
        what: problem.field,
        why: problem.message,
    };
    let notes = found.warnings.kept().iter().cloned().map(note).collect();
    let fragment = Fragment { subnets: found.subnets, hosts: found.hosts, ..Fragment::default() };
    Ok(Imported { fragment, notes })
}
