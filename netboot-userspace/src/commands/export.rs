//! `netboot export`

use std::process::ExitCode;

use anyhow::Context as _;
use netboot_base::{links, replace::FilePlace};
use netboot_site::config;
use netboot_tools::export::{Exported, export};

use super::{config_file, print, written};
use crate::args::ExportArgs;

/// Writes the configuration of another DHCP server.
///
/// # Errors
/// The configuration cannot be read, or not be said in that server's syntax; or the output cannot be written.
pub fn export_configuration(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let path = match config_file(&args.config) {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let config = config::load_to_run(&path)?.config;
    let Exported { text, notes } = export(args.server, config, &links::all()?)?;
    match &args.out {
        Some(file) => written(file, FilePlace::of_output(file)?.replace(&text)?),
        None => print(&text).context("cannot print")?,
    }
    for note in notes {
        eprintln!("note: {note}");
    }
    Ok(ExitCode::SUCCESS)
}
