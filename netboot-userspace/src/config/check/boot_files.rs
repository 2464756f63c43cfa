//! Boot files that are not there.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};

use super::reason;
use crate::config::{
    Config, Problem,
    problem::{Place, Placed, Report},
    read::Draft,
};

/// The boot files of a configuration that runs. Those that are gone refuse no later one: machines that
/// boot others still do.
#[derive(Debug, Default)]
pub(crate) struct Named {
    root: PathBuf,
    names: HashSet<String>,
    /// Those that were found missing, and why. The empty name is `boot.root` itself.
    missing: BTreeMap<String, String>,
}

/// Which boot files may be missing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing<'n> {
    /// None.
    Refused,
    /// Those that run already.
    Known(&'n Named),
    /// All: the daemon that is started may have run with them.
    Allowed,
}

impl Missing<'_> {
    fn allows_root(self, root: &Path) -> bool {
        match self {
            Self::Refused => false,
            Self::Known(running) => running.root == *root && !running.names.is_empty(),
            Self::Allowed => true,
        }
    }

    fn allows(self, root: &Path, name: &str) -> bool {
        match self {
            Self::Refused => false,
            Self::Known(running) => running.root == *root && running.names.contains(name),
            Self::Allowed => true,
        }
    }
}

impl Named {
    pub(crate) fn new(config: &Config, files: &[Placed<String>]) -> Self {
        let of_hosts = config.hosts.iter().filter_map(|host| host.boot_file.as_ref());
        let names = files.iter().map(|file| &file.value).chain(of_hosts).cloned().collect();
        let mut named = Self { root: config.boot.root.clone(), names, missing: BTreeMap::new() };
        named.missing = named.search();
        named
    }

    pub(crate) fn insert(&mut self, name: &str) {
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }

    /// Looks again for all; those that are missing since.
    pub(crate) fn newly_missing(&mut self) -> Vec<Problem> {
        let missing = self.search();
        let before = std::mem::replace(&mut self.missing, missing);
        let since = self.missing.iter().filter(|(name, _)| !before.contains_key(*name));
        let problem = |(name, why): (&String, &String)| {
            let file = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
            let message =
                format!("{why}: machines that are told to boot from it cannot; put it back");
            Place::file(&file).problem(message)
        };
        since.map(problem).collect()
    }

    fn search(&self) -> BTreeMap<String, String> {
        if self.names.is_empty() {
            return BTreeMap::new();
        }
        match Dir::open_ambient_dir(&self.root, ambient_authority()) {
            Ok(directory) => {
                let missing = |name: &String| Some((name.clone(), look(&directory, name).err()?));
                self.names.iter().filter_map(missing).collect()
            }
            Err(error) => [(String::new(), reason(&error))].into(),
        }
    }
}

/// Every file that a machine is told to boot is there, as TFTP and HTTP will open it.
pub(super) fn check_boot_files<'d>(
    files: impl Iterator<Item = &'d Placed<String>>,
    draft: &Draft,
    missing: Missing<'_>,
    report: &Report,
) {
    let root = &draft.config.boot.root;
    let files: Vec<_> = files.collect();
    let Some(place) = draft.boot_root.as_ref().or(files.first().map(|file| &file.place)) else {
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
            say(place, message, files.is_empty() || missing.allows_root(root), report);
            return;
        }
    };
    let mut known = BTreeMap::new();
    for file in files {
        let name = &file.value;
        let found = known.entry(name).or_insert_with(|| look(&directory, name));
        let Err(why) = found else { continue };
        let message =
            format!("{}: {why}; put it there, or correct the name", root.join(name).display());
        say(&file.place, message, missing.allows(root, name), report);
    }
}

fn say(place: &Place, message: String, is_allowed: bool, report: &Report) {
    if is_allowed {
        report.warn(place, message);
    } else {
        report.error(place, message);
    }
}

fn look(directory: &Dir, name: &str) -> Result<(), String> {
    match directory.metadata(name) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err("not a file".to_owned()),
        Err(error) => Err(reason(&error)),
    }
}
