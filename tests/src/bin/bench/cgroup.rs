//! A control group around a server: its CPU time with that of all threads and children, whether or not it waits for
//! them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use netboot_tests::{namespace::random_name, wait::wait_for};

const SOON: Duration = Duration::from_secs(5);

/// It goes with the value, once its processes are gone.
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// This process and the children that it will have.
    pub(crate) fn around(process: u32) -> Result<Self> {
        let path = version_2()?.join(random_name()?);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let group = Self { path };
        let processes = group.path.join("cgroup.procs");
        fs::write(&processes, process.to_string())
            .with_context(|| format!("cannot put {process} into {}", processes.display()))?;
        Ok(group)
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        let path = self.path.join("cpu.stat");
        let stat =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let used = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        let used = used.and_then(|number| number.parse().ok());
        used.map(Duration::from_micros)
            .with_context(|| format!("{} has no usage_usec", path.display()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let removed =
            wait_for("the end of a control group", SOON, || Ok(fs::remove_dir(&self.path).ok()));
        if let Err(error) = removed {
            eprintln!("{} stays behind: {error:#}", self.path.display());
        }
    }
}

/// Version 2 counts CPU time without being asked to; systemd has it beside version 1 too.
fn version_2() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
    let path = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let path = words.next()?;
        (words.next() == Some("cgroup2")).then(|| Path::new(path).to_owned())
    });
    path.context("no cgroup2 is mounted")
}
