//! tftpy, in `target/tools/tftpy`: a TFTP client of the tests that Debian has no package of.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use super::Missing;
use crate::{
    progress::{self, Step},
    shell,
};

const VERSION: &str = "0.8.7";

fn directory() -> PathBuf {
    shell::root().join("target/tools/tftpy")
}

pub(super) fn missing() -> Option<Missing> {
    (!is_right()).then(|| Missing {
        what: format!("tftpy {VERSION}, a client in the tests"),
        remedy: "`cargo xtask setup` fetches it into target/tools with pip3".to_owned(),
    })
}

pub(super) fn install() -> Result<()> {
    if !is_right() {
        let step = Step::start(format!("tftpy {VERSION}: fetching it"));
        let mut command = shell::command("pip3");
        command.args(["install", "--no-deps", "--disable-pip-version-check", "--upgrade"]);
        command.args(["--root-user-action=ignore", "--target"]).arg(directory());
        command.arg(format!("tftpy=={VERSION}"));
        shell::follow(&step, &mut command, Duration::from_secs(300))?;
        step.done("fetched");
    }
    progress::said("tftpy", &format!("{VERSION} is in target/tools/tftpy"));
    Ok(())
}

fn is_right() -> bool {
    directory().join(format!("tftpy-{VERSION}.dist-info")).is_dir()
}
