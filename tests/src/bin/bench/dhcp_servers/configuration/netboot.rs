use std::{fmt::Write as _, path::Path};

use netboot_tests::{load::Load, wire::configuration};

use super::{BINARY, SCRIPT_URL};

pub(crate) fn tables(load: &Load, root: &Path) -> String {
    let boot = format!("script-user-classes = [\"Tinkerbell\"]\nscript-url = \"{SCRIPT_URL}\"");
    let mut text = configuration(root, "unknown-rate = 0\n", &boot);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "\n[boot.files]\nx86_64-uefi = \"{BINARY}\"\n");
    for (index, (mac, ip)) in load.machines().enumerate() {
        let _ = writeln!(
            text,
            "[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\nhostname = \"machine{index}\""
        );
    }
    text
}
