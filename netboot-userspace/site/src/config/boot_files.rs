//! `[boot.files]`, `[subnet.boot-files]`: the binary for each architecture.

use std::collections::BTreeMap;

use super::{problem::Placed, section::Section, value::boot_file};
use crate::model::{Architecture, BootFile};

/// The files, and where each stands.
pub(crate) fn read_boot_files(
    section: Section<'_>,
    places: &mut Vec<Placed<BootFile>>,
) -> BTreeMap<Architecture, String> {
    let report = section.report();
    let mut files = BTreeMap::new();
    for (key, name) in section.entries(boot_file) {
        match key.value.parse::<Architecture>() {
            Ok(architecture) => {
                if files.contains_key(&architecture) {
                    let message =
                        format!("is {architecture}, which is given too: leave out one of them");
                    report.error(&key.place, message);
                    continue;
                }
                let value = BootFile::new(&name, architecture);
                places.push(Placed { value, place: key.place });
                files.insert(architecture, name);
            }
            Err(message) => report.error(&key.place, message),
        }
    }
    files
}
