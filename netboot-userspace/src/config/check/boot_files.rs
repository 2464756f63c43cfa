//! Boot files that are not there, or are none.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use cap_std::{ambient_authority, fs::Dir};

use super::reason;
use crate::{
    boot_program,
    config::{
        Architecture, BootFile, Config, Problem,
        problem::{Place, Placed, Report},
        read::Draft,
    },
};

/// The boot files of a configuration that runs.
#[derive(Debug, Default)]
pub(crate) struct Named {
    root: PathBuf,
    files: BTreeSet<BootFile>,
    /// Those that were found missing or useless, and why. The empty name is `boot.root` itself.
    lacking: BTreeMap<String, String>,
}

/// What a boot file is that is not there, or that its machines do not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// An error.
    Refused,
    /// A warning: the daemon may have run with it, and machines that boot others still do.
    Allowed,
}

/// Why a machine gets nothing of a file.
#[derive(Debug)]
enum Lack {
    Absent(String),
    Useless(String),
}

impl Lack {
    fn why(&self) -> &str {
        match self {
            Self::Absent(why) | Self::Useless(why) => why,
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Absent(_) => "put it there, or correct the name",
            Self::Useless(_) => "put another there, or correct the name",
        }
    }
}

impl Named {
    pub(crate) fn new(config: &Config, files: impl IntoIterator<Item = BootFile>) -> Self {
        let of_hosts = config.hosts.iter().filter_map(|host| host.boot_file.as_deref());
        let files = files.into_iter().chain(of_hosts.filter_map(BootFile::of_host)).collect();
        let mut named = Self { root: config.boot.root.clone(), files, lacking: BTreeMap::new() };
        named.lacking = named.search();
        named
    }

    /// One more of a host, of which it was said already if it is missing.
    pub(crate) fn insert(&mut self, name: &str) {
        let Some(file) = BootFile::of_host(name) else { return };
        if let Ok(directory) = Dir::open_ambient_dir(&self.root, ambient_authority())
            && let Err(lack) = look(&directory, &file)
        {
            self.lacking.insert(name.to_owned(), lack.why().to_owned());
        }
        self.files.insert(file);
    }

    /// Looks again for all; those that are missing or useless since.
    pub(crate) fn newly_lacking(&mut self) -> Vec<Problem> {
        let lacking = self.search();
        let before = std::mem::replace(&mut self.lacking, lacking);
        let since = self.lacking.iter().filter(|(name, _)| !before.contains_key(*name));
        let problem = |(name, why): (&String, &String)| {
            let file = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
            let message =
                format!("{why}: machines that are told to boot from it cannot; put it back");
            Place::file(&file).problem(message)
        };
        since.map(problem).collect()
    }

    fn search(&self) -> BTreeMap<String, String> {
        if self.files.is_empty() {
            return BTreeMap::new();
        }
        match Dir::open_ambient_dir(&self.root, ambient_authority()) {
            Ok(directory) => {
                let lack = |file: &BootFile| {
                    let lack = look(&directory, file).err()?;
                    Some((file.name.clone(), lack.why().to_owned()))
                };
                self.files.iter().filter_map(lack).collect()
            }
            Err(error) => [(String::new(), reason(&error))].into(),
        }
    }
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
    let directory = match Dir::open_ambient_dir(root, ambient_authority()) {
        Ok(directory) => directory,
        Err(error) => {
            let message = format!(
                "{}: {}; create the directory, or name another as boot.root",
                root.display(),
                reason(&error)
            );
            let missing = if files.is_empty() { Missing::Allowed } else { missing };
            say(place, message, missing, report);
            return;
        }
    };
    let mut known = BTreeMap::new();
    for (file, place) in &files {
        if let Some(message) = never_by_tftp(file) {
            report.warn(place, message);
        }
        let found = known.entry(file).or_insert_with(|| look(&directory, file));
        let Err(lack) = found else { continue };
        let path = root.join(&file.name);
        say(
            place,
            format!("{}: {}; {}", path.display(), lack.why(), lack.remedy()),
            missing,
            report,
        );
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
        // It may be one that boots by HTTP.
        None => String::new(),
    };
    Some(format!(
        "{name} is a disk image, which is offered to HTTP boot alone, never over TFTP: \
         machines that boot by PXE get nothing{hint}"
    ))
}

/// The same of a host's own, where it is another server's.
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

fn look(directory: &Dir, file: &BootFile) -> Result<(), Lack> {
    let BootFile { name, code } = file;
    let metadata = directory.metadata(name).map_err(|error| Lack::Absent(reason(&error)))?;
    if !metadata.is_file() {
        return Err(Lack::Absent("not a file".to_owned()));
    }
    let head = || boot_program::head(directory.open(name)?.into_std());
    boot_program::trouble_of(name, metadata.len(), *code, head)
        .map_or(Ok(()), |why| Err(Lack::Useless(why)))
}
