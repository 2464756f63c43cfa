//! `xdp.pin-path`

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Config, regular::read_regular};

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
    pub(super) fn is_in_reach(&self) -> bool {
        self.way != Way::None
    }

    /// What a configuration names that is not valid otherwise, if it can be told.
    #[must_use]
    pub fn of_invalid(config: &Path) -> Option<Self> {
        path_of_invalid(config, |table| table.get("xdp")?.get_ref().as_table()?.get("pin-path"))
            .map(Self::from)
    }
}

/// A configuration with `state-dir` and `xdp.pin-path` of one that is not valid otherwise, as far as they can be told.
#[must_use]
pub fn places_of_invalid(config: &Path) -> Config {
    let mut places = Config::unconfigured();
    if let Some(state_dir) = path_of_invalid(config, |table| table.get("state-dir")) {
        places.state_dir = state_dir;
    }
    if let Some(pin_path) = PinPath::of_invalid(config) {
        places.xdp.pin_path = pin_path;
    }
    places
}

fn path_of_invalid(
    config: &Path,
    find: impl for<'t> Fn(&'t DeTable<'t>) -> Option<&'t Spanned<DeValue<'t>>>,
) -> Option<PathBuf> {
    let bytes = read_regular(config).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (table, _) = DeTable::parse_recoverable(&text);
    let path = find(table.get_ref())?.get_ref().as_str()?;
    let base = config.parent().unwrap_or(Path::new(""));
    Some(base.join(path))
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
    use std::fs;

    use super::*;

    #[test]
    fn the_directory_is_compared() {
        let path = PinPath::from("/p");
        let through = path.clone().by(Way::Through("/proc/self/fd/9".into()));
        assert_eq!(path, through);
        assert_eq!(&*through, Path::new("/proc/self/fd/9"));
        assert_ne!(path, PinPath::from("/q"));
    }

    #[test]
    fn is_read_from_what_is_not_valid() {
        #[track_caller]
        fn check(text: &str, expect: Option<&str>) {
            let directory = tempfile::tempdir().unwrap();
            let config = directory.path().join("netboot.toml");
            fs::write(&config, text).unwrap();
            let expect = expect.map(|path| PinPath::from(directory.path().join(path)));
            assert_eq!(PinPath::of_invalid(&config), expect, "{text}");
        }
        check("", None);
        check("xdp = 1", None);
        check("[xdp]\npin-path = 1", None);
        check("[xdp]\npin-path = \"/p\"\nmode = 7", Some("/p"));
        check("[xdp]\npin-path = \"p\"\nnonsense", Some("p"));
        // The header after a broken one is lost to the parser.
        check("[[host]\n[xdp]\npin-path = \"/p\"", None);
        assert_eq!(PinPath::of_invalid(Path::new("/missing")), None);
        let config = tempfile::NamedTempFile::new().unwrap();
        let text = "state-dir = \"/s\"\nnonsense = 1\n[xdp]\npin-path = \"/p\"\n";
        fs::write(config.path(), text).unwrap();
        let places = places_of_invalid(config.path());
        assert_eq!((&*places.state_dir, &*places.xdp.pin_path), (Path::new("/s"), Path::new("/p")));
    }
}
