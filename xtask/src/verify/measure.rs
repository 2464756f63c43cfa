//! What loading the program told: read from the daemon's JSON line, judged, shown.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The verifier gives up at a million; a program that comes near is one change away from not loading.
const MOST_INSTRUCTIONS: u64 = 100_000;

#[derive(Debug, PartialEq)]
pub(crate) struct Measure {
    kernel: String,
    verified_instructions: u64,
    program_bytes: u64,
    jited_bytes: u64,
    golden_discover_ns: u64,
    golden_ok: bool,
}

/// Finds the daemon's line in the output of a program or of a serial console.
pub(crate) fn find(output: &str) -> Result<Measure> {
    output
        .lines()
        .find_map(parse)
        .with_context(|| format!("no measurement in what was said:\n{}", output.trim_end()))
}

impl Measure {
    pub(crate) fn judge(&self) -> Result<()> {
        let Self { kernel, verified_instructions, golden_ok, .. } = self;
        ensure!(
            *golden_ok,
            "on {kernel} the program answers the golden DISCOVER with other bytes than the library"
        );
        ensure!(
            *verified_instructions <= MOST_INSTRUCTIONS,
            "on {kernel} the verifier walked {verified_instructions} instructions, over {MOST_INSTRUCTIONS}: \
             look for a loop with more than one way through it"
        );
        Ok(())
    }
}

pub(crate) fn table(measures: &[Measure]) -> String {
    let mut table = format!(
        "{:<28} {:>12} {:>10} {:>10} {:>12} {:>8}\n",
        "kernel", "instructions", "program", "jited", "golden", "answer"
    );
    for measure in measures {
        let answer = if measure.golden_ok { "same" } else { "OTHER" };
        // Writing into a String cannot fail.
        let _ = writeln!(
            table,
            "{:<28} {:>12} {:>8} B {:>8} B {:>9} ns {answer:>8}",
            measure.kernel,
            measure.verified_instructions,
            measure.program_bytes,
            measure.jited_bytes,
            measure.golden_discover_ns,
        );
    }
    table
}

fn parse(line: &str) -> Option<Measure> {
    let json: Value = serde_json::from_str(line.get(line.find('{')?..)?.trim()).ok()?;
    let number = |name: &str| json[name].as_u64();
    Some(Measure {
        kernel: json["kernel"].as_str()?.to_owned(),
        verified_instructions: number("verified_instructions")?,
        program_bytes: number("program_bytes")?,
        jited_bytes: number("jited_bytes")?,
        golden_discover_ns: number("golden_discover_ns")?,
        golden_ok: json["golden_ok"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kernel": "6.1.0-56-cloud-amd64","verified_instructions": 17000,"program_bytes": 9000,"jited_bytes": 5200,"golden_discover_ns": 250, "golden_ok": true}"#;

    fn measure() -> Measure {
        Measure {
            kernel: "6.1.0-56-cloud-amd64".to_owned(),
            verified_instructions: 17_000,
            program_bytes: 9000,
            jited_bytes: 5200,
            golden_discover_ns: 250,
            golden_ok: true,
        }
    }

    #[test]
    fn finds_the_measurement_in_any_output() {
        fn check(output: &str, expect: Option<Measure>) {
            assert_eq!(find(output).ok(), expect, "{output}");
        }
        check(LINE, Some(measure()));
        check(
            &format!("SeaBIOS\r\n[ 0.1] booting {{\r\n{LINE}\r\n[ 3.2] reboot: Power down\r\n"),
            Some(measure()),
        );
        check(&format!("\x1b[0m netboot: {LINE}\n"), Some(measure()));
        check(&LINE.replace("\"golden_ok\": true", "\"golden\": true"), None);
        check(&LINE[..60], None);
        check("", None);
    }

    #[test]
    fn judges_answer_and_cost() {
        fn check(measure: Measure, expect: Option<&str>) {
            let said = measure.judge().err().map(|error| error.to_string());
            assert_eq!(said.is_some(), expect.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expect.unwrap_or_default()));
        }
        check(measure(), None);
        check(Measure { verified_instructions: 100_000, ..measure() }, None);
        check(Measure { verified_instructions: 100_001, ..measure() }, Some("100001 instructions"));
        check(Measure { golden_ok: false, ..measure() }, Some("other bytes"));
    }

    #[test]
    fn shows_one_row_per_kernel() {
        let table = table(&[measure(), Measure { golden_ok: false, ..measure() }]);
        let rows: Vec<_> =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].last(), Some(&"same"));
        assert_eq!(rows[2].last(), Some(&"OTHER"));
        assert_eq!(rows[1][1], "17000");
    }
}
