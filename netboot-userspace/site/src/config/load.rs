//! The loader of a configuration and of the inventory files that it names.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    check::{Missing, check, leave_out, reason},
    inventory::read_inventory,
    problem::{Keep, Place, Problems, Report},
    read::{Draft, read},
    regular_file::read_regular,
    section::Section,
    source::{Output, Outputs, read_printed, run_if_it_can, run_now},
    source_text::SourceText,
};
use crate::model::{Config, Host, Located};

/// A configuration that may be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Problems,
    /// The configuration file and the inventory files.
    pub files: Vec<PathBuf>,
    /// Where each host stands; those of one machine at one place.
    pub origins: Vec<Origin>,
}

/// Where a host stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: Arc<Path>,
    /// 0: in none of its lines.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// Reads and checks the file and all that it names.
///
/// # Errors
///
/// Everything that is wrong, in the order of files and lines.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, &read_regular, &run_now, Missing::Refused)
}

/// As [`load_to_run`], as if the file `edited` (one of the configuration's) had this text. A program of a source that
/// fails is in no edit's way.
///
/// # Errors
///
/// As [`load`].
pub fn load_edited(path: &Path, edited: &Path, text: &str) -> Result<Loaded, Problems> {
    let read = |path: &Path| {
        if is_same_file(path, edited) { Ok(text.as_bytes().to_vec()) } else { read_regular(path) }
    };
    load_with(path, &read, &run_if_it_can, Missing::Allowed)
}

/// Whether two paths name one file, which need not exist yet.
#[must_use]
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok();
    a == b || whole(a).is_some_and(|a| Some(a) == whole(b))
}

/// How a file is read.
pub(super) type ReadBytes<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// As [`load`], as `netboot run` takes it: a boot file that is not there is a warning.
///
/// # Errors
///
/// As [`load`].
pub fn load_to_run(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, &read_regular, &run_now, Missing::Allowed)
}

/// As [`load_to_run`], of the files alone: no program of a source is run, and its hosts are not there.
///
/// # Errors
///
/// As [`load`].
pub fn load_files(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, &read_regular, &|_, _| Output::Unknown, Missing::Allowed)
}

fn load_with(
    path: &Path,
    read_bytes: ReadBytes<'_>,
    outputs: Outputs<'_>,
    missing: Missing,
) -> Result<Loaded, Problems> {
    let report = Report::new(Keep::All);
    let loaded = load_whole(path, read_bytes, outputs, missing, &mut Vec::new(), report);
    loaded.map(|(loaded, _)| loaded)
}

/// As [`load`], beside what a part of the configuration is judged by later, which is without hosts.
/// The files are named in any case.
pub(super) fn load_whole(
    path: &Path,
    read_bytes: ReadBytes<'_>,
    outputs: Outputs<'_>,
    missing: Missing,
    files: &mut Vec<PathBuf>,
    report: Report,
) -> Result<(Loaded, Draft), Problems> {
    files.push(path.to_owned());
    let draft = read_main(path, read_bytes, &report).map(|mut draft| {
        draft.subnets_after.push(draft.config.subnets.len());
        for name in std::mem::take(&mut draft.inventory) {
            read_inventory(path, &name, files, &mut draft, read_bytes, &report);
            draft.subnets_after.push(draft.config.subnets.len());
        }
        read_outputs(&mut draft, outputs, &report);
        leave_out(&mut draft, &report);
        check(&mut draft, missing, &report);
        draft.config.path = Some(path.to_owned());
        draft
    });
    let sources = draft.iter().flat_map(|draft| &draft.config.sources);
    let printed = sources.map(|source| source.path().to_path_buf());
    let order: Vec<_> = files.iter().cloned().chain(printed).collect();
    let (errors, warnings) = report.into_sorted(&order);
    let Some(mut draft) = draft.filter(|_| errors.is_empty()) else {
        return Err(errors);
    };
    let (hosts, origins) = finish(&mut draft);
    let config = Config { settings: draft.config.clone(), hosts };
    Ok((Loaded { config, warnings, files: files.clone(), origins }, draft))
}

/// Adds the hosts that programs print.
fn read_outputs(draft: &mut Draft, outputs: Outputs<'_>, report: &Report) {
    let sources = draft.config.sources.iter().zip(&draft.sources);
    let mut hosts = Vec::new();
    for (source, place) in sources {
        match outputs(source, &draft.config) {
            Output::Printed(bytes) => {
                hosts.extend(read_printed(&source.path(), &bytes, report).unwrap_or_default());
            }
            Output::Failed(why) => report.error(place, format!("{} {why}", source.name)),
            Output::Lacking(why) => {
                let name = &source.name;
                report.warn(place, format!("{name} {why}: the hosts that it prints are not known"));
            }
            Output::Unknown => {}
        }
    }
    draft.hosts.append(&mut hosts);
}

fn read_main(path: &Path, read_bytes: ReadBytes<'_>, report: &Report) -> Option<Draft> {
    let place = Place::file(path);
    let bytes = read_bytes(path)
        .inspect_err(|error| report.error(&place, format!("cannot be read: {}", reason(error))))
        .ok()?;
    let source = SourceText::new(path, bytes, report)?;
    let table = source.parse(report)?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = absolute.parent().unwrap_or(Path::new("/"));
    Some(read(Section::root(&source, &table, report), base))
}

pub(super) fn finish(draft: &mut Draft) -> (Vec<Arc<Host>>, Vec<Origin>) {
    let located = Located::new(&draft.config.subnets);
    let finished = std::mem::take(&mut draft.hosts).into_iter().flat_map(|host| {
        let origin = Origin {
            file: Arc::clone(&host.place.file),
            line: host.place.line.unwrap_or_default(),
        };
        host.finish(&located).map(move |host| (Arc::new(host), origin.clone()))
    });
    finished.unzip()
}
