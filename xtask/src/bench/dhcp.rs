//! What a frame costs in the kernel: the daemon measures, this judges.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{cargo, shell};

/// The most that an answer may cost.
const ANSWER_NS: u64 = 700;
/// The most that a frame of someone else may cost above an empty program.
const PASS_NS: u64 = 25;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs of each frame
    #[arg(long, default_value_t = 20_000)]
    runs: u32,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// Nanoseconds a run: the median of the rounds and the fastest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    median: u64,
    min: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Costs {
    discover: Cost,
    request: Cost,
    unknown: Cost,
    tcp: Cost,
    empty: Cost,
    runs: u64,
}

pub(super) fn command(args: &Args) -> Result<()> {
    let daemon = cargo::executable(&["build", "--release", "-p", "netboot-userspace"], "netboot")?;
    let mut selftest = shell::command(daemon);
    selftest.args(["selftest", "cost", "--runs", &args.runs.to_string()]);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    eprintln!("dhcp: {} runs of each frame (BPF_PROG_TEST_RUN); load average {load}", args.runs);
    let output = shell::read(&mut shell::as_root(selftest)?)?;
    let costs = Costs::find(&output)
        .with_context(|| format!("no measurement in what was said:\n{}", output.trim_end()))?;
    if args.json {
        print!("{output}");
    } else {
        print!("{}", costs.table());
    }
    costs.judge()
}

impl Costs {
    fn find(output: &str) -> Option<Self> {
        output.lines().find_map(|line| Self::read(&serde_json::from_str(line).ok()?))
    }

    fn read(json: &Value) -> Option<Self> {
        let number = |name: String| json[name].as_u64();
        let cost = |name: &str| {
            let (median, min) = (number(format!("{name}_ns"))?, number(format!("{name}_min_ns"))?);
            Some(Cost { median, min })
        };
        Some(Self {
            discover: cost("pxe_discover")?,
            request: cost("script_request")?,
            unknown: cost("unknown_machine")?,
            tcp: cost("tcp")?,
            empty: cost("empty_program_tcp")?,
            runs: number("runs".to_owned())?,
        })
    }

    fn table(&self) -> String {
        let answer = format!("at most {ANSWER_NS} ns");
        let pass = format!("at most {} ns", self.empty.median + PASS_NS);
        let rows = [
            ("DISCOVER of PXE firmware, answered", self.discover, answer.as_str()),
            ("REQUEST of iPXE, answered", self.request, answer.as_str()),
            ("DISCOVER of an unknown machine", self.unknown, ""),
            ("TCP", self.tcp, pass.as_str()),
            ("TCP, an empty program", self.empty, ""),
        ];
        let mut table = format!("{:<36} {:>10} {:>10}  target\n", "frame", "median", "fastest");
        for (name, cost, target) in rows {
            let line = format!("{name:<36} {:>7} ns {:>7} ns  {target}", cost.median, cost.min);
            // Writing into a String cannot fail.
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }

    fn judge(&self) -> Result<()> {
        for (name, cost) in [("DISCOVER", self.discover), ("REQUEST", self.request)] {
            ensure!(
                cost.median <= ANSWER_NS,
                "an answer to {name} costs {} ns, over {ANSWER_NS}",
                cost.median
            );
        }
        let above = self.tcp.median.saturating_sub(self.empty.median);
        ensure!(
            above <= PASS_NS,
            "a TCP frame costs {above} ns more than with an empty program, over {PASS_NS}"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"pxe_discover_ns":600,"pxe_discover_min_ns":550,"script_request_ns":590,"script_request_min_ns":540,"unknown_machine_ns":300,"unknown_machine_min_ns":280,"tcp_ns":52,"tcp_min_ns":48,"empty_program_tcp_ns":41,"empty_program_tcp_min_ns":39,"rounds":11,"runs":20000}"#;

    fn costs() -> Costs {
        Costs {
            discover: Cost { median: 600, min: 550 },
            request: Cost { median: 590, min: 540 },
            unknown: Cost { median: 300, min: 280 },
            tcp: Cost { median: 52, min: 48 },
            empty: Cost { median: 41, min: 39 },
            runs: 20_000,
        }
    }

    #[test]
    fn reads_the_daemons_line() {
        fn check(output: &str, expect: Option<Costs>) {
            assert_eq!(Costs::find(output), expect, "{output}");
        }
        check(LINE, Some(costs()));
        check(&format!("a warning\n{LINE}\n"), Some(costs()));
        check(&LINE.replace("tcp_min_ns", "tcp"), None);
        check("", None);
    }

    #[test]
    fn judges_the_medians() {
        fn check(costs: Costs, expect: Option<&str>) {
            let said = costs.judge().err().map(|error| error.to_string());
            assert_eq!(said.is_some(), expect.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expect.unwrap_or_default()));
        }
        let cost = |median| Cost { median, min: 1 };
        check(costs(), None);
        check(Costs { discover: cost(700), request: cost(700), tcp: cost(66), ..costs() }, None);
        check(Costs { discover: cost(701), ..costs() }, Some("DISCOVER costs 701 ns"));
        check(Costs { request: cost(701), ..costs() }, Some("REQUEST costs 701 ns"));
        check(Costs { tcp: cost(67), ..costs() }, Some("26 ns more"));
        // Noise may make the empty program the dearer one.
        check(Costs { tcp: cost(30), ..costs() }, None);
    }

    #[test]
    fn shows_targets_beside() {
        let table = costs().table();
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows.len(), 6);
        assert!(rows[1].ends_with("600 ns     550 ns  at most 700 ns"), "{}", rows[1]);
        assert!(rows[4].ends_with("52 ns      48 ns  at most 66 ns"), "{}", rows[4]);
        assert!(rows[5].ends_with("39 ns"), "{}", rows[5]);
    }
}
