//! The daemon's clock is set; the machine's own is not touched.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::{scene::Scene, service::Service};
use crate::process;

const LIBRARY: &str = "libfaketimeMT.so.1";

/// Its wall clock is what a file says, its monotonic clock the machine's.
pub(super) fn start_with_clock(scene: &mut Scene) -> Result<()> {
    let clock = clock(scene);
    fs::write(&clock, "+0")?;
    scene.how.through = vec![
        format!("LD_PRELOAD={}", library()?.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DISABLE_SHM=1".to_owned(),
    ];
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

pub(super) fn forward(scene: &mut Scene) -> Result<()> {
    set(scene, "+1y", "+1 year")
}

pub(super) fn back(scene: &mut Scene) -> Result<()> {
    set(scene, "-1y", "-1 year")
}

fn set(scene: &mut Scene, faketime: &str, date: &str) -> Result<()> {
    let mut command = std::process::Command::new("date");
    command.args(["--utc", "--date", date, "+%Y-"]);
    let year = process::run(command, Duration::from_secs(10))?;
    ensure!(!scene.log().contains(year.trim()), "the clock was set before");
    scene.strikes();
    fs::write(clock(scene), faketime)?;
    scene.wait_until_served(&Service::ALL)?;
    // Each transfer is a line with the time.
    scene.wait_for_log(year.trim())
}

fn clock(scene: &Scene) -> PathBuf {
    scene.setup.path().with_file_name("clock")
}

/// In Debian's directory for libraries of this architecture.
fn library() -> Result<PathBuf> {
    let directories = fs::read_dir("/usr/lib").context("/usr/lib")?.flatten();
    let mut paths = directories.map(|entry| entry.path().join("faketime").join(LIBRARY));
    paths
        .find(|path| path.exists())
        .with_context(|| format!("no {LIBRARY} (Debian package faketime; run `cargo xtask setup`)"))
}
