//! The files of a configuration: the one that is named, and those that it includes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_site::config::{Problem, read_text};

use super::note::NotePlace;

/// Includes that include: more is a circle.
const DEEPEST: usize = 16;
/// Files in all: what includes itself twice would double with each turn.
const MOST: usize = 2000;

/// Opens files, and knows which were opened.
#[derive(Debug, Default)]
pub(super) struct Files {
    opened: usize,
}

/// A file's text.
#[derive(Debug)]
pub(super) struct FileText {
    pub(super) file: Arc<Path>,
    pub(super) text: String,
    /// How many files include it, one the other.
    pub(super) depth: usize,
}

impl FileText {
    /// The path of a file that this file names, relative to where this file is.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(name)
    }
}

impl Files {
    /// The file that is named on the command line.
    pub(super) fn first(&mut self, path: &Path) -> Result<FileText, Problem> {
        self.opened += 1;
        let text = read_text(path)
            .map_err(|why| Problem::new(path, None, format!("cannot be read: {why}")))?;
        Ok(FileText { file: path.into(), text, depth: 0 })
    }

    /// A file that another one names at this place.
    pub(super) fn included(
        &mut self,
        path: &Path,
        depth: usize,
        from: &NotePlace,
    ) -> Result<FileText, Problem> {
        self.opened += 1;
        if depth >= DEEPEST || self.opened > MOST {
            let message =
                format!("{}: too many files include others: is it a circle?", path.display());
            return Err(from.problem(message));
        }
        let text = read_text(path).map_err(|why| {
            from.problem(format!(
                "{} cannot be read: {why}; put it there, or correct the name",
                path.display()
            ))
        })?;
        Ok(FileText { file: path.into(), text, depth: depth + 1 })
    }

    /// The names of a directory's files, sorted.
    pub(super) fn directory(path: &Path, from: &NotePlace) -> Result<Vec<PathBuf>, Problem> {
        let cannot = |error: std::io::Error| {
            from.problem(format!("{} cannot be read: {error}", path.display()))
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(cannot)? {
            let name = entry.map_err(cannot)?.path();
            if name.is_file() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}
