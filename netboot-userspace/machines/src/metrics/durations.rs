//! Histograms of how long things took.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// Of one kind of thing, by how it ended; cheap to clone.
#[derive(Clone, Debug)]
pub struct Durations(Family<Ended, Histogram, fn() -> Histogram>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

impl Default for Durations {
    fn default() -> Self {
        // 10 ms to 82 s.
        Self(Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 2.0, 14))))
    }
}

impl Durations {
    pub fn took(&self, outcome: &'static str, time: Duration) {
        self.0.get_or_create(&Ended { outcome }).observe(time.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.0.clone());
    }
}
