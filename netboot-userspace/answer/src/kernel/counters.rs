//! Sums of the XDP program's counters.

/// Sums over the CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelCounters {
    /// By the verdicts' numbers.
    pub verdicts: Vec<u64>,
    /// Events that found the ring full.
    pub events_lost: u64,
    /// Events of machines without reservation and of nobody that were left out, since others were told.
    pub events_left_out: u64,
}
