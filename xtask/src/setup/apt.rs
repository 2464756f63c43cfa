//! Installs Debian packages and keeps their daemons from starting, now and at the next boot.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::packages::Package;
use crate::{progress::Step, shell};

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The trap removes the policy even if Ctrl-C ends everything else.
const INSTALL: &str = r#"set -eu
services=$1; shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@"
for service in $services; do
    update-rc.d "$service" disable
done
"#;

pub(super) fn is_here() -> bool {
    shell::find("apt-get").is_some()
}

pub(super) fn install(packages: &[&Package]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = packages.iter().map(|package| package.name).collect();
    let services: Vec<_> = packages.iter().filter_map(|package| package.service).collect();
    let plain = format!("apt-get install --no-install-recommends {}", names.join(" "));
    eprintln!("     missing packages: {}", names.join(" "));
    let mut command = shell::command("sh");
    command.args(["-c", INSTALL, "install", &services.join(" ")]).args(&names);
    let mut command = shell::as_root(command).with_context(|| format!("as root, run `{plain}`"))?;
    let attempt = || {
        let step = Step::start(format!("apt: installing {} packages", names.len()));
        shell::follow(&step, &mut command, LIMIT)?;
        step.done("installed");
        Ok(())
    };
    with_fresh_lists(attempt)
        .with_context(|| format!("not all packages could be installed; as root, try `{plain}`"))
}

/// Tries once with the package lists as they are, and if that fails, once more with new ones.
pub(super) fn with_fresh_lists<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    if let Ok(done) = attempt() {
        return Ok(done);
    }
    eprintln!(
        "     that failed: the package lists may be missing or old, so once more with new ones"
    );
    let mut update = shell::command("apt-get");
    update.args(["-q", "-o", "DPkg::Lock::Timeout=300", "update"]);
    let mut update = shell::as_root(update)?;
    let step = Step::start("apt: fetching the package lists");
    shell::follow(&step, &mut update, LIMIT)?;
    step.done("fetched");
    attempt()
}
