//! `[boot.files]`, `[subnet.boot-files]`: the binary for each architecture.

use std::collections::BTreeMap;

use super::{Architecture, problem::Placed, section::Section, value::boot_file};

/// A file that machines are told to boot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BootFile {
    pub(crate) name: String,
    /// Of option 93, by which it is judged; a host's own is for any.
    pub(crate) code: Option<u16>,
}

impl BootFile {
    pub(crate) fn new(name: &str, architecture: Architecture) -> Self {
        Self { name: name.to_owned(), code: architecture.code() }
    }

    /// A host's own; `None`: another node's.
    pub(crate) fn of_host(name: &str) -> Option<Self> {
        (!name.contains("://")).then(|| Self { name: name.to_owned(), code: None })
    }
}

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
