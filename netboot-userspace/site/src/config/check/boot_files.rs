//! Boot files that are not there, or are none.

use std::collections::BTreeMap;

use netboot_base::files::{Files, open_directory};

use super::reason;
use crate::{
    boot_lack::Lack,
    boot_program::{self, JudgedFiles},
    config::{
        problem::{Place, Placed, Report},
        read::Draft,
    },
    model::{Architecture, BootFile},
};

/// What a boot file is that is not there, or that its machines do not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An error.
    Refused,
    /// A warning: the daemon may have run with it, and machines that boot others still do.
    Allowed,
}

/// Every file that a machine is told to boot is there, as TFTP and HTTP will open it, and is one that its firmware runs.
pub(super) fn check_boot_files<'d>(
    files: impl Iterator<Item = (BootFile, &'d Place)>,
    draft: &Draft,
    missing: Missing,
    report: &Report,
) {
    let root = &draft.config.boot.root;
    let files: Vec<_> = files.collect();
    let Some(place) = draft.boot_root.as_ref().or(files.first().map(|(_, place)| *place)) else {
        return;
    };
    if let Err(error) = open_directory(root) {
        let message = format!(
            "{}: {}; create the directory, or name another as boot.root",
            root.display(),
            reason(&error)
        );
        let missing = if files.is_empty() { Missing::Allowed } else { missing };
        say(place, message, missing, report);
        return;
    }
    let (under_root, mut judged) = (Files::new(root), JudgedFiles::default());
    let mut known = BTreeMap::new();
    for (file, place) in &files {
        if let Some(message) = never_by_tftp(file) {
            report.warn(place, message);
        }
        let found = known.entry(file).or_insert_with(|| Lack::of(&under_root, file, &mut judged));
        let Some(lack) = found else { continue };
        // The daemon may read it, as another user.
        if matches!(lack, Lack::Unreadable(_)) {
            continue;
        }
        let (path, remedy) = (root.join(&file.name), lack.remedy());
        let message = format!("{}: {lack}; {remedy}, or correct the name", path.display());
        say(place, message, missing, report);
    }
}

/// That machines that boot by PXE get nothing of a disk image.
fn never_by_tftp(file: &BootFile) -> Option<String> {
    let BootFile { name, code } = file;
    if !boot_program::is_disk_image(name)
        || code.is_some_and(|code| Architecture::http_name(code).is_some())
    {
        return None;
    }
    let hint = match code.map(Architecture::http_of) {
        Some(Some(key)) => format!("; name a program here, and the image as {key}"),
        Some(None) => "; name a program instead".to_owned(),
        // The machine may be one that boots by HTTP.
        None => String::new(),
    };
    Some(format!(
        "{name} is a disk image, which is offered to HTTP boot alone, never over TFTP: \
         machines that boot by PXE get nothing{hint}"
    ))
}

/// The same warning of a host's own file, where another server has the file.
pub(super) fn by_tftp_elsewhere(url: &Placed<String>) -> Option<String> {
    let name = &url.value;
    let is_one = name.starts_with("tftp://") && boot_program::is_disk_image(name);
    is_one.then(|| format!("{} is a disk image, which is never offered over TFTP: the machine boots nothing; give its URL by HTTP", last_part(name)))
}

/// A URL may have a password in it.
fn last_part(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

fn say(place: &Place, message: String, missing: Missing, report: &Report) {
    match missing {
        Missing::Allowed => report.warn(place, message),
        Missing::Refused => report.error(place, message),
    }
}
