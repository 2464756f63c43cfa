//! `netboot import`

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde_json::json;
use tempfile::NamedTempFile;

use super::print;
use crate::{
    args::{Format, ImportArgs},
    import::{self, Imported, grouped},
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
                    let report = json!({ "valid": false, "errors": problems.0 });
                    print(&format!("{report:#}\n"))?;
                }
                Format::Text => eprintln!("{problems}"),
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

/// A reader sees all of it or nothing.
fn write(path: &Path, text: &str, overwrite: bool) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let written = || -> io::Result<()> {
        let mut new = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(Permissions::from_mode(0o644))?;
        new.as_file().sync_all()?;
        let _ = match overwrite {
            true => new.persist(path)?,
            false => new.persist_noclobber(path)?,
        };
        Ok(())
    };
    if !overwrite && fs::symlink_metadata(path).is_ok() {
        anyhow::bail!(
            "{} exists: nothing was written; name another file, or use --force",
            path.display()
        );
    }
    written().with_context(|| format!("cannot write {}", path.display()))
}
