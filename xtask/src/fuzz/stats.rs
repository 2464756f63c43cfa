//! What a run of libFuzzer did, by its own words.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stats {
    executions: u64,
    a_second: u64,
    new_inputs: u64,
}

impl Stats {
    /// From the final statistics.
    pub(super) fn read(output: &str) -> Option<Self> {
        let number = |name: &str| {
            let line = output.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().parse().ok()
        };
        Some(Self {
            executions: number("stat::number_of_executed_units")?,
            a_second: number("stat::average_exec_per_sec")?,
            new_inputs: number("stat::new_units_added")?,
        })
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, a_second, new_inputs } = self;
        write!(f, "{executions} executions, {a_second} a second, {new_inputs} new inputs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_final_statistics() {
        fn check(output: &str, expect: Option<&str>) {
            assert_eq!(Stats::read(output).map(|stats| stats.to_string()).as_deref(), expect);
        }
        let output = "Done 200 runs in 2 second(s)\n\
            stat::number_of_executed_units: 200\n\
            stat::average_exec_per_sec:     100\n\
            stat::new_units_added:          3\n\
            stat::slowest_unit_time_sec:    0\n";
        check(output, Some("200 executions, 100 a second, 3 new inputs"));
        check(&output.replace("new_units", "units"), None);
        check("", None);
    }
}
