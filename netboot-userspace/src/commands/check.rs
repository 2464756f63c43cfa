//! `netboot check`

mod agent;
mod notes;

use std::{path::Path, process::ExitCode};

use netboot_base::{format::Format, links};
use netboot_site::{
    config::{self, Loaded},
    model::DhcpMode,
};
use netboot_tools::explain::Site;
use serde_json::json;

use self::{
    agent::agent_note,
    notes::{hookos_note, notes, user_note},
};
use super::{config_file, print};
use crate::args::CheckArgs;

/// Prints the effective configuration, or everything that is wrong with it.
///
/// # Errors
///
/// The output cannot be written.
pub fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let path = match config_file(&args.config) {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let loaded = config::load(&path);
    if let Ok(loaded) = &loaded
        && loaded.config.dhcp.mode != DhcpMode::Off
        && let Err(error) = Site::here(loaded.clone())
    {
        anyhow::bail!("{}: the tables cannot be made: {error:#}", path.display());
    }
    match (loaded, args.format.choose()) {
        (Ok(loaded), Format::Json) => {
            let config = loaded.config.to_json()?;
            let warnings = loaded.warnings.kept();
            let notes = notes_here(&loaded);
            let report =
                json!({ "valid": true, "config": config, "warnings": warnings, "notes": notes });
            print(&format!("{report:#}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        (Ok(loaded), Format::Text) => {
            for warning in loaded.warnings.kept() {
                eprintln!("warning: {warning}");
            }
            for note in notes_here(&loaded) {
                eprintln!("note: {note}");
            }
            let text =
                if args.quiet { summary(&path, &loaded) } else { loaded.config.to_toml()? };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        (Err(problems), Format::Json) => {
            let report = json!({ "valid": false, "errors": problems.kept() });
            print(&format!("{report:#}\n"))?;
            Ok(ExitCode::FAILURE)
        }
        (Err(problems), Format::Text) => {
            for problem in problems.kept() {
                eprintln!("{problem}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// None of the interfaces, where the kernel does not list them.
fn notes_here(loaded: &Loaded) -> Vec<String> {
    let mut all = links::all().map(|links| notes(&loaded.config, &links)).unwrap_or_default();
    all.extend(user_note(&loaded.config));
    all.extend(hookos_note(&loaded.config));
    all.extend(agent_note(&loaded.config));
    all
}

fn summary(path: &Path, loaded: &Loaded) -> String {
    let Loaded { config, warnings, files, .. } = loaded;
    format!(
        "{}: valid: {} files, {} subnets, {} hosts, {} warnings\n",
        path.display(),
        files.len(),
        config.subnets.len(),
        config.hosts.iter().filter(|host| host.is_first()).count(),
        warnings.total()
    )
}
