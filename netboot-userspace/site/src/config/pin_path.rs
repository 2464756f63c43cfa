//! `xdp.pin-path` and `state-dir` of a configuration that is not valid otherwise.

use std::path::{Path, PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    config::regular_file::read_regular,
    model::{Config, PinPath},
};

/// The `xdp.pin-path` of a configuration that is not valid otherwise, if it can be told.
#[must_use]
pub fn pin_path_of_invalid(config: &Path) -> Option<PinPath> {
    path_of_invalid(config, |table| table.get("xdp")?.get_ref().as_table()?.get("pin-path"))
        .map(PinPath::from)
}

/// A configuration with `state-dir` and `xdp.pin-path` of one that is not valid otherwise, as far as they can be told.
#[must_use]
pub fn places_of_invalid(config: &Path) -> Config {
    let mut places = Config::unconfigured();
    if let Some(state_dir) = path_of_invalid(config, |table| table.get("state-dir")) {
        places.state_dir = state_dir;
    }
    if let Some(pin_path) = pin_path_of_invalid(config) {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn is_read_from_what_is_not_valid() {
        #[track_caller]
        fn check(text: &str, expect: Option<&str>) {
            let directory = tempfile::tempdir().unwrap();
            let config = directory.path().join("netboot.toml");
            fs::write(&config, text).unwrap();
            let expect = expect.map(|path| PinPath::from(directory.path().join(path)));
            assert_eq!(pin_path_of_invalid(&config), expect, "{text}");
        }
        check("", None);
        check("xdp = 1", None);
        check("[xdp]\npin-path = 1", None);
        check("[xdp]\npin-path = \"/p\"\nmode = 7", Some("/p"));
        check("[xdp]\npin-path = \"p\"\nnonsense", Some("p"));
        // The header after a broken one is lost to the parser.
        check("[[host]\n[xdp]\npin-path = \"/p\"", None);
        assert_eq!(pin_path_of_invalid(Path::new("/missing")), None);
        let config = tempfile::NamedTempFile::new().unwrap();
        let text = "state-dir = \"/s\"\nnonsense = 1\n[xdp]\npin-path = \"/p\"\n";
        fs::write(config.path(), text).unwrap();
        let places = places_of_invalid(config.path());
        assert_eq!((&*places.state_dir, &*places.xdp.pin_path), (Path::new("/s"), Path::new("/p")));
    }
}
