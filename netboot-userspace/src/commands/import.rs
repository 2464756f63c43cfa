//! `netboot import`

use std::{path::Path, process::ExitCode};

use netboot_base::{format::Format, replace::FilePlace};
use netboot_tools::import::{self, Imported, grouped};
use serde_json::json;

use super::{print, written};
use crate::args::ImportArgs;

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
    let place = FilePlace::of_output(path)?;
    if !overwrite {
        return place.create(text);
    }
    written(path, place.replace(text)?);
    Ok(())
}
