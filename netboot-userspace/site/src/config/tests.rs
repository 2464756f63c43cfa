//! Tests of whole configurations.

mod accepted;
mod boot;
mod defaults;
mod limits;
mod macs;
mod options;
mod quirks;
mod refused;
mod routes;
mod sources;

use std::{fs, path::Path};

use netboot_test_kit::efi;

use super::load;

/// Writes a file into a directory with boot files, and says what is wrong with it.
fn errors(text: &str) -> Vec<String> {
    let directory = directory();
    match load_text(directory.path(), text) {
        Ok(_) => Vec::new(),
        Err(lines) => lines,
    }
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("boot/sub")).unwrap();
    let programs = [("arm64.efi", 0xaa64), ("riscv64.efi", 0x5064), ("loongarch64.efi", 0x6264)];
    for (name, machine) in programs {
        fs::write(directory.path().join("boot").join(name), efi(machine)).unwrap();
    }
    fs::write(directory.path().join("boot/ipxe.efi"), "a program").unwrap();
    fs::write(directory.path().join("boot/empty"), "").unwrap();
    directory
}

fn load_text(directory: &Path, text: &str) -> Result<super::Loaded, Vec<String>> {
    let path = directory.join("netboot.toml");
    fs::write(&path, text).unwrap();
    let prefix = format!("{}/", directory.display());
    load(&path).map_err(|problems| {
        problems.kept().iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
    })
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(errors(text), expect, "{text}");
}

const SUBNET: &str = "[[subnet]]\ncidr = \"10.0.0.0/24\"\n";

/// The text of a host in a good subnet: line 3 is its header.
fn host(fields: &str) -> String {
    format!("{SUBNET}[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.5\"\n{fields}\n")
}
