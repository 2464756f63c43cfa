//! The knowledge, beside the state in force, by which a change of one source is judged.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::{
        Candidate, InventoryFormat, Loaded, Problem, Problems,
        read::Draft,
        source::{FileSource, MachineBlocks, Output, PrintedSource, Source, SourceForm},
    },
    model::{BootFile, CommandSource, Host, Located, Settings},
};

/// A good configuration as it was taken over, without hosts.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) draft: Draft,
    /// The configuration file, the inventory files in its order, and programs.
    pub(super) sources: Vec<Box<dyn Source>>,
    pub(super) own: HostCounts,
    pub(super) known: KnownWarnings,
}

/// What was warned of, wherever it stands now.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownWarnings {
    warnings: HashSet<Problem>,
    /// How many more there were.
    left_out: usize,
}

impl KnownWarnings {
    fn of(warnings: &Problems) -> Self {
        let left_out = warnings.left_out();
        Self { warnings: warnings.kept().iter().map(elsewhere).collect(), left_out }
    }

    /// The warnings that were not given before.
    pub(super) fn new_of(&self, mut warnings: Problems) -> Problems {
        let left_out = warnings.left_out().saturating_sub(self.left_out);
        warnings.retain(left_out, |warning| !self.warnings.contains(&elsewhere(warning)));
        warnings
    }

    /// Takes over the warnings of a file's hosts, where some hosts were read again. What may have gone with the others
    /// is said once more when all is read.
    pub(super) fn replace(&mut self, source: &dyn Source, warnings: &Problems) {
        let is_host = |field: &str| !source.has_settings() || field.starts_with("host");
        self.warnings.retain(|warning| warning.file != **source.path() || !is_host(&warning.field));
        self.warnings.extend(warnings.kept().iter().map(elsewhere));
    }
}

/// The warning without its line: lines that are added before it make it no other.
fn elsewhere(warning: &Problem) -> Problem {
    let mut warning = warning.clone();
    warning.line = None;
    warning
}

/// How many hosts have what the configuration is warned of as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HostCounts {
    /// Hosts that get the default script for sure.
    pub(super) scripts: usize,
    pub(super) boot_files: usize,
}

impl HostCounts {
    pub(super) fn of<'h>(config: &Settings, hosts: impl IntoIterator<Item = &'h Host>) -> Self {
        let subnets = Located::new(&config.subnets);
        let mut own = Self::default();
        for host in hosts {
            own.scripts += usize::from(Candidate::of(host).is_surely_sent(config, &subnets));
            let own_file = host.boot_file.as_deref().and_then(BootFile::of_host);
            own.boot_files += usize::from(own_file.is_some());
        }
        own
    }
}

impl Judge {
    pub(super) fn new(loaded: &Loaded, draft: Draft, mut bytes: HashMap<PathBuf, Vec<u8>>) -> Self {
        let config = &loaded.config;
        let mut placed = config.hosts.iter().zip(&loaded.origins).peekable();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for (at, path) in loaded.files.iter().enumerate() {
            let (mut hosts, mut lines) = (Vec::new(), Vec::new());
            while let Some((host, origin)) = placed.next_if(|(_, origin)| is_in(&origin.file, path))
            {
                if host.is_first() {
                    hosts.push(host.station());
                    lines.push(origin.line);
                }
            }
            let form = match at {
                0 => SourceForm::Main,
                _ => SourceForm::Inventory(InventoryFormat::of(path)),
            };
            let bytes = bytes.remove(path).unwrap_or_default();
            let blocks = MachineBlocks::new(path.clone(), form, bytes, hosts, &lines);
            sources.push(Box::new(FileSource::new(blocks)));
        }
        for source in &config.sources {
            let path = source.path();
            let mut hosts = Vec::new();
            while let Some((host, _)) = placed.next_if(|(_, origin)| is_in(&origin.file, &path)) {
                hosts.extend(host.is_first().then(|| host.station()));
            }
            let printed = bytes.remove(&*path);
            sources.push(Box::new(PrintedSource::new(source.clone(), printed, hosts)));
        }
        Self {
            sources,
            own: HostCounts::of(config, config.hosts.iter().map(|host| &**host)),
            known: KnownWarnings::of(&loaded.warnings),
            draft,
        }
    }

    /// Where problems can stand, in the order of sources.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.sources.iter().map(|source| source.path().to_path_buf()).collect()
    }

    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.sources.iter().filter_map(|source| source.watched().map(Path::to_owned)).collect()
    }

    /// The last good output of a source's program, or of the one that was there before it is another.
    pub(super) fn printed(&self, source: &CommandSource) -> Option<Output> {
        let all = || self.sources.iter().filter_map(|own| Some((own.command()?, own.bytes())));
        let same = all().find(|(own, _)| own.command == source.command);
        let (_, bytes) = same.or_else(|| all().find(|(own, _)| own.name == source.name))?;
        Some(bytes.map_or(Output::Unknown, |bytes| Output::Printed(bytes.to_vec())))
    }
}

fn is_in(file: &Arc<Path>, path: &Path) -> bool {
    **file == *path
}
