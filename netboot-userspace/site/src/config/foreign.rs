//! Configurations and inventories of other nodes: their boot files need not be here.

use std::path::Path;

use toml::de::DeValue;

use super::{
    InventoryFormat, Problems,
    check::{Missing, check, leave_out, reason},
    inventory::{csv, machine, tables},
    load::finish,
    problem::{Place, Report},
    read::{Draft, read},
    regular_file::read_regular,
    section::Section,
    source_text::SourceText,
    value::{boot_file, dhcp_url},
};
use crate::model::{Host, Subnet};

/// Everything that is wrong with a configuration's text, whatever `boot.root` holds.
pub fn judge(text: &str) -> Problems {
    let report = Report::default();
    let path = Path::new("imported.toml");
    if let Some(mut draft) = draft(path, text, &report) {
        // Boot files are on another node.
        check(&mut draft, Missing::Allowed, &report);
    }
    report.into_sorted(&[]).0
}

/// Whether the text can be a boot file's name.
pub fn is_boot_file(name: &str) -> Result<(), String> {
    boot_file(&DeValue::String(name.into())).map(drop)
}

/// Whether iPXE can be told the URL as its script.
pub fn is_script_url(url: &str) -> Result<(), String> {
    dhcp_url(&DeValue::String(url.into())).map(drop)
}

/// What an inventory file says.
#[derive(Debug, Default)]
pub struct Foreign {
    /// That its machines make.
    pub subnets: Vec<Subnet>,
    pub hosts: Vec<Host>,
    pub warnings: Problems,
}

/// Reads an inventory file as if no configuration named it.
pub fn read_foreign(path: &Path, format: InventoryFormat) -> Result<Foreign, Problems> {
    let report = Report::default();
    let found = found(path, format, &report);
    let (errors, mut warnings) = report.into_sorted(&[]);
    let Some((subnets, hosts)) = found.filter(|_| errors.is_empty()) else {
        return Err(errors);
    };
    // Advice for a whole configuration is not about this file.
    warnings.retain(0, |warning| warning.file == path);
    Ok(Foreign { subnets, hosts, warnings })
}

fn found(
    path: &Path,
    format: InventoryFormat,
    report: &Report,
) -> Option<(Vec<Subnet>, Vec<Host>)> {
    let bytes = read_regular(path)
        .inspect_err(|error| {
            report.error(&Place::file(path), format!("cannot be read: {}", reason(error)));
        })
        .ok()?;
    let source = SourceText::new(path, bytes, report)?;
    let mut draft = draft(Path::new(""), "dhcp.mode = \"proxy\"", report)?;
    draft.hosts = match format {
        InventoryFormat::Toml => tables::read(&source, 0, report),
        InventoryFormat::Csv => csv::read(&source, true, report),
        InventoryFormat::Yaml => machine::read(&source, &mut draft, report),
    }?;
    leave_out(&mut draft, report);
    // The boot files are on another node.
    let files: Vec<_> = draft.hosts.iter_mut().map(|host| host.boot_file.take()).collect();
    check(&mut draft, Missing::Refused, report);
    for (host, file) in draft.hosts.iter_mut().zip(files) {
        host.boot_file = file;
    }
    let (hosts, _) = finish(&mut draft);
    let machines = hosts.iter().filter(|host| host.is_first());
    let hosts = machines.map(|host| Host::clone(host)).collect();
    Some((draft.config.subnets, hosts))
}

fn draft(path: &Path, text: &str, report: &Report) -> Option<Draft> {
    let source = SourceText::new(path, text.as_bytes().to_vec(), report)?;
    let table = source.parse(report)?;
    Some(read(Section::root(&source, &table, report), Path::new("/")))
}
