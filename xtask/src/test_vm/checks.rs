//! What was checked on a kernel: read from the selftest's JSON line and from the trial's own lines, judged, shown.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The trial's last one.
const LAST: &str = "all were made";

#[derive(Debug, PartialEq)]
pub(super) struct Checks {
    kernel: String,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    /// Why it failed.
    failed: Option<String>,
}

/// Finds them in the output of the trial or of a serial console.
pub(super) fn find(output: &str) -> Result<Checks> {
    let (kernel, mut rows) = output
        .lines()
        .find_map(selftest)
        .with_context(|| format!("no selftest in what was said:\n{}", output.trim_end()))?;
    rows.extend(output.lines().filter_map(trial));
    let last = rows.pop_if(|row| row.name == LAST);
    ensure!(last.is_some(), "the trial ended before its end:\n{}", output.trim_end());
    if rows.iter().any(|row| row.failed.is_some()) {
        eprintln!("{}", output.trim_end());
    }
    Ok(Checks { kernel, rows })
}

impl Checks {
    pub(super) fn judge(&self) -> Result<()> {
        let failed = self.rows.iter().filter_map(|row| {
            let why = row.failed.as_ref()?;
            Some(format!("\n  {}: {why}", row.name))
        });
        let failed: String = failed.collect();
        ensure!(failed.is_empty(), "on {}:{failed}", self.kernel);
        Ok(())
    }
}

/// A row for each check, a column for each kernel.
pub(super) fn table(kernels: &[Checks]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for row in kernels.iter().flat_map(|checks| &checks.rows) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    let mut table = format!("{:<40}", "check");
    // Writing into a String cannot fail.
    for checks in kernels {
        let _ = write!(table, " {:>22}", checks.kernel);
    }
    for name in names {
        let _ = write!(table, "\n{name:<40}");
        for checks in kernels {
            let word = match checks.rows.iter().find(|row| row.name == name) {
                None => "not made",
                Some(Row { failed: None, .. }) => "ok",
                Some(Row { failed: Some(_), .. }) => "FAILED",
            };
            let _ = write!(table, " {word:>22}");
        }
    }
    table.push('\n');
    table
}

/// `{"kernel": ..., "checks": [{"name": ..., "ok": true}, ...]}`
fn selftest(line: &str) -> Option<(String, Vec<Row>)> {
    let json: Value = serde_json::from_str(line.get(line.find('{')?..)?.trim()).ok()?;
    let rows = json["checks"].as_array()?.iter().map(|check| {
        let failed = || check["why"].as_str().unwrap_or("it does not say why").to_owned();
        let ok = check["ok"].as_bool()?;
        Some(Row { name: check["name"].as_str()?.to_owned(), failed: (!ok).then(failed) })
    });
    Some((json["kernel"].as_str()?.to_owned(), rows.collect::<Option<_>>()?))
}

/// `check NAME: ok`
fn trial(line: &str) -> Option<Row> {
    let (name, word) = line.trim().strip_prefix("check ")?.rsplit_once(": ")?;
    let failed = (word != "ok").then(|| "see the daemon's log above".to_owned());
    Some(Row { name: name.to_owned(), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"SeaBIOS
{"kernel":"6.1.0-56","verified_instructions":22000}
{"kernel":"6.1.0-56","checks":[{"name":"adopted","ok":true},{"name":"removed","ok":true}]}
check daemon starts: ok
check all were made: ok
[ 3.2] reboot: Power down"#;

    #[test]
    fn finds_and_judges() {
        #[track_caller]
        fn check(output: &str, rows: usize, complaint: Option<&str>) {
            let judged = find(output).and_then(|checks| {
                assert_eq!(checks.rows.len(), rows, "{checks:?}");
                checks.judge()
            });
            let said = judged.err().map(|error| error.to_string());
            assert_eq!(said.is_some(), complaint.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(complaint.unwrap_or_default()));
        }
        check(GOOD, 3, None);
        check(
            &GOOD.replace(r#""adopted","ok":true"#, r#""adopted","ok":false,"why":"gone""#),
            3,
            Some("on 6.1.0-56:\n  adopted: gone"),
        );
        check(&GOOD.replace("starts: ok", "starts: FAILED"), 3, Some("daemon starts: see"));
        check(&GOOD.replace(r#""ok":true},"#, r#""ok":1},"#), 0, Some("no selftest"));
        check(&GOOD.replace("check all were made: ok", ""), 0, Some("before its end"));
        check("", 0, Some("no selftest"));
    }

    #[test]
    fn shows_one_column_per_kernel() {
        let one = find(GOOD).unwrap();
        let mut other = find(&GOOD.replace("starts: ok", "starts: FAILED")).unwrap();
        other.rows.remove(0);
        let table = table(&[one, other]);
        let ends: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_at(40).1.split_whitespace().collect()).collect();
        let expect = [
            vec!["6.1.0-56", "6.1.0-56"],
            vec!["ok", "not", "made"],
            vec!["ok", "ok"],
            vec!["ok", "FAILED"],
        ];
        assert_eq!(ends, expect, "{table}");
    }
}
