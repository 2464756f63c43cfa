//! Debian 12's kernel for `verify` and for the machines that tests boot: unpacked under `target/tools/kernel`, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{Missing, apt, unpacked};
use crate::{progress, shell};

const NAME: &str = "kernel";
const PREFIX: &str = "linux-image-6.1.";
const SUFFIX: &str = "-cloud-amd64-unsigned";

/// The kernel image, if it is there.
pub(crate) fn image() -> Option<PathBuf> {
    let entries = fs::read_dir(directory().join("boot")).ok()?;
    let mut images = entries.flatten().map(|entry| entry.path()).filter(|path| is_image(path));
    images.next()
}

/// The image, if its modules are there too: the network card of a machine that boots is one.
fn whole() -> Option<PathBuf> {
    image().filter(|_| directory().join("lib/modules").is_dir())
}

pub(super) fn missing() -> Option<Missing> {
    whole().is_none().then(|| Missing {
        what: "a kernel 6.1 for `cargo xtask verify` and for the machines that tests boot"
            .to_owned(),
        remedy: format!("unpack Debian 12's newest {PREFIX}*{SUFFIX} into target/tools/kernel"),
    })
}

pub(super) fn install() -> Result<()> {
    if let Some(image) = whole() {
        progress::said("kernel 6.1", &format!("{} is there", image.display()));
        return Ok(());
    }
    if !apt::is_here() {
        return super::report(&missing().into_iter().collect::<Vec<_>>());
    }
    apt::with_fresh_lists(fetch)
}

fn fetch() -> Result<()> {
    let names = shell::read(shell::command("apt-cache").args(["pkgnames", PREFIX]))?;
    let Some(name) = newest(&names) else {
        bail!("apt knows no package {PREFIX}*{SUFFIX}: add Debian 12 (bookworm) to its sources");
    };
    unpacked::fetch(NAME, name)
}

/// The newest of apt's package names: Debian numbers them `6.1.0-56`.
fn newest(names: &str) -> Option<&str> {
    let version = |name: &str| -> Option<Vec<u32>> {
        let version = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        version.split(['.', '-']).map(|part| part.parse().ok()).collect()
    };
    names
        .split_whitespace()
        .filter_map(|name| Some((version(name)?, name)))
        .max()
        .map(|(_, name)| name)
}

fn directory() -> PathBuf {
    unpacked::directory(NAME)
}

fn is_image(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with("vmlinuz-6.1."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_the_newest_kernel_by_number() {
        fn check(names: &[&str], expect: Option<&str>) {
            assert_eq!(newest(&names.join("\n")), expect);
        }
        let old = "linux-image-6.1.0-9-cloud-amd64-unsigned";
        let new = "linux-image-6.1.0-56-cloud-amd64-unsigned";
        check(&[new, old], Some(new));
        check(&[old, new, "linux-image-6.1.0-57-cloud-amd64"], Some(new));
        check(&["linux-image-6.12.107+deb12-cloud-amd64-unsigned", old], Some(old));
        check(
            &["linux-image-6.1.0-60-amd64-unsigned", "linux-image-6.1.0-60-cloud-amd64-dbg"],
            None,
        );
        check(&[], None);
    }
}
