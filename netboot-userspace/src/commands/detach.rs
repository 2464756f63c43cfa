//! `netboot detach`

use std::path::PathBuf;

use anyhow::Context as _;
use netboot_answer::kernel;
use netboot_machines::running;
use netboot_site::{
    config,
    model::{Config, PinPath},
};

use super::print;
use crate::args::DetachArgs;

/// Takes everything out of the kernel that a daemon left there.
///
/// # Errors
/// A daemon runs, or it cannot be removed.
pub fn detach(args: &DetachArgs) -> anyhow::Result<()> {
    let Places { pin_path, state_dir } = places(args);
    anyhow::ensure!(
        !running::holds_pins(&pin_path)
            && !state_dir.is_some_and(|dir| running::has_state_dir(&dir)),
        "netboot is running, and would go on without what it has under {}: stop it first (`systemctl stop netboot`)",
        pin_path.display()
    );
    // What one may not look into is not empty.
    pin_path
        .try_exists()
        .with_context(|| format!("cannot look for {}: only root can", pin_path.display()))?;
    let interfaces = kernel::remove(&pin_path)?;
    let text = match interfaces {
        0 => "no XDP program was attached\n".to_owned(),
        number => format!("the XDP program was detached from {number} interface(s)\n"),
    };
    print(&text).context("cannot print")
}

/// Where a daemon has what it has.
struct Places {
    pin_path: PinPath,
    /// Where the configuration tells.
    state_dir: Option<PathBuf>,
}

/// No error in the configuration keeps a program in the kernel.
fn places(args: &DetachArgs) -> Places {
    if let Some(path) = &args.pin_path {
        return Places { pin_path: path.into(), state_dir: None };
    }
    let of = |config: Config| Places {
        pin_path: config.settings.xdp.pin_path,
        state_dir: Some(config.settings.state_dir),
    };
    let Some(path) = args.config.path() else { return of(Config::unconfigured()) };
    if let Ok(loaded) = config::load_files(&path) {
        return of(loaded.config);
    }
    let places = of(config::places_of_invalid(&path));
    eprintln!(
        "netboot: {} is not valid (see `netboot check`): taking {} for xdp.pin-path; --pin-path names another",
        path.display(),
        places.pin_path.display()
    );
    places
}
