//! What an operator sees of the kernel's tables.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::shared::map;
use netboot_tests::{
    daemon::{Daemon, Xdp},
    lab::{INTERFACE, Lab},
    process,
};
use serde_json::Value;

use crate::site::Site;

/// The only machine's row.
pub(crate) fn the_reservation(daemon: &Daemon) -> Result<Value> {
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["--json", "map", "dump", "pinned"]);
    bpftool.arg(daemon.setup().pin_path().join(map::RESERVATIONS));
    let text = process::run(bpftool, Duration::from_secs(10))?;
    let rows: Value = serde_json::from_str(&text).context(text)?;
    let [row] = rows.as_array().map_or(&[][..], Vec::as_slice) else {
        anyhow::bail!("one machine is reserved, not: {rows:#}");
    };
    Ok(row["formatted"].clone())
}

#[test]
fn bpftool_shows_named_fields() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let row = &the_reservation(&daemon)?;
    let numbers = |value: &Value| -> Vec<u64> {
        value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    };
    ensure!(numbers(&row["key"]["mac"]["octets"]) == [0x52, 0x54, 0, 0xee, 0x0d, 0x0b], "{row:#}");
    ensure!(numbers(&row["value"]["address"]) == [192, 168, 2, 144], "{row:#}");
    daemon.stop()
}
