//! `netboot selftest adopt`: whether this kernel keeps the program when its daemon dies, and gives it to the next
//! one, over the loopback interface.

mod checks;
mod switch;
mod trial;
mod variants;
mod wire;

use std::process::ExitCode;

use serde::Serialize;

use self::{checks::CHECKS, trial::Trial};

/// What `selftest adopt` prints.
#[derive(Serialize)]
struct AdoptReport {
    kernel: String,
    checks: Vec<Checked>,
}

#[derive(Serialize)]
struct Checked {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Makes all checks, whatever becomes of one, and prints one line of JSON.
///
/// # Errors
/// There is no loopback interface to make them on.
pub(super) fn print() -> anyhow::Result<ExitCode> {
    let trial = Trial::new()?;
    let checked = CHECKS.iter().map(|(name, check)| {
        let done = check(&trial);
        // A check that failed leaves what it did not come to.
        let cleared = trial.clear();
        let why = done.and(cleared).err().map(|error| format!("{error:#}"));
        Checked { name, ok: why.is_none(), why }
    });
    let report = AdoptReport { kernel: super::kernel()?, checks: checked.collect() };
    println!("{}", serde_json::to_string(&report)?);
    let ok = report.checks.iter().all(|checked| checked.ok);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
