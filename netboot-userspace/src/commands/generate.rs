//! Completions and man pages, made from the command line: a package installs them beside the program.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::CommandFactory as _;
use netboot_base::replace::FilePlace;

use crate::args::{Args, CompletionsArgs, ManArgs};

/// Prints a shell's completions.
///
/// # Errors
/// They cannot be printed.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    super::print(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the man pages, one for each command.
///
/// # Errors
/// They cannot be written.
pub fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let ManArgs { directory } = args;
    write_man(directory)
        .with_context(|| format!("cannot write man pages to {}", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn write_man(directory: &Path) -> anyhow::Result<()> {
    let made = tempfile::tempdir()?;
    // `--help` stands in each page: a page for each `help` beside would say nothing.
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), made.path())?;
    fs::create_dir_all(directory)?;
    for page in fs::read_dir(made.path())? {
        let page = page?;
        let place = FilePlace::of_output(&directory.join(page.file_name()))?;
        place.replace(&fs::read_to_string(page.path())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let directory = tempfile::tempdir().unwrap();
        write_man(directory.path()).unwrap();
        let names: BTreeSet<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let check =
            |page: &str, expect: bool| assert_eq!(names.contains(page), expect, "{names:?}");
        check("netboot.1", true);
        check("netboot-run.1", true);
        check("netboot-host-add.1", true);
        check("netboot-selftest.1", false);
        check("netboot-man.1", false);
        check("netboot-help.1", false);
        let run = fs::read_to_string(directory.path().join("netboot-run.1")).unwrap();
        assert!(run.contains("Interface to answer at"), "{run}");
    }
}
