//! The Debian package.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{
    shell::{self, run},
    tool::Tool,
};

const CARGO_DEB: Tool =
    Tool { package: "cargo-deb", version: "3.7.0", options: &["--no-default-features"] };

/// Packs the stage into a directory; the file's name.
pub(super) fn pack(directory: &Path, epoch: u64) -> Result<String> {
    let mut command = CARGO_DEB.command()?;
    command.args(["--package", "netboot-userspace", "--no-build", "--no-strip", "--locked"]);
    command.args(["--compress-type", "gz", "--output"]).arg(directory);
    command.env("SOURCE_DATE_EPOCH", epoch.to_string());
    run(&mut command)?;
    let architecture = shell::read(shell::command("dpkg").arg("--print-architecture"))
        .context("a Debian package is made on Debian")?;
    Ok(format!("netboot_{}-1_{}.deb", super::VERSION, architecture.trim()))
}
