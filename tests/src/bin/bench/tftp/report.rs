use serde_json::{Value, json};

use super::{Run, client::Fetched, servers::Kind};
use crate::table::{row, table};

/// A round in a line.
pub(super) fn round(fetched: &Fetched) -> String {
    let failed: usize = fetched.failures.values().sum();
    let mut line = format!(
        "{:.0} MB/s in {:.2} s, {} retries, {failed} failed",
        rate(fetched),
        fetched.took.as_secs_f64(),
        fetched.retries,
    );
    for (reason, count) in &fetched.failures {
        line += &format!("\n      {count} times: {reason}");
    }
    line
}

pub(super) fn summary(runs: &[Run]) -> String {
    let mut rows = vec![row([
        "server",
        "window",
        "granted",
        "MB/s",
        "slowest",
        "fastest",
        "failed",
        "retries",
        "server CPU",
        "client CPU",
        "ratio",
    ])];
    for run in runs {
        let is_ours = |ours: &&Run| ours.kind == Kind::Netboot && ours.window == run.window;
        let ratio = runs.iter().find(is_ours).map(|ours| run.ratio(ours));
        let rates = run.rates();
        let shown = |rate: Option<&f64>| rate.map_or_else(String::new, |rate| format!("{rate:.0}"));
        rows.push(vec![
            run.kind.name().to_owned(),
            run.window.to_string(),
            run.granted().to_string(),
            format!("{:.0}", run.rate()),
            shown(rates.first()),
            shown(rates.last()),
            run.failed().to_string(),
            run.retries().to_string(),
            run.server_seconds().map_or_else(
                || "-".to_owned(),
                |used| format!("{:.0}%", 100.0 * used / run.seconds()),
            ),
            format!("{:.0}%", 100.0 * run.client_seconds() / run.seconds()),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    format!(
        "{}ratio: the median of the rounds, each beside ours of the same round. The clients are one thread: near 100% of a core they are the limit, not the server.\n",
        table(&rows)
    )
}

pub(super) fn json(run: &Run) -> Value {
    json!({
        "server": run.kind.name(),
        "window": run.window,
        "granted_window": run.granted(),
        "megabytes_per_second": run.rate(),
        "rounds": run.rates(),
        "failed": run.failed(),
        "retries": run.retries(),
        "server_cpu_seconds": run.server_seconds(),
        "client_cpu_seconds": run.client_seconds(),
        "seconds": run.seconds(),
    })
}

impl Run {
    /// The median of the rounds, in MB/s.
    fn rate(&self) -> f64 {
        median(&self.rates())
    }

    /// From the slowest.
    fn rates(&self) -> Vec<f64> {
        sorted(self.fetched().map(rate))
    }

    fn ratio(&self, ours: &Self) -> f64 {
        let pairs = self.fetched().zip(ours.fetched());
        median(&sorted(pairs.map(|(theirs, ours)| rate(theirs) / rate(ours))))
    }

    fn granted(&self) -> u16 {
        self.fetched().map(|fetched| fetched.window).max().unwrap_or(0)
    }

    fn failed(&self) -> usize {
        self.fetched().flat_map(|fetched| fetched.failures.values()).sum()
    }

    fn retries(&self) -> u32 {
        self.fetched().map(|fetched| fetched.retries).sum()
    }

    fn seconds(&self) -> f64 {
        self.fetched().map(|fetched| fetched.took.as_secs_f64()).sum()
    }

    fn client_seconds(&self) -> f64 {
        self.fetched().map(|fetched| fetched.cpu.as_secs_f64()).sum()
    }

    fn server_seconds(&self) -> Option<f64> {
        let used = self.rounds.iter().map(|round| round.server_cpu.as_secs_f64()).sum();
        self.kind.has_usage().then_some(used)
    }

    fn fetched(&self) -> impl Iterator<Item = &Fetched> {
        self.rounds.iter().map(|round| &round.fetched)
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// MB/s
fn rate(fetched: &Fetched) -> f64 {
    fetched.bytes as f64 / 1e6 / fetched.took.as_secs_f64().max(1e-9)
}
