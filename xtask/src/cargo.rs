//! Runs cargo, the one that runs this.

use std::{
    env,
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell;

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = shell::command(program);
    command.args(arguments);
    command
}

/// Builds with `arguments`; the path of the one executable that the build makes under `name`.
pub(crate) fn executable(arguments: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = cargo(arguments);
    eprintln!("$ cargo {}", arguments.join(" "));
    let output = command
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "`cargo {}` failed: {}", arguments.join(" "), output.status);
    find_executable(&String::from_utf8_lossy(&output.stdout), name)
        .with_context(|| format!("`cargo {}` made no executable `{name}`", arguments.join(" ")))
}

/// The daemon, and beside it one whose maps have another layout: what an upgrade is tested with. `profile`
/// is what cargo is told of it (`--release`).
pub(crate) fn daemons(profile: &[&str]) -> Result<[PathBuf; 2]> {
    const BUILD: [&str; 3] = ["build", "-p", "netboot-userspace"];
    // Both builds write the same file: the daemon's own is the last.
    let other = [&BUILD[..], &["--features", "other-build"], profile].concat();
    let built = executable(&other, "netboot")?;
    let kept = built.with_file_name("netboot-other-build");
    fs::copy(&built, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    Ok([executable(&[&BUILD[..], profile].concat(), "netboot")?, kept])
}

fn find_executable(messages: &str, name: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut named = messages.filter(|message| message["target"]["name"] == name);
    named.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_executable_in_cargos_messages() {
        fn check(messages: &str, expect: Option<&str>) {
            assert_eq!(find_executable(messages, "netboot"), expect.map(PathBuf::from));
        }
        let library = r#"{"reason":"compiler-artifact","target":{"name":"netboot","kind":["lib"]},"executable":null}"#;
        let binary = r#"{"reason":"compiler-artifact","target":{"name":"netboot","kind":["bin"]},"executable":"/t/netboot"}"#;
        let other = r#"{"reason":"compiler-artifact","target":{"name":"xtask","kind":["bin"]},"executable":"/t/xtask"}"#;
        check(&format!("{library}\nnot json\n{other}\n{binary}\n"), Some("/t/netboot"));
        check(&format!("{library}\n{other}\n"), None);
        check("", None);
    }
}
