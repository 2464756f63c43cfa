//! The directory of the pinned maps, and the daemon's way to it.

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
};

/// The directory that is configured, and the daemon's way to it. It is the way that is walked, and the directory
/// that is compared.
#[derive(Clone)]
pub struct PinPath {
    directory: PathBuf,
    way: Way,
}

/// How the daemon reaches the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By its path.
    Path,
    /// By another path, as long as it lives.
    Through(PathBuf),
    /// Not before it is started again.
    None,
}

impl PinPath {
    /// The same directory by another way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Whether the daemon can reach it.
    pub(crate) fn is_in_reach(&self) -> bool {
        self.way != Way::None
    }
}

impl<P: Into<PathBuf>> From<P> for PinPath {
    fn from(directory: P) -> Self {
        Self { directory: directory.into(), way: Way::Path }
    }
}

impl Deref for PinPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        match &self.way {
            Way::Through(path) => path,
            Way::Path | Way::None => &self.directory,
        }
    }
}

impl PartialEq for PinPath {
    fn eq(&self, other: &Self) -> bool {
        self.directory == other.directory
    }
}

impl Eq for PinPath {}

impl fmt::Debug for PinPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_compared() {
        let path = PinPath::from("/p");
        let through = path.clone().by(Way::Through("/proc/self/fd/9".into()));
        assert_eq!(path, through);
        assert_eq!(&*through, Path::new("/proc/self/fd/9"));
        assert_ne!(path, PinPath::from("/q"));
    }
}
