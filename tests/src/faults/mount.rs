use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;

use crate::process;

const SOON: Duration = Duration::from_secs(20);

/// Something mounted over a directory. It is unmounted when the value goes.
pub(super) struct Mount(PathBuf);

impl Mount {
    /// A disk with room for so many KiB.
    pub(super) fn small_disk(directory: &Path, kib: u32) -> Result<Self> {
        let size = format!("size={kib}k,mode=755");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], directory)
    }

    /// The directory itself, read-only.
    pub(super) fn read_only(directory: &Path) -> Result<Self> {
        let shown = directory.display().to_string();
        let mounted = mount(&["--bind", &shown], directory)?;
        run("mount", &["-o", "remount,bind,ro"], directory)?;
        Ok(mounted)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // What still has a file open there does not hold it back.
        if let Err(error) = run("umount", &["--lazy"], &self.0) {
            eprintln!("{error:#}");
        }
    }
}

fn mount(arguments: &[&str], directory: &Path) -> Result<Mount> {
    run("mount", arguments, directory)?;
    Ok(Mount(directory.to_owned()))
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).arg(directory);
    process::run(command, SOON).map(drop)
}
