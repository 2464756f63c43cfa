//! Reads the configuration again while it runs.

mod kept;
mod part;
mod settings;
mod state;
mod summary;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
};

use self::{
    kept::{Form, Kept},
    state::{Known, State},
};
pub use self::{settings::needs_restart, summary::Summary};
use super::{
    Loaded, Problems,
    check::Missing,
    load::load_whole,
    problem::{Keep, Place, Report},
    read::Draft,
    regular::read_regular,
};
use crate::model::Difference;

/// A configuration that runs, as it was read last. Reading it again never makes it worse: what is wrong
/// is said, and the last good one stays.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    state: State,
    /// The files that were named last, by a configuration good or bad.
    files: Vec<PathBuf>,
    /// How often a part was enough.
    #[cfg(test)]
    parts: usize,
}

/// What reading again found.
#[derive(Debug)]
pub enum Change {
    /// Nothing that matters.
    Nothing,
    /// Other hosts, or something to say.
    Hosts {
        difference: Difference,
        /// Those that were not given before.
        warnings: Problems,
        summary: Summary,
    },
    /// Other settings, and what became of the hosts.
    Whole { loaded: Box<Loaded>, difference: Difference, summary: Summary },
}

impl Reloader {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    ///
    /// As [`super::load`], but for boot files that are missing: the daemon may have run with them before, and
    /// must be able to start again.
    pub fn open(path: &Path) -> Result<(Self, Loaded), Problems> {
        Self::first(path)
    }

    fn first(path: &Path) -> Result<(Self, Loaded), Problems> {
        let mut files = Vec::new();
        let (loaded, draft, bytes) = read(path, &mut files)?;
        let state = State::new(&loaded, draft, bytes);
        let reloader = Self {
            path: path.to_owned(),
            state,
            files,
            #[cfg(test)]
            parts: 0,
        };
        Ok((reloader, loaded))
    }

    /// Reads everything again, as if for the first time.
    ///
    /// # Errors
    ///
    /// As [`Reloader::reload`].
    pub fn reopen(&self) -> Result<(Self, Loaded), Problems> {
        let (reloader, loaded) = Self::first(&self.path)?;
        refuse_empty(&self.path, &reloader.state)?;
        Ok((reloader, loaded))
    }

    /// Reads again what changed. Hosts that are as they were stay the same ones in memory.
    ///
    /// # Errors
    ///
    /// As [`super::load`], or the file is empty; then all stays as it is. A boot file that is not there is none.
    pub fn reload(&mut self) -> Result<Change, Problems> {
        let mut changed = Vec::new();
        for (at, kept) in self.state.files.iter().enumerate() {
            match kept.read() {
                Ok(None) => {}
                Ok(Some(bytes)) => changed.push((at, bytes)),
                // Reading all says what is wrong.
                Err(_) => return self.changed(),
            }
        }
        let count = changed.len();
        let part = match count {
            0 => Some((Difference::default(), Problems::default(), Summary::default())),
            1 => changed.pop().and_then(|(at, bytes)| self.state.part(at, bytes)),
            _ => None,
        };
        #[cfg(test)]
        {
            self.parts += usize::from(part.is_some() && count == 1);
        }
        let Some((difference, warnings, summary)) = part else { return self.changed() };
        self.files = self.state.paths();
        Ok(hosts(difference, warnings, summary))
    }

    /// Reads everything again, and gives all warnings, also those that were given before.
    ///
    /// # Errors
    ///
    /// As [`Reloader::reload`].
    pub fn reread(&mut self) -> Result<Change, Problems> {
        self.whole(&Known::default())
    }

    /// What to watch: the configuration and the inventory files.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        let mut paths = self.files.clone();
        paths.extend(self.state.paths());
        paths.sort();
        paths.dedup();
        paths
    }

    fn changed(&mut self) -> Result<Change, Problems> {
        let known = self.state.known.clone();
        self.whole(&known)
    }

    fn whole(&mut self, known: &Known) -> Result<Change, Problems> {
        self.files.clear();
        let (mut loaded, draft, bytes) = read(&self.path, &mut self.files)?;
        let (difference, mut summary) = self.state.difference(&mut loaded.config.hosts);
        let state = State::new(&loaded, draft, bytes);
        refuse_empty(&self.path, &state)?;
        let before = std::mem::replace(&mut self.state, state);
        loaded.warnings = known.new_of(loaded.warnings);
        let config = &self.state.draft.config;
        let before = &before.draft.config;
        if settings::changed_settings(before, config).is_empty() {
            return Ok(hosts(difference, loaded.warnings, summary));
        }
        summary.settings = settings::applied_settings(before, config);
        Ok(Change::Whole { loaded: Box::new(loaded), difference, summary })
    }
}

/// A file without a byte is what a full disk or half an edit leaves, and would be a configuration without machines.
fn refuse_empty(path: &Path, state: &State) -> Result<(), Problems> {
    let is_empty = |kept: &Kept| kept.form == Form::Main && kept.bytes.is_empty();
    if state.files.iter().any(is_empty) {
        return Err(Place::file(path).problem("is empty").into());
    }
    Ok(())
}

fn hosts(difference: Difference, warnings: Problems, summary: Summary) -> Change {
    if difference == Difference::default() && warnings.is_empty() {
        return Change::Nothing;
    }
    Change::Hosts { difference, warnings, summary }
}

/// What each file had.
type Bytes = HashMap<PathBuf, Vec<u8>>;

fn read(path: &Path, files: &mut Vec<PathBuf>) -> Result<(Loaded, Draft, Bytes), Problems> {
    let bytes = RefCell::new(Bytes::new());
    let read_bytes = |path: &Path| {
        let read = read_regular(path)?;
        bytes.borrow_mut().insert(path.to_owned(), read.clone());
        Ok(read)
    };
    let (loaded, draft) =
        load_whole(path, &read_bytes, Missing::Allowed, files, Report::new(Keep::Few))?;
    Ok((loaded, draft, bytes.into_inner()))
}
