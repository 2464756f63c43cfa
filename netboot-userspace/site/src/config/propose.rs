//! Proposals of the sources of a configuration, which are read again while it runs.

mod judge;
mod one_source;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::settings::needs_restart;
use self::{
    judge::{Judge, KnownWarnings},
    one_source::JudgedSource,
};
use super::{
    Loaded, Problems,
    check::Missing,
    load::{ReadBytes, load_whole},
    problem::{Keep, Place, Report},
    read::Draft,
    regular_file::read_regular,
    source::{Output, Outputs, run_if_it_can},
};
use crate::model::{CommandSource, Difference, OtherSettings, Settings, State};

/// All sources of a configuration together. They propose what differs from the state in force; who has the state takes
/// the proposal on, or leaves it. Reading again never makes a configuration worse: what is wrong is said.
#[derive(Debug)]
pub struct Sources {
    path: PathBuf,
    judge: Judge,
    /// The files that were named last, by a configuration good or bad.
    files: Vec<PathBuf>,
    proposed: Proposed,
    /// How often a part was enough.
    #[cfg(test)]
    parts: usize,
}

/// What the sources know, if their last proposal is taken on.
#[derive(Debug, Default)]
enum Proposed {
    #[default]
    Nothing,
    /// Of one source.
    Part(JudgedSource),
    /// Of all.
    Whole(Box<Judge>),
}

/// What the sources have that is not in force, and what is to be said of it.
#[derive(Debug, Default)]
pub struct Proposal {
    pub difference: Difference,
    /// The warnings that were not given before.
    pub warnings: Problems,
}

impl Sources {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    ///
    /// As [`super::load`], but for boot files that are missing: the daemon may have run with them before, and
    /// must be able to start again.
    pub fn open(path: &Path) -> Result<(Self, Loaded), Problems> {
        let mut files = Vec::new();
        let outputs: Outputs<'_> = &|_, _| Output::Unknown;
        let (loaded, draft, bytes) = read(path, &mut files, &read_regular, outputs)?;
        let sources = Self {
            path: path.to_owned(),
            judge: Judge::new(&loaded, draft, bytes),
            files,
            proposed: Proposed::Nothing,
            #[cfg(test)]
            parts: 0,
        };
        Ok((sources, loaded))
    }

    /// Reads again what changed. A host that is as it was stays the one of the state.
    ///
    /// # Errors
    ///
    /// As [`super::load`], or the file is empty. A boot file that is not there is none.
    pub fn reload(&mut self, in_force: &State) -> Result<Proposal, Problems> {
        self.proposed = Proposed::Nothing;
        let mut changed = Vec::new();
        for (at, source) in self.judge.sources.iter_mut().enumerate() {
            match source.look() {
                Ok(false) => {}
                Ok(true) => changed.push(at),
                // Reading all says what is wrong.
                Err(_) => return self.changed(in_force),
            }
        }
        match *changed {
            [] => {
                self.files = self.judge.watched();
                Ok(Proposal::default())
            }
            [at] => match self.judge.part(at, &in_force.hosts) {
                Some((proposal, judged)) => {
                    #[cfg(test)]
                    {
                        self.parts += 1;
                    }
                    self.files = self.judge.watched();
                    self.proposed = Proposed::Part(judged);
                    Ok(proposal)
                }
                None => self.changed(in_force),
            },
            _ => self.changed(in_force),
        }
    }

    /// Reads everything again, and gives all warnings, also those that were given before.
    ///
    /// # Errors
    ///
    /// As [`Sources::reload`].
    pub fn reread(&mut self, in_force: &State) -> Result<Proposal, Problems> {
        self.whole(in_force, &KnownWarnings::default())
    }

    /// What the program of a source printed. `None`: no source has the program any more.
    ///
    /// # Errors
    ///
    /// As [`super::load`]: the hosts that it printed are wrong, or another source's.
    pub fn offer(
        &mut self,
        in_force: &State,
        command: &CommandSource,
        printed: &[u8],
    ) -> Option<Result<Proposal, Problems>> {
        self.proposed = Proposed::Nothing;
        let mut programs = self.judge.sources.iter().map(|source| source.command());
        let at = programs.position(|own| own.is_some_and(|own| own.command == command.command))?;
        if !self.judge.sources.get_mut(at)?.offer(printed) {
            return Some(Ok(Proposal::default()));
        }
        if let Some((proposal, judged)) = self.judge.part(at, &in_force.hosts) {
            #[cfg(test)]
            {
                self.parts += 1;
            }
            self.proposed = Proposed::Part(judged);
            return Some(Ok(proposal));
        }
        let proposal = self.whole_with((command, printed), in_force);
        self.judge.sources.iter_mut().for_each(|source| source.leave());
        Some(proposal)
    }

