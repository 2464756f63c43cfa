//! How long the daemon takes to read its hosts, by file format and number, and to read them again.

mod reload;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{cargo, shell};

/// The most that 100,000 hosts may take.
const TARGET: Duration = Duration::from_secs(2);
const COUNTS: [u32; 3] = [10, 10_000, 100_000];
const ROUNDS: u32 = 3;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print JSON for scripts
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy)]
struct Format {
    name: &'static str,
    file: &'static str,
    /// What stands before all hosts.
    header: &'static str,
    host: fn(u32) -> String,
}

const FORMATS: [Format; 3] = [
    Format { name: "TOML", file: "hosts.toml", header: "", host: toml },
    Format { name: "CSV", file: "hosts.csv", header: "mac,ip,hostname,routers,dns\n", host: csv },
    Format { name: "Hardware YAML", file: "hosts.yaml", header: "", host: yaml },
];

const CONFIG: &str = "[boot]\nscript-url = \"http://10.0.0.1/auto.ipxe\"\n\
                      [[subnet]]\ncidr = \"10.0.0.0/8\"\nrouters = [\"10.0.0.1\"]\n";

pub(super) fn command(args: &Args) -> Result<()> {
    let build = ["build", "--release", "-p", "netboot-userspace", "--no-default-features"];
    let daemon = cargo::executable(&build, "netboot")?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    eprintln!("hosts: `netboot check --quiet`, fastest of {ROUNDS}; load average {load}");
    let directory = tempfile::tempdir().context("cannot make a directory")?;
    let mut rows = Vec::new();
    for format in FORMATS {
        for count in COUNTS {
            let bytes = write(directory.path(), format, count)?;
            let time = measure(&daemon, directory.path(), count)?;
            let limit = TARGET;
            rows.push(Row { format: format.name, scope: "check", count, bytes, limit, time });
        }
    }
    rows.extend(reload::measure(directory.path())?);
    if args.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        println!("{}", json!(rows));
    } else {
        print!("{}", table(&rows));
    }
    judge(&rows)
}

struct Row {
    format: &'static str,
    /// What was done.
    scope: &'static str,
    count: u32,
    bytes: usize,
    limit: Duration,
    time: Duration,
}

impl Row {
    fn json(&self) -> serde_json::Value {
        let Self { format, scope, count, bytes, limit, time } = self;
        json!({
            "format": format,
            "what": scope,
            "hosts": count,
            "bytes": bytes,
            "seconds": time.as_secs_f64(),
            "limit": limit.as_secs_f64(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut table =
        format!("{:<14} {:<12} {:>8} {:>9} {:>9}\n", "format", "what", "hosts", "size", "time");
    for Row { format, scope, count, bytes, time, .. } in rows {
        let size = f64::from(u32::try_from(*bytes).unwrap_or(u32::MAX)) / 1e6;
        let seconds = time.as_secs_f64();
        // Writing into a String cannot fail.
        let _ =
            writeln!(table, "{format:<14} {scope:<12} {count:>8} {size:>6.1} MB {seconds:>7.3} s");
    }
    table
}

fn judge(rows: &[Row]) -> Result<()> {
    for Row { format, scope, count, limit, time, .. } in rows {
        ensure!(
            time <= limit,
            "{count} hosts of {format}, {scope}: {:.3} s, over {} s",
            time.as_secs_f64(),
            limit.as_secs_f64()
        );
    }
    Ok(())
}

/// Writes configuration and hosts; the bytes of the hosts' file.
fn write(directory: &Path, format: Format, count: u32) -> Result<usize> {
    let hosts = (1..=count).map(format.host).collect::<String>();
    let text = format!("{}{hosts}", format.header);
    fs::write(directory.join(format.file), &text).context("cannot write the hosts")?;
    let config = format!("inventory = [\"{}\"]\n{CONFIG}", format.file);
    fs::write(directory.join("netboot.toml"), config).context("cannot write the configuration")?;
    Ok(text.len())
}

fn measure(daemon: &Path, directory: &Path, count: u32) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let mut check = shell::command(daemon);
        check.args(["check", "--quiet", "--config"]).arg(directory.join("netboot.toml"));
        let begin = Instant::now();
        let said = shell::read(&mut check)?;
        fastest = fastest.min(begin.elapsed());
        ensure!(said.contains(&format!(" {count} hosts")), "not all hosts were read: {said}");
    }
    Ok(fastest)
}

fn mac(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("02:00:00:{a:02x}:{b:02x}:{c:02x}")
}

fn ip(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{}.{b}.{c}", a + 1)
}

fn toml(number: u32) -> String {
    let (mac, ip) = (mac(number), ip(number));
    format!(
        "[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\nhostname = \"node{number}\"\n\
         dns = [\"8.8.8.8\", \"1.1.1.1\"]\n\n"
    )
}

fn csv(number: u32) -> String {
    format!("{},{},node{number},10.0.0.1,8.8.8.8 1.1.1.1\n", mac(number), ip(number))
}

fn yaml(number: u32) -> String {
    let (mac, ip) = (mac(number), ip(number));
    format!(
        "---
apiVersion: tinkerbell.org/v1alpha1
kind: Hardware
metadata:
  name: node{number}
  namespace: default
spec:
  metadata:
    facility:
      facility_code: onprem
  interfaces:
    - dhcp:
        mac: {mac}
        hostname: node{number}
        lease_time: 86400
        name_servers: [8.8.8.8, 1.1.1.1]
        arch: x86_64
        uefi: true
        ip:
          address: {ip}
          netmask: 255.0.0.0
          gateway: 10.0.0.1
      netboot:
        allowPXE: true
        allowWorkflow: true
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: u32, millis: u64) -> Row {
        let time = Duration::from_millis(millis);
        Row { format: "CSV", scope: "check", count, bytes: 5_800_000, limit: TARGET, time }
    }

    #[test]
    fn judges_every_row() {
        assert!(judge(&[row(10, 1), row(100_000, 2000)]).is_ok());
        let error = judge(&[row(10, 1), row(100_000, 2100)]).unwrap_err().to_string();
        assert_eq!(error, "100000 hosts of CSV, check: 2.100 s, over 2 s");
    }

    #[test]
    fn shows_size_and_time() {
        let table = table(&[row(100_000, 250)]);
        assert_eq!(
            table.lines().nth(1),
            Some("CSV            check          100000    5.8 MB   0.250 s")
        );
    }

    #[test]
    fn machines_differ() {
        assert_eq!((mac(65_537), ip(65_537)), ("02:00:00:01:00:01".into(), "10.2.0.1".into()));
    }
}
