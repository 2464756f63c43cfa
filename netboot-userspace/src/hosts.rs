//! Edits the `[[host]]` entries of a file in place: every byte that is not of the entry stays.

mod entry;
mod replace;

use std::{
    fs::{self, File},
    io::ErrorKind,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use netboot_ebpf::shared::Mac;

use crate::{
    config::{self, HostEntry, is_same_file, load_edited},
    inventory::Host,
    mac,
};

/// What an operator calls a host by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    Mac(Mac),
    Ip(Ipv4Addr),
    Hostname(String),
}

impl HostKey {
    #[must_use]
    pub fn new(text: &str) -> Self {
        if let Ok(mac) = mac::parse(text) {
            return Self::Mac(mac);
        }
        text.parse().map_or_else(|_| Self::Hostname(text.to_owned()), Self::Ip)
    }

    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Mac(mac) => host.mac == *mac,
            Self::Ip(ip) => host.ip == *ip,
            Self::Hostname(name) => {
                host.hostname.as_ref().is_some_and(|hostname| hostname.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Adds a host to the configuration, or to that of its inventory files that is named.
///
/// # Errors
///
/// The configuration would be invalid ([`config::Problems`]), or the file cannot be edited; nothing
/// is changed then.
pub fn add(config: &Path, file: Option<&Path>, host: &HostEntry) -> anyhow::Result<()> {
    let path = file.unwrap_or(config);
    let _lock = lock(path)?;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && file.is_some() => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let entry = toml::to_string(host).context("write the host as TOML")?;
    let edited = entry::add(&text, &entry).with_context(|| path.display().to_string())?;
    let loaded = load_edited(config, path, &edited)?;
    ensure!(
        loaded.files.iter().any(|known| is_same_file(known, path)),
        "{} is no inventory file of {}: add it to its `inventory` list first",
        path.display(),
        config.display()
    );
    replace::replace(path, &edited)
}

/// Removes a host from the file where it stands, which is returned.
///
/// # Errors
///
/// As [`add`]; or there is no such host, or several.
pub fn remove(config: &Path, key: &str) -> anyhow::Result<PathBuf> {
    let wanted = HostKey::new(key);
    // A configuration that is wrong can be mended by what is removed.
    let files =
        config::load(config).map_or_else(|_| vec![config.to_owned()], |loaded| loaded.files);
    let mut found = Vec::new();
    for path in &files {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let places = entry::find(&text, &wanted).with_context(|| path.display().to_string())?;
        found.extend(places.into_iter().map(|place| (path, place)));
    }
    let (path, place) = match found.as_slice() {
        [] => bail!("no host {key} in {}", config.display()),
        [one] => *one,
        _ => bail!("{} hosts match {key}: name the one by its MAC or address", found.len()),
    };
    let _lock = lock(path)?;
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        entry::find(&text, &wanted)? == [place],
        "{} was changed in the meantime: try again",
        path.display()
    );
    let edited = entry::remove(&text, place).with_context(|| path.display().to_string())?;
    load_edited(config, path, &edited)?;
    replace::replace(path, &edited)?;
    Ok(path.clone())
}

/// One edit at a time. The file itself is replaced by an edit: its directory is locked.
fn lock(path: &Path) -> anyhow::Result<File> {
    let directory = replace::directory(path);
    let lock = File::open(directory)
        .and_then(|file| file.lock().map(|()| file))
        .with_context(|| format!("cannot lock {}", directory.display()))?;
    Ok(lock)
}
