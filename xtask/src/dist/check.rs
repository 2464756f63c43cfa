//! Installs, starts and removes what was packed, on a machine that is this one's files and nothing else of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::stage::COMPLETIONS;
use crate::{
    parts::Parts,
    progress::Step,
    shell::{self, run},
};

const LIMIT: Duration = Duration::from_secs(180);

pub(super) fn check(directory: &Path) -> Result<()> {
    let stage = shell::root().join("target/dist/stage");
    let mut parts = Parts::default();
    parts.run("man pages", || man_pages(&stage.join("man")));
    parts.run("completions", || completions(&stage.join("completions")));
    parts.run("sums", || {
        let mut sums = shell::command("sha256sum");
        run(sums.current_dir(directory).args(["--check", "--strict", "SHA256SUMS"]))
    });
    parts.run("installed, started, removed", || installed(directory));
    parts.close()
}

fn man_pages(directory: &Path) -> Result<()> {
    let mut pages = 0;
    for page in fs::read_dir(directory)? {
        let page = page?.path();
        let mut groff = shell::command("groff");
        groff.args(["-man", "-Tutf8", "-ww", "-z"]).arg(&page);
        let warned = groff.output().context("groff, of Debian's package groff-base")?;
        let said = String::from_utf8_lossy(&warned.stderr);
        ensure!(warned.status.success() && said.is_empty(), "{}: {said}", page.display());
        pages += 1;
    }
    ensure!(pages > 5, "there are {pages} man pages");
    Ok(())
}

/// Each shell that is here reads its own.
fn completions(directory: &Path) -> Result<()> {
    for (name, file) in COMPLETIONS {
        let file = directory.join(file);
        let text = fs::read_to_string(&file)?;
        ensure!(text.contains("explain"), "{} completes no command", file.display());
        if shell::find(name).is_some() {
            run(shell::command(name).arg("-n").arg(&file))?;
        }
    }
    Ok(())
}

fn installed(directory: &Path) -> Result<()> {
    let overlay = tempfile::tempdir().context("cannot make a directory")?;
    let shared = tempfile::tempdir().context("cannot make a directory")?;
    for package in packages(directory)? {
        let name = package.file_name().context("a package without a name")?;
        fs::copy(&package, shared.path().join(name))?;
    }
    fs::write(shared.path().join("trial.sh"), include_str!("trial.sh"))?;
    let log = shared.path().join("trial.log");
    fs::write(&log, "")?;

    let mut machine = shell::command("unshare");
    machine.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork"]);
    machine.args(["--kill-child", "sh", "-c", include_str!("root.sh"), "root"]);
    machine.args([overlay.path(), shared.path()]);
    let mut machine = shell::as_root(machine)?;
    let step = Step::start("installing, starting and removing the packages");
    let ended = shell::follow(&step, &mut machine, LIMIT);
    let log = fs::read_to_string(&log)?;
    ended.map(drop).with_context(|| format!("the trial ended here:\n{}", tail(&log)))?;
    step.done("all is as it should be");
    Ok(())
}

fn packages(directory: &Path) -> Result<Vec<PathBuf>> {
    let sums = fs::read_to_string(directory.join("SHA256SUMS"))?;
    let names = sums.lines().filter_map(|line| line.split_whitespace().last());
    Ok(names.map(|name| directory.join(name)).collect())
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n")
}
