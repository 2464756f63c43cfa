//! `netboot import`

use std::{fs, path::Path, process::ExitCode};

use anyhow::ensure;
use serde_json::json;

use super::print;
use crate::{
    args::{Format, ImportArgs},
    import::{self, Imported, grouped},
    replace,
};

/// Reads another server's configuration, and writes ours.
///
/// # Errors
///
/// The output cannot be written.
pub fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let format = args.format.choose();
    let Imported { fragment, notes } = match import::read(args.kind, &args.file) {
        Ok(imported) => imported,
        Err(problems) => {
            match format {
                Format::Json => {
                    let report = json!({ "valid": false, "errors": problems.kept() });
                    print(&format!("{report:#}\n"))?;
                }
                Format::Text => problems.kept().iter().for_each(|problem| eprintln!("{problem}")),
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let toml = fragment.to_toml()?;
    if let Some(out) = &args.out {
        write(out, &toml, args.force)?;
    }
    let (subnets, hosts) = (fragment.subnets.len(), fragment.hosts.len());
    match format {
        Format::Json => {
            let report = json!({
                "valid": true,
                "subnets": subnets,
                "hosts": hosts,
                "notes": notes,
                "toml": toml,
            });
            print(&format!("{report:#}\n"))?;
        }
        Format::Text => {
            if args.out.is_none() {
                print(&toml)?;
            }
            eprint!("{}", grouped(&notes));
            eprintln!(
                "{}: {subnets} subnets and {hosts} hosts are taken over, {} notes",
                args.file.display(),
                notes.len()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str, overwrite: bool) -> anyhow::Result<()> {
    if overwrite {
        return replace::replace(path, text);
    }
    ensure!(
        fs::symlink_metadata(path).is_err(),
        "{} exists: nothing was written; name another file, or use --force",
        path.display()
    );
    replace::create(path, text)
}
