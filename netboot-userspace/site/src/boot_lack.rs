//! The reasons why machines get nothing of a boot file, in the words that all use who say it.

use std::fmt;

use netboot_base::files::{Error, Files};

use crate::{
    boot_program::{self, JudgedFiles, Stamp},
    model::BootFile,
};

/// What a boot file lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is none of this name.
    Missing,
    /// What has its name cannot be opened, or is no file.
    NoFile(String),
    /// We may not read it: a daemon as another user may.
    Unreadable(String),
    /// Its machines do not run it.
    Useless(String),
}

impl Lack {
    /// Of a file, as TFTP and HTTP open it; `None`: machines boot from it.
    pub fn of(files: &Files, file: &BootFile, judged: &mut JudgedFiles) -> Option<Self> {
        let BootFile { name, code } = file;
        let opened = match files.open(name.as_bytes()) {
            Ok(opened) => opened.file,
            Err(Error::NotFound(root)) if root.join(name).is_dir() => {
                return Some(Self::NoFile("not a file".to_owned()));
            }
            Err(Error::NotFound(_)) => return Some(Self::Missing),
            Err(error) if error.is_of_permission() => {
                return Some(Self::Unreadable(error.to_string()));
            }
            Err(Error::Io { source, .. }) => return Some(Self::NoFile(source.to_string())),
            Err(error) => return Some(Self::NoFile(error.to_string())),
        };
        let stamp = match opened.metadata() {
            Ok(metadata) => Stamp::of(&metadata),
            Err(error) => return Some(Self::NoFile(error.to_string())),
        };
        judged.trouble_of(name, stamp, *code, || boot_program::head(opened)).map(Self::Useless)
    }

    /// What to do.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "put it there",
            Self::NoFile(_) | Self::Useless(_) => "put another there",
            Self::Unreadable(_) => "let the daemon read it",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such file or directory"),
            Self::NoFile(why) | Self::Unreadable(why) | Self::Useless(why) => f.write_str(why),
        }
    }
}
