//! The commands that end by themselves.

pub mod check;
pub mod detach;
pub mod explain;
pub mod export;
pub mod generate;
pub mod host;
pub mod import;
pub mod probe;

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use netboot_site::model::DEFAULT_PATH;

use crate::args::ConfigArg;

/// The exit code for a wrong command line, which names a file that is not there.
const USAGE: u8 = 2;

/// The configuration file, if it can be opened; else the exit code, and why is said.
fn config_file(arg: &ConfigArg) -> Result<PathBuf, ExitCode> {
    let Some(path) = arg.path() else {
        eprintln!("netboot: {DEFAULT_PATH} does not exist; name a configuration with --config");
        return Err(ExitCode::from(USAGE));
    };
    // Opening a FIFO would wait for its writer.
    let open = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path);
    if let Err(error) = open {
        eprintln!("netboot: cannot open {}: {error}", path.display());
        return Err(ExitCode::from(USAGE));
    }
    Ok(path)
}

/// Says what became of a link that had an output's name.
fn written(file: &Path, link: Option<PathBuf>) {
    if let Some(to) = link {
        eprintln!("note: {} was a link to {}, and is a file now", file.display(), to.display());
    }
}

/// Prints; a reader that has gone away, as `head` does, is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn a_fifo_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        let arg = ConfigArg { file: Some(fifo) };
        let (done, wait) = mpsc::channel();
        thread::spawn(move || done.send(config_file(&arg).is_ok()));
        assert_eq!(wait.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}
