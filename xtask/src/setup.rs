//! `cargo xtask setup`: finds or installs what building and testing need. What is there is never touched.

mod apt;
mod atftpd;
mod deny;
mod kernel;
mod linker;
mod packages;
mod tftpy;
mod toolchain;
mod unpacked;

use anyhow::{Result, bail};

use crate::progress;

pub(crate) use {
    deny::{in_place as cargo_deny, install as ensure_cargo_deny},
    kernel::image as kernel_image,
    toolchain::{STATIC_TARGET, ensure_static_target},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

/// What has to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    /// The daemon with its XDP program can be built.
    Build,
    /// And everything that the tests use.
    Everything,
}

/// Something that is missing, and how to get it.
struct Missing {
    what: String,
    remedy: String,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    if !args.check {
        return ensure(Group::Everything);
    }
    report(&missing(Group::Everything)?)
}

/// Installs what is missing; where that cannot be done, says what to install.
pub(crate) fn ensure(group: Group) -> Result<()> {
    toolchain::install(group)?;
    let linker = linker::find();
    let packages = packages::missing(group, &linker);
    if apt::is_here() {
        apt::install(&packages)?;
    } else {
        report(&packages.iter().map(|package| package.as_missing()).collect::<Vec<_>>())?;
    }
    linker::install(&linker)?;
    if group == Group::Everything {
        deny::install()?;
        kernel::install()?;
        atftpd::install()?;
        tftpy::install()?;
    }
    progress::said("setup", "everything that is needed is there");
    Ok(())
}

fn missing(group: Group) -> Result<Vec<Missing>> {
    let mut missing = toolchain::missing(group)?;
    let linker = linker::find();
    missing.extend(linker::missing(&linker));
    missing.extend(packages::missing(group, &linker).iter().map(|package| package.as_missing()));
    missing.extend(deny::missing());
    missing.extend(kernel::missing());
    missing.extend(atftpd::missing());
    missing.extend(tftpy::missing());
    Ok(missing)
}

fn report(missing: &[Missing]) -> Result<()> {
    for Missing { what, remedy } in missing {
        eprintln!("missing: {what}: {remedy}");
    }
    match missing.len() {
        0 => {
            progress::said("setup", "nothing is missing");
            Ok(())
        }
        1 => bail!("something that is needed is missing: see above"),
        count => bail!("{count} things that are needed are missing: see above"),
    }
}
