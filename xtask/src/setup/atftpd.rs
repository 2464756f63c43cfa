//! atftpd for `cargo xtask bench tftp`: unpacked, since Debian does not install it beside tftpd-hpa.

use std::path::PathBuf;

use anyhow::Result;

use super::{Missing, apt, unpacked};
use crate::{progress, shell};

const NAME: &str = "atftpd";

fn program() -> Option<PathBuf> {
    let program = unpacked::directory(NAME).join("usr/sbin/atftpd");
    if program.exists() { Some(program) } else { shell::find(NAME) }
}

pub(super) fn missing() -> Option<Missing> {
    program().is_none().then(|| Missing {
        what: "the program `atftpd`".to_owned(),
        remedy:
            "a peer in the benchmarks; unpack Debian's package `atftpd` into target/tools/atftpd"
                .to_owned(),
    })
}

pub(super) fn install() -> Result<()> {
    if let Some(program) = program() {
        progress::said(NAME, &format!("{} is there", program.display()));
        return Ok(());
    }
    if !apt::is_here() {
        return super::report(&missing().into_iter().collect::<Vec<_>>());
    }
    apt::with_fresh_lists(|| unpacked::fetch(NAME, NAME))
}