    /// What was proposed last is in force.
    pub fn take_over(&mut self) {
        match std::mem::take(&mut self.proposed) {
            Proposed::Nothing => {}
            Proposed::Part(judged) => self.judge.take_over(judged),
            Proposed::Whole(judge) => self.judge = *judge,
        }
    }

    /// What to watch: the configuration and the inventory files.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        let mut paths = self.files.clone();
        paths.extend(self.judge.watched());
        paths.sort();
        paths.dedup();
        paths
    }

    fn changed(&mut self, in_force: &State) -> Result<Proposal, Problems> {
        let known = self.judge.known.clone();
        self.whole(in_force, &known)
    }

    /// Reads all files. A program that is new is run, of all others what they printed last counts.
    fn whole(&mut self, in_force: &State, known: &KnownWarnings) -> Result<Proposal, Problems> {
        self.judge.sources.iter_mut().for_each(|source| source.leave());
        self.files.clear();
        let outputs: Outputs<'_> = &|source, settings| {
            self.judge.printed(source).unwrap_or_else(|| run_if_it_can(source, settings))
        };
        let read = read(&self.path, &mut self.files, &read_regular, outputs)?;
        self.judged(read, in_force, known)
    }

    /// Judges one program's output together with all else as it was taken over.
    fn whole_with(
        &mut self,
        printed: (&CommandSource, &[u8]),
        in_force: &State,
    ) -> Result<Proposal, Problems> {
        let outputs: Outputs<'_> = &|source, _| match printed {
            (own, bytes) if own.command == source.command => Output::Printed(bytes.to_vec()),
            _ => self.judge.printed(source).unwrap_or(Output::Unknown),
        };
        let read_bytes: ReadBytes<'_> = &|path| {
            let mut files = self.judge.sources.iter();
            let file = files.find(|source| source.watched() == Some(path));
            let bytes = file.and_then(|file| file.bytes());
            bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let read = read(&self.path, &mut Vec::new(), read_bytes, outputs)?;
        let known = self.judge.known.clone();
        self.judged(read, in_force, &known)
    }

    fn judged(
        &mut self,
        read: Read,
        in_force: &State,
        known: &KnownWarnings,
    ) -> Result<Proposal, Problems> {
        self.proposed = Proposed::Nothing;
        let (mut loaded, draft, bytes) = read;
        let hosts = &mut loaded.config.hosts;
        let mut difference =
            Difference::between(&in_force.hosts, &in_force.hosts.stations(), hosts);
        let judge = Judge::new(&loaded, draft, bytes);
        refuse_empty(&self.path, &judge)?;
        let warnings = known.new_of(loaded.warnings);
        let (before, after) = (&self.judge.draft.config, &judge.draft.config);
        if !settings::changed_settings(before, after).is_empty() {
            difference.settings = Some(OtherSettings {
                before: Arc::clone(&in_force.settings),
                after: Arc::new(loaded.config.settings),
                named: settings::applied_settings(before, after),
            });
        }
        self.proposed = Proposed::Whole(Box::new(judge));
        Ok(Proposal { difference, warnings })
    }
}

/// A file without a byte is what a full disk or half an edit leaves, and would be a configuration without machines.
fn refuse_empty(path: &Path, judge: &Judge) -> Result<(), Problems> {
    if judge.sources.iter().any(|source| source.has_settings() && source.bytes() == Some(&[])) {
        return Err(Place::file(path).problem("is empty").into());
    }
    Ok(())
}

/// What each file and program had.
type Bytes = HashMap<PathBuf, Vec<u8>>;

type Read = (Loaded, Draft, Bytes);

fn read(
    path: &Path,
    files: &mut Vec<PathBuf>,
    read_bytes: ReadBytes<'_>,
    outputs: Outputs<'_>,
) -> Result<Read, Problems> {
    let bytes = RefCell::new(Bytes::new());
    let read_bytes = |path: &Path| {
        let read = read_bytes(path)?;
        bytes.borrow_mut().insert(path.to_owned(), read.clone());
        Ok(read)
    };
    let outputs = |source: &CommandSource, settings: &Settings| {
        let output = outputs(source, settings);
        if let Output::Printed(printed) = &output {
            bytes.borrow_mut().insert(source.path().to_path_buf(), printed.clone());
        }
        output
    };
    let report = Report::new(Keep::Few);
    let (loaded, draft) = load_whole(path, &read_bytes, &outputs, Missing::Allowed, files, report)?;
    Ok((loaded, draft, bytes.into_inner()))
}
