//! A lock file: the daemon waits a while for the lock, and names its holder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, IsTerminal as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::printable::printable;

const PATIENCE: Duration = Duration::from_secs(5);
/// Until somebody at a terminal is told what is waited for.
const SILENCE: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_millis(50);
const LOCKS: &str = "/proc/locks";

/// Locks a directory, or a file, for as long as what is returned lives.
///
/// # Errors
/// The file cannot be opened, or another process holds the lock and does not let go of it.
pub fn wait_for(path: &Path, what: &str) -> anyhow::Result<File> {
    wait(path, what, PATIENCE)
}

fn wait(path: &Path, what: &str, patience: Duration) -> anyhow::Result<File> {
    let cannot = || format!("cannot lock {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let since = Instant::now();
    let mut is_told = !io::stderr().is_terminal();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        anyhow::ensure!(
            since.elapsed() < patience,
            "{} holds the lock of {} for {} s now, and {what} waits for it: wait until that process ends, or end it, \
             and try again",
            holder(&file),
            path.display(),
            patience.as_secs()
        );
        if !is_told && since.elapsed() >= SILENCE {
            eprintln!(
                "netboot: waiting for {}, which holds the lock of {}",
                holder(&file),
                path.display()
            );
            is_told = true;
        }
        thread::sleep(ASK_EVERY);
    }
}

/// Who holds the lock of an open file, in words.
pub(crate) fn holder(file: &File) -> String {
    let pid = file.metadata().ok().and_then(|metadata| {
        let locks = fs::read_to_string(LOCKS).ok()?;
        pid_of(&locks, metadata.dev(), metadata.ino())
    });
    let Some(pid) = pid else { return "a process that is not seen from here".to_owned() };
    // Not its command line, which may have a secret.
    match fs::read(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", printable(name.trim_ascii(), 40)),
        // The holder has ended, and left the lock to a process that it started.
        Err(_) => format!("a process that process {pid} started"),
    }
}

/// `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; a line with `->` is of one that waits.
fn pid_of(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mut elsewhere = None;
    for line in locks.lines() {
        let mut words = line.split_whitespace().skip(1);
        if words.next() != Some("FLOCK") {
            continue;
        }
        let Some((pid, place)) = words.nth(2).zip(words.next()) else { continue };
        let Some((on, number)) = place.rsplit_once(':') else { continue };
        // Of another process namespace.
        let Some(pid) = pid.parse().ok().filter(|pid| *pid != 0) else { continue };
        if number.parse() != Ok(inode) {
            continue;
        }
        if on == format!("{major:02x}:{minor:02x}") {
            return Some(pid);
        }
        // Some file systems have two numbers.
        elsewhere = Some(pid);
    }
    elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read() {
        #[track_caller]
        fn check(locks: &str, expect: Option<u32>) {
            assert_eq!(pid_of(locks, rustix::fs::makedev(8, 17), 5678), expect, "{locks}");
        }
        check("1: FLOCK  ADVISORY  WRITE 1234 08:11:5678 0 EOF\n", Some(1234));
        check("1: FLOCK  ADVISORY  READ 1234 08:11:5678 0 EOF\n", Some(1234));
        check("1: FLOCK  ADVISORY  WRITE 1234 08:11:5679 0 EOF\n", None);
        check("1: POSIX  ADVISORY  WRITE 1234 08:11:5678 0 EOF\n", None);
        check("1: FLOCK  ADVISORY  WRITE 0 08:11:5678 0 EOF\n", None);
        let waits = "1: FLOCK  ADVISORY  WRITE 1 08:11:5678 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 2 08:11:5678 0 EOF\n";
        check(waits, Some(1));
        let two = "1: FLOCK  ADVISORY  WRITE 1 00:2a:5678 0 EOF\n2: FLOCK  ADVISORY  WRITE 2 08:11:5678 0 EOF\n";
        check(two, Some(2));
        check("1: FLOCK  ADVISORY  WRITE 1 00:2a:5678 0 EOF\n", Some(1));
        check("nonsense\n1: FLOCK\n", None);
        check("", None);
    }

    #[test]
    fn it_is_not_waited_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let held = wait_for(directory.path(), "this test").unwrap();
        let since = Instant::now();
        let error = wait(directory.path(), "this test", Duration::from_millis(200)).unwrap_err();
        let own = std::process::id();
        let text = error.to_string();
        assert!(text.starts_with(&format!("process {own} (")), "{text}");
        assert!(text.contains(&directory.path().display().to_string()), "{text}");
        assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
        drop(held);
        wait_for(directory.path(), "this test").unwrap();
    }
}
