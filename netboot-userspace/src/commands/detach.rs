//! `netboot detach`

use anyhow::Context as _;

use super::print;
use crate::{
    args::DetachArgs,
    config::{self, Config, PinPath},
    fastpath,
};

/// Takes everything out of the kernel that a daemon left there.
///
/// # Errors
/// A daemon runs, or it cannot be removed.
pub fn detach(args: &DetachArgs) -> anyhow::Result<()> {
    let pin_path = pin_path(args);
    // What one may not look into is not empty.
    pin_path
        .try_exists()
        .with_context(|| format!("cannot look for {}: only root can", pin_path.display()))?;
    let interfaces = fastpath::remove(&pin_path)?;
    let text = match interfaces {
        0 => "no XDP program was attached\n".to_owned(),
        number => format!("the XDP program was detached from {number} interface(s)\n"),
    };
    print(&text).context("cannot print")
}

/// No error in the configuration keeps a program in the kernel.
fn pin_path(args: &DetachArgs) -> PinPath {
    if let Some(path) = &args.pin_path {
        return path.into();
    }
    let usual = || Config::unconfigured().xdp.pin_path;
    let Some(path) = args.config.path() else { return usual() };
    if let Ok(loaded) = config::load(&path) {
        return loaded.config.xdp.pin_path;
    }
    let pin_path = PinPath::of_invalid(&path).unwrap_or_else(usual);
    eprintln!(
        "netboot: {} is not valid (see `netboot check`): taking {} for xdp.pin-path; --pin-path names another",
        path.display(),
        pin_path.display()
    );
    pin_path
}
