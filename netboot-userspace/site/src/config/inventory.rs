//! The inventory files: hosts in TOML, CSV or Tinkerbell's YAML.

pub(super) mod csv;
mod hardware;
mod mac_keyed;
pub(super) mod machine;
mod parallel;
mod scalar;
pub(super) mod tables;
#[cfg(test)]
mod tests;
mod yaml;

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    check::reason,
    load::{ReadBytes, is_same_file},
    problem::{Place, Placed, Report},
    read::Draft,
    source_text::SourceText,
};

/// How an inventory file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InventoryFormat {
    Toml,
    Csv,
    /// JSON is YAML too.
    Yaml,
}

impl InventoryFormat {
    /// By the ending of the file's name; TOML if it says nothing else.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Self::Csv,
            "yaml" | "yml" | "json" => Self::Yaml,
            _ => Self::Toml,
        }
    }
}

/// Adds the hosts of an inventory file, which is named relative to the file that includes it, and the
/// subnets that are made of what it says.
pub(super) fn read_inventory(
    including: &Path,
    name: &Placed<String>,
    files: &mut Vec<PathBuf>,
    draft: &mut Draft,
    read_bytes: ReadBytes<'_>,
    report: &Report,
) {
    let path = including.parent().unwrap_or(Path::new("")).join(&name.value);
    if files.iter().any(|known| is_same_file(known, &path)) {
        report.error(&name.place, format!("{} is read twice; list it once", path.display()));
        return;
    }
    let bytes = read_bytes(&path).inspect_err(|error| {
        let why = reason(error);
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; create it, or correct the name",
            _ => "",
        };
        let message = format!("{}: {why}{hint}", path.display());
        report.error(&name.place, message);
    });
    files.push(path.clone());
    let Ok(bytes) = bytes else { return };
    let Some(source) = SourceText::new(&path, bytes, report) else { return };
    let hosts = match InventoryFormat::of(&path) {
        InventoryFormat::Toml => tables::read(&source, 0, report),
        InventoryFormat::Csv => csv::read(&source, !draft.config.dhcp.mode.is_proxy(), report),
        InventoryFormat::Yaml => machine::read(&source, draft, report),
    };
    match hosts {
        Some(hosts) if hosts.is_empty() => report.warn(&Place::file(&path), "has no hosts"),
        Some(hosts) => draft.hosts.extend(hosts),
        None => {}
    }
}
