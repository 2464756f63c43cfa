//! The commands that end by themselves.

pub mod check;
pub mod explain;
pub mod host;

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use crate::{args::ConfigArg, config::DEFAULT_PATH};

/// The exit code for a wrong command line, which names a file that is not there.
const USAGE: u8 = 2;

/// The configuration file, if it can be opened; else the exit code, and why is said.
fn config_file(arg: &ConfigArg) -> Result<PathBuf, ExitCode> {
    let Some(path) = arg.path() else {
        eprintln!("netboot: {DEFAULT_PATH} does not exist; name a configuration with --config");
        return Err(ExitCode::from(USAGE));
    };
    if let Err(error) = File::open(&path) {
        eprintln!("netboot: cannot open {}: {error}", path.display());
        return Err(ExitCode::from(USAGE));
    }
    Ok(path)
}

/// Prints; a reader that has gone away, as `head` does, is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
