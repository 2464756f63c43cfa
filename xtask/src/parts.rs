//! The parts of a long command: each runs even if one before it failed, and a summary closes it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

#[derive(Default)]
pub(crate) struct Parts(Vec<Part>);

struct Part {
    name: &'static str,
    took: Duration,
    outcome: Result<()>,
}

impl Parts {
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        eprintln!("== {name}");
        let started = Instant::now();
        let outcome = work();
        if let Err(error) = &outcome {
            eprintln!("{error:#}");
        }
        self.0.push(Part { name, took: started.elapsed(), outcome });
    }

    /// Prints the summary; an error if a part failed.
    pub(crate) fn close(self) -> Result<()> {
        eprintln!("== summary");
        for Part { name, took, outcome } in &self.0 {
            let word = if outcome.is_ok() { "ok" } else { "FAILED" };
            eprintln!("{word:>6} {name} ({:.1} s)", took.as_secs_f64());
        }
        let failed: Vec<_> =
            self.0.iter().filter(|part| part.outcome.is_err()).map(|part| part.name).collect();
        if !failed.is_empty() {
            bail!("{} of {} parts failed: {}", failed.len(), self.0.len(), failed.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_part_fails_the_whole_and_stops_nothing() {
        let mut parts = Parts::default();
        let mut ran = Vec::new();
        parts.run("first", || {
            ran.push("first");
            bail!("broken")
        });
        parts.run("second", || {
            ran.push("second");
            Ok(())
        });
        assert_eq!(parts.close().unwrap_err().to_string(), "1 of 2 parts failed: first");
        assert_eq!(ran, ["first", "second"]);
    }
}
