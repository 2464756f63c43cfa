//! `netboot detach`

use anyhow::Context as _;

use super::print;
use crate::{
    args::DetachArgs,
    config::{self, Config},
    fastpath,
};

/// Takes everything out of the kernel that a daemon left there.
///
/// # Errors
/// A daemon runs, or it cannot be removed.
pub fn detach(args: &DetachArgs) -> anyhow::Result<()> {
    // Without the configuration's path there is the usual one.
    let pin_path = match args.config.path() {
        Some(path) => config::load(&path)?.config.xdp.pin_path,
        None => Config::unconfigured().xdp.pin_path,
    };
    let interfaces = fastpath::remove(&pin_path)?;
    let text = match interfaces {
        0 => "no XDP program was attached\n".to_owned(),
        number => format!("the XDP program was detached from {number} interface(s)\n"),
    };
    print(&text).context("cannot print")
}
