use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{namespace::random_name, wait::wait_for};

/// A control group with a limit on memory, of version 1 or 2. It goes with the value, once empty.
pub(super) struct MemoryGroup {
    path: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl MemoryGroup {
    pub(super) fn new() -> Result<Self> {
        let (root, version) = root()?;
        if version == Version::Two {
            // Fails where it is so already.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
        }
        let path = root.join(random_name()?);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, version })
    }

    /// Words before a command that make it run in the group.
    pub(super) fn through(&self) -> Vec<String> {
        let procs = self.path.join("cgroup.procs");
        let script = format!("echo $$ >'{}' && exec \"$@\"", procs.display());
        ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
    }

    /// Allows no more memory than is used now.
    pub(super) fn close(&self) -> Result<()> {
        let (usage, limit) = match self.version {
            Version::One => ("memory.usage_in_bytes", "memory.limit_in_bytes"),
            Version::Two => ("memory.current", "memory.max"),
        };
        // Less was given back in between: then the limit is refused, and is asked for anew.
        wait_for("the limit", Duration::from_secs(10), || {
            let used = self.read(usage)?;
            Ok(fs::write(self.path.join(limit), used.trim()).ok())
        })
    }

    /// How many processes of the group were killed for want of memory.
    pub(super) fn kills(&self) -> Result<u64> {
        let text = self.read(match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        })?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok()).context("no count of OOM kills")
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.path.join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let removed = wait_for("an empty control group", Duration::from_secs(5), || {
            Ok(fs::remove_dir(&self.path).ok())
        });
        if let Err(error) = removed {
            eprintln!("{} stays behind: {error:#}", self.path.display());
        }
    }
}

/// Where the groups with a memory controller are.
fn root() -> Result<(PathBuf, Version)> {
    let mounts = fs::read_to_string("/proc/mounts").context("/proc/mounts")?;
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(path), Some(kind), Some(options)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let path = Path::new(path);
        if kind == "cgroup" && options.split(',').any(|option| option == "memory") {
            return Ok((path.to_owned(), Version::One));
        }
        let controllers = || fs::read_to_string(path.join("cgroup.controllers"));
        if kind == "cgroup2" && controllers().is_ok_and(|names| names.contains("memory")) {
            return Ok((path.to_owned(), Version::Two));
        }
    }
    bail!("this machine has no control groups with a memory controller (mount cgroup2)")
}
