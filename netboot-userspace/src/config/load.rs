//! Reads the configuration and the inventory files it names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Config,
    check::{check, reason},
    host::{DraftHost, read_hosts},
    problem::{Place, Placed, Problem, Problems, Report},
    read::{Draft, read},
    regular::read_regular,
    section::Section,
    source::Source,
};

/// A configuration that may be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Problem>,
    /// The configuration file and the inventory files.
    pub files: Vec<PathBuf>,
}

/// Reads and checks the file and all that it names.
///
/// # Errors
///
/// Everything that is wrong, in the order of files and lines.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, &read_regular)
}

/// As [`load`], as if the file `edited` (one of the configuration's) had this text.
///
/// # Errors
///
/// As [`load`].
pub fn load_edited(path: &Path, edited: &Path, text: &str) -> Result<Loaded, Problems> {
    load_with(path, &|path: &Path| {
        if is_same_file(path, edited) { Ok(text.as_bytes().to_vec()) } else { read_regular(path) }
    })
}

/// Whether two paths name one file, which need not exist yet.
#[must_use]
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok();
    a == b || whole(a).is_some_and(|a| Some(a) == whole(b))
}

type Read<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

fn load_with(path: &Path, read_bytes: Read<'_>) -> Result<Loaded, Problems> {
    let report = Report::default();
    let mut files = vec![path.to_owned()];
    let config = match read_main(path, read_bytes, &report) {
        Some(mut draft) => {
            for name in std::mem::take(&mut draft.inventory) {
                if let Some(hosts) = read_inventory(path, &name, &mut files, read_bytes, &report) {
                    draft.hosts.extend(hosts);
                }
            }
            check(&draft, &report);
            finish(draft, path)
        }
        None => Config::unconfigured(),
    };
    let (errors, warnings) = report.into_sorted(&files);
    if errors.is_empty() { Ok(Loaded { config, warnings, files }) } else { Err(Problems(errors)) }
}

fn read_main(path: &Path, read_bytes: Read<'_>, report: &Report) -> Option<Draft> {
    let place = Place::file(path);
    let bytes = read_bytes(path)
        .inspect_err(|error| report.error(&place, format!("cannot be read: {}", reason(error))))
        .ok()?;
    let source = Source::new(path, bytes, report)?;
    let table = source.parse(report)?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = absolute.parent().unwrap_or(Path::new("/"));
    Some(read(Section::root(&source, &table, report), base))
}

/// The hosts of an inventory file, which is named relative to the file that includes it.
fn read_inventory(
    including: &Path,
    name: &Placed<String>,
    files: &mut Vec<PathBuf>,
    read_bytes: Read<'_>,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let path = including.parent().unwrap_or(Path::new("")).join(&name.value);
    if let Some(kind @ ("csv" | "yaml" | "yml")) = path.extension().and_then(|kind| kind.to_str()) {
        let message = format!(
            "{}: inventories in {} are not supported yet; write the hosts as [[host]] tables in a .toml file",
            name.value,
            if kind == "csv" { "CSV" } else { "YAML" }
        );
        report.error(&name.place, message);
        return None;
    }
    if files.contains(&path) {
        report.error(&name.place, format!("{} is read twice; list it once", path.display()));
        return None;
    }
    let bytes = read_bytes(&path).inspect_err(|error| {
        let why = reason(error);
        let message = format!("{}: {why}; create it, or correct the name", path.display());
        report.error(&name.place, message);
    });
    files.push(path.clone());
    let source = Source::new(&path, bytes.ok()?, report)?;
    let table = source.parse(report)?;
    let mut file = Section::root(&source, &table, report);
    let hosts = read_hosts(&mut file);
    file.finish();
    Some(hosts)
}

fn finish(draft: Draft, path: &Path) -> Config {
    let hosts = draft
        .hosts
        .into_iter()
        .filter_map(|host| DraftHost::finish(host, &draft.config.subnets))
        .collect();
    Config { path: Some(path.to_owned()), hosts, ..draft.config }
}
