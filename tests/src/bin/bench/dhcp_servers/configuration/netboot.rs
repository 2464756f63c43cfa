use std::{fmt::Write as _, path::Path};

use netboot_tests::{load::Load, wire::SERVER};

use super::{BINARY, SCRIPT_URL};

pub(crate) fn tables(load: &Load, root: &Path) -> String {
    let mut text = format!(
        r#"[dhcp]
server-address = "{SERVER}"
lease-time = "24h"
machine-rate = 0
unknown-rate = 0

[[subnet]]
cidr = "10.99.0.0/16"
routers = ["{SERVER}"]
dns = ["8.8.8.8", "1.1.1.1"]

[boot]
root = "{root}"
script-user-classes = ["Tinkerbell"]
script-url = "{SCRIPT_URL}"

[boot.files]
x86_64-uefi = "{BINARY}"
"#,
        root = root.display(),
    );
    for (index, (mac, ip)) in load.machines().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\nhostname = \"machine{index}\""
        );
    }
    text
}
