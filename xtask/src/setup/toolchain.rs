//! The parts of the pinned Rust toolchain.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};

use super::{Group, Missing};
use crate::{
    progress::{self, Step},
    shell,
};

pub(crate) const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

struct Part {
    name: &'static str,
    /// Where it is under the toolchain's directory.
    path: &'static str,
    /// What rustup calls the kind of part.
    kind: &'static str,
    group: Group,
}

const PARTS: &[Part] = &[
    Part {
        name: "rust-src",
        path: "lib/rustlib/src/rust/library/core",
        kind: "component",
        group: Group::Build,
    },
    Part { name: "rustfmt", path: "bin/cargo-fmt", kind: "component", group: Group::Everything },
    Part { name: "clippy", path: "bin/cargo-clippy", kind: "component", group: Group::Everything },
    Part {
        name: STATIC_TARGET,
        path: "lib/rustlib/x86_64-unknown-linux-musl/lib",
        kind: "target",
        group: Group::Everything,
    },
];

pub(super) fn install(group: Group) -> Result<()> {
    add(absent(group)?)
}

/// For programs that run anywhere.
pub(crate) fn ensure_static_target() -> Result<()> {
    add(absent(Group::Everything)?.filter(|part| part.name == STATIC_TARGET))
}

fn add(parts: impl Iterator<Item = &'static Part>) -> Result<()> {
    for part in parts {
        let step = Step::start(format!("rustup: adding the {} {}", part.kind, part.name));
        let mut command = shell::command("rustup");
        command.args([part.kind, "add", part.name]);
        shell::follow(&step, &mut command, Duration::from_secs(15 * 60)).with_context(|| {
            format!("{} is needed of the toolchain in rust-toolchain.toml", part.name)
        })?;
        step.done("added");
    }
    progress::said("rust", "the toolchain is complete");
    Ok(())
}

pub(super) fn missing(group: Group) -> Result<Vec<Missing>> {
    let missing = absent(group)?.map(|part| Missing {
        what: format!("the Rust {} {}", part.kind, part.name),
        remedy: format!("rustup {} add {}", part.kind, part.name),
    });
    Ok(missing.collect())
}

fn absent(group: Group) -> Result<impl Iterator<Item = &'static Part>> {
    let sysroot = shell::read(shell::command("rustc").args(["--print", "sysroot"]))
        .context("no Rust toolchain")?;
    Ok(PARTS
        .iter()
        .filter(move |part| group == Group::Everything || part.group == Group::Build)
        .filter(move |part| !Path::new(sysroot.trim()).join(part.path).exists()))
}
