//! The program that goes on in the kernel without a daemon.

use std::{fmt, fs, io, path::Path, time::Duration};

use netboot_base::links;
use netboot_site::model::Xdp;

use crate::running;

/// Seen from the pins of a daemon that is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum WithoutDaemon {
    #[default]
    Unasked,
    /// This user may not look.
    Hidden,
    /// A daemon runs, with another state directory.
    Running,
    /// The program answers at these interfaces, and offers boot files for so long.
    Interfaces { names: Vec<String>, boot_files: Option<Duration> },
}

impl WithoutDaemon {
    pub(super) fn look(xdp: &Xdp) -> Self {
        if running::holds_pins(&xdp.pin_path) {
            return Self::Running;
        }
        match pinned(&xdp.pin_path.join("links")) {
            Ok(names) => Self::Interfaces { names, boot_files: xdp.boot_files_without_daemon },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::Interfaces { names: Vec::new(), boot_files: None }
            }
            Err(_) => Self::Hidden,
        }
    }

    /// Where the kernel answers without a daemon, if that is known.
    pub(super) fn interfaces(&self) -> Option<&[String]> {
        match self {
            Self::Interfaces { names, .. } => Some(names),
            Self::Unasked | Self::Hidden | Self::Running => None,
        }
    }
}

/// The interfaces that something is pinned for, by number.
fn pinned(directory: &Path) -> io::Result<Vec<String>> {
    let here = links::all().unwrap_or_default();
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let link = here.values().find(|link| link.index == number);
        names.push(link.map_or_else(|| format!("number {number}"), |link| link.name.clone()));
    }
    names.sort();
    Ok(names)
}

impl fmt::Display for WithoutDaemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => Ok(()),
            Self::Hidden => {
                f.write_str("; whether the kernel goes on answering without it only root can see")
            }
            Self::Running => f.write_str(
                "; one that was started with another state-dir is, and holds this xdp.pin-path",
            ),
            Self::Interfaces { names, .. } if names.is_empty() => Ok(()),
            Self::Interfaces { names, boot_files } => {
                let (count, names) = (names.len(), names.join(", "));
                write!(f, "; the kernel answers at {count} interface(s) without it ({names})")?;
                if let Some(length) = boot_files {
                    let length = humantime::format_duration(*length);
                    write!(
                        f,
                        ", but names no boot files any more {length} after the daemon's end"
                    )?;
                }
                f.write_str(": `netboot detach` (with the same --config) ends that")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netboot_site::model::Settings;

    #[track_caller]
    fn check(pins: &[&str], expect: Option<&[&str]>, words: &str) {
        let directory = tempfile::tempdir().unwrap();
        for pin in pins {
            let path = directory.path().join(pin);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut xdp = Settings::unconfigured().xdp;
        xdp.pin_path = directory.path().into();
        let left = WithoutDaemon::look(&xdp);
        let names: Option<Vec<_>> =
            left.interfaces().map(|names| names.iter().map(String::as_str).collect());
        assert_eq!((names.as_deref(), left.to_string().as_str()), (expect, words));
    }

    #[test]
    fn what_is_pinned_is_named() {
        let loopback = links::all().unwrap().remove("lo").unwrap().index;
        check(&[], Some(&[]), "");
        check(&["RESERVATIONS"], Some(&[]), "");
        // Not a directory: nobody can say.
        let hidden = "; whether the kernel goes on answering without it only root can see";
        check(&["links"], None, hidden);
        let words = "; the kernel answers at 2 interface(s) without it (lo, number 999999), but names no boot files \
                     any more 1m after the daemon's end: `netboot detach` (with the same --config) ends that";
        let pins = [format!("links/{loopback}"), "links/999999".to_owned()];
        check(&[&pins[0], &pins[1]], Some(&["lo", "number 999999"]), words);
    }
}
