//! `[boot.files]`, `[subnet.boot-files]`: the binary for each architecture.

use std::collections::BTreeMap;

use super::{Architecture, problem::Placed, section::Section, value::boot_file};

/// The files, and where each stands.
pub(crate) fn read_boot_files(
    section: Section<'_>,
    places: &mut Vec<Placed<String>>,
) -> BTreeMap<Architecture, String> {
    let report = section.report();
    let mut files = BTreeMap::new();
    for (key, name) in section.entries(boot_file) {
        match key.value.parse::<Architecture>() {
            Ok(architecture) => {
                places.push(Placed { value: name.clone(), place: key.place });
                files.insert(architecture, name);
            }
            Err(message) => report.error(&key.place, message),
        }
    }
    files
}
