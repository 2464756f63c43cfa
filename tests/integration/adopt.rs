//! What the kernel keeps of a daemon that dies, and gives to the next: as `cargo xtask test-vm` tries it on 6.1, here on
//! this kernel.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{daemon, namespace::Namespace, process::Process};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn the_selftest_of_adoption_passes() -> Result<()> {
    let namespace = Namespace::new()?;
    let mut command = namespace.command(&daemon::binary()?.display().to_string());
    command.args(["selftest", "adopt"]);
    let output = Process::spawn(command)?.finish(DEADLINE)?;
    let report: Value = serde_json::from_str(&output.stdout).context(output.stderr)?;
    let checks = report["checks"].as_array().context("no checks")?;
    let failed: Vec<_> = checks.iter().filter(|check| check["ok"] != true).collect();
    ensure!(failed.is_empty() && output.status.success(), "{}: {failed:#?}", output.status);
    ensure!(checks.len() >= 9, "it made {} checks", checks.len());
    Ok(())
}
