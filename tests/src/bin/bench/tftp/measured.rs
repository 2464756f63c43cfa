//! What was measured of one server in one row.

use std::{collections::BTreeMap, time::Duration};

use super::{client::End, crowd::Outcome, packets::Terms, row::Row, servers::Kind};

pub(super) struct Measured {
    pub(super) kind: Kind,
    pub(super) row: Row,
    pub(super) rounds: Vec<Round>,
}

pub(super) struct Round {
    pub(super) outcome: Outcome,
    pub(super) server_cpu: Option<Duration>,
}

impl Round {
    /// MB/s
    pub(super) fn rate(&self) -> f64 {
        self.megabytes() / self.outcome.took.as_secs_f64().max(1e-9)
    }

    /// The server's, in ms for a MB.
    pub(super) fn cost(&self) -> Option<f64> {
        let used = self.server_cpu?.as_secs_f64() * 1e3;
        (self.outcome.bytes > 0).then(|| used / self.megabytes())
    }

    fn megabytes(&self) -> f64 {
        self.outcome.bytes as f64 / 1e6
    }

    /// Clients that did not get all, by reason.
    fn failures(&self) -> BTreeMap<&str, usize> {
        let mut failures = BTreeMap::new();
        for (_, end) in &self.outcome.ends {
            let reason = match end {
                End::Served(_) => continue,
                End::Refused(reason) | End::Failed(reason) => reason.as_str(),
                End::Silent => "no answer",
            };
            *failures.entry(reason).or_default() += 1;
        }
        if self.outcome.unfinished > 0 {
            failures.insert("not at the end in time", self.outcome.unfinished);
        }
        failures
    }

    pub(super) fn line(&self) -> String {
        let failures = self.failures();
        let mut line = format!(
            "{:.0} MB/s in {:.2} s, {} retries, {} failed",
            self.rate(),
            self.outcome.took.as_secs_f64(),
            self.outcome.again,
            failures.values().sum::<usize>(),
        );
        for (reason, count) in failures {
            line += &format!("\n      {count} times: {reason}");
        }
        line
    }
}

impl Measured {
    pub(super) fn rate(&self) -> f64 {
        median(self.rates()).unwrap_or(0.0)
    }

    pub(super) fn rates(&self) -> Vec<f64> {
        self.rounds.iter().map(Round::rate).collect()
    }

    pub(super) fn cost(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(Round::cost).collect())
    }

    /// The share of one core that the clients took.
    pub(super) fn client_share(&self) -> f64 {
        let share = |round: &Round| {
            round.outcome.cpu.as_secs_f64() / round.outcome.took.as_secs_f64().max(1e-9)
        };
        median(self.rounds.iter().map(share).collect()).unwrap_or(0.0)
    }

    pub(super) fn terms(&self) -> Option<Terms> {
        self.rounds.iter().find_map(|round| round.outcome.terms)
    }

    pub(super) fn failed(&self) -> usize {
        self.rounds.iter().flat_map(|round| round.failures().into_values()).sum()
    }

    pub(super) fn retries(&self) -> u32 {
        self.rounds.iter().map(|round| round.outcome.again).sum()
    }

    /// The median of the rounds, each as so many times the other's of the same round.
    pub(super) fn times_the_rate(&self, other: &Self) -> Option<f64> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(pairs.map(|(own, others)| own.rate() / others.rate().max(1e-9)).collect())
    }

    /// How many times as much a MB costs the other.
    pub(super) fn times_cheaper(&self, other: &Self) -> Option<f64> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let ratio = |(own, others): (&Round, &Round)| Some(others.cost()? / own.cost()?.max(1e-9));
        median(pairs.filter_map(ratio).collect())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
