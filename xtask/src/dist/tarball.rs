//! The tarball: the static program, and what belongs to it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::stage::{COMPLETIONS, Stage};
use crate::{
    setup::STATIC_TARGET,
    shell::{self, run},
};

/// Under the workspace's root, and in the tarball.
const FILES: [(&str, &str); 9] = [
    ("netboot-userspace/package/netboot.service", "netboot.service"),
    ("netboot-userspace/package/sysusers.conf", "sysusers.conf"),
    ("netboot-userspace/package/netboot.toml", "netboot.toml"),
    ("netboot-userspace/netboot.example.toml", "netboot.example.toml"),
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-GPL-2.0", "LICENSE-GPL-2.0"),
];

/// There too, where README's links lead.
const DOCS: &str = "netboot-userspace/docs";

/// Packs into a directory; the file's name.
pub(super) fn pack(stage: &Stage, directory: &Path, epoch: u64) -> Result<String> {
    let target = STATIC_TARGET.replace("-unknown-", "-");
    let name = format!("netboot-{}-{target}", super::VERSION);
    let tree = stage.directory.join(&name);
    fill(stage, &tree).with_context(|| format!("cannot fill {}", tree.display()))?;
    let file = format!("{name}.tar.gz");
    let mut tar = shell::command("tar");
    tar.arg("--directory").arg(&stage.directory);
    tar.args(["--sort=name", "--owner=root:0", "--group=root:0", "--mode=u=rwX,go=rX"]);
    tar.args(["--format=ustar", "--use-compress-program=gzip -n9"]);
    tar.arg(format!("--mtime=@{epoch}")).arg("--create").arg("--file");
    run(tar.arg(directory.join(&file)).arg(&name))?;
    Ok(file)
}

fn fill(stage: &Stage, tree: &Path) -> Result<()> {
    for part in ["man", "completions"] {
        fs::create_dir_all(tree.join(part))?;
    }
    fs::copy(&stage.static_program, tree.join("netboot"))?;
    fs::create_dir_all(tree.join(DOCS))?;
    for page in fs::read_dir(shell::root().join(DOCS))? {
        let page = page?;
        fs::copy(page.path(), tree.join(DOCS).join(page.file_name()))?;
    }
    for page in fs::read_dir(stage.directory.join("man"))? {
        let page = page?;
        fs::copy(page.path(), tree.join("man").join(page.file_name()))?;
    }
    for (_, file) in COMPLETIONS {
        let from = stage.directory.join("completions").join(file);
        fs::copy(from, tree.join("completions").join(file))?;
    }
    for (from, to) in FILES {
        fs::copy(shell::root().join(from), tree.join(to))?;
    }
    Ok(())
}
