use std::fmt::Write as _;

use netboot_tests::{load::Load, wire::SERVER};

use super::{BINARY, SCRIPT_URL};

pub(crate) fn configuration(load: &Load) -> String {
    let mut text = format!(
        r#"authoritative;
ddns-update-style none;
default-lease-time 86400;
max-lease-time 86400;
subnet 10.99.0.0 netmask 255.255.0.0 {{
  option routers {SERVER};
  option domain-name-servers 8.8.8.8, 1.1.1.1;
  next-server {SERVER};
  if option user-class = "Tinkerbell" {{ filename "{SCRIPT_URL}"; }} else {{ filename "{BINARY}"; }}
}}
"#
    );
    for (index, (mac, ip)) in load.machines().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "host machine{index} {{ hardware ethernet {mac}; fixed-address {ip}; option host-name \"machine{index}\"; }}"
        );
    }
    text
}
