//! The parts of the daemon that are up, and those that are not: for `/readyz`, `netboot status` and the metrics.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use netboot_base::printable::printable;
use tokio_util::sync::CancellationToken;

/// The parts of the daemon and how they are; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<DaemonPart, PartState>>>,
    failures: Arc<AtomicU64>,
    source_failures: Arc<AtomicU64>,
}

/// What can be up or down: `self-check`, or `tftp` at one of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaemonPart {
    pub name: String,
    /// As `udp://192.168.2.112:69`; empty where it has no place.
    pub listen: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    Up,
    /// It works, but not as it should.
    Degraded(Trouble),
    Down(Trouble),
}

/// Why a part is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For the log and `netboot status`: it can name files and what stands in them.
    text: String,
    /// For HTTP, which is open to everybody.
    count: usize,
}

impl Trouble {
    /// So many problems, which the text tells of.
    pub fn of(count: usize, text: impl fmt::Display) -> Self {
        Self { text: one_line(text), count }
    }

    pub const fn count(&self) -> usize {
        self.count
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T: fmt::Display> From<T> for Trouble {
    fn from(text: T) -> Self {
        Self::of(1, text)
    }
}

/// How one service tells how it is; what it says after its end is not heard.
#[derive(Clone)]
pub(crate) struct ServiceHealth {
    health: Health,
    part: DaemonPart,
    cancel: CancellationToken,
}

impl Health {
    pub fn up(&self, part: impl Into<DaemonPart>) {
        self.lock().insert(part.into(), PartState::Up);
    }

    /// The daemon is ready all the same.
    pub fn degraded(&self, part: impl Into<DaemonPart>, why: impl Into<Trouble>) {
        self.lock().insert(part.into(), PartState::Degraded(why.into()));
    }

    /// The daemon is not ready.
    pub fn down(&self, part: impl Into<DaemonPart>, why: impl Into<Trouble>) {
        self.lock().insert(part.into(), PartState::Down(why.into()));
    }

    /// It is not wanted any more.
    pub fn off(&self, part: impl Into<DaemonPart>) {
        self.lock().remove(&part.into());
    }

    /// All parts, by name.
    pub fn list(&self) -> Vec<(DaemonPart, PartState)> {
        self.lock().iter().map(|(part, state)| (part.clone(), state.clone())).collect()
    }

    /// Nothing is down.
    pub fn is_ready(&self) -> bool {
        !self.lock().values().any(|state| matches!(state, PartState::Down(_)))
    }

    /// How often a service that was up failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// How often what a source had was not put in force.
    pub fn source_failures(&self) -> u64 {
        self.source_failures.load(Relaxed)
    }

    pub fn count_source_failure(&self) {
        self.source_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    /// `cancel` is cancelled before another takes its place.
    pub(crate) fn of_service(&self, part: DaemonPart, cancel: CancellationToken) -> ServiceHealth {
        ServiceHealth { health: self.clone(), part, cancel }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DaemonPart, PartState>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServiceHealth {
    pub(crate) fn tell(&self, state: PartState) {
        let mut parts = self.health.lock();
        if !self.cancel.is_cancelled() {
            parts.insert(self.part.clone(), state);
        }
    }
}

impl PartState {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Up => "serving",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
        }
    }

    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Up => None,
            Self::Degraded(why) | Self::Down(why) => Some(why.text()),
        }
    }
}

impl From<&str> for DaemonPart {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), listen: String::new() }
    }
}

impl From<String> for DaemonPart {
    fn from(name: String) -> Self {
        Self { name, listen: String::new() }
    }
}

impl fmt::Display for DaemonPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.listen.is_empty() { Ok(()) } else { write!(f, " ({})", self.listen) }
    }
}

/// Of a bounded length, whatever there is to say.
fn one_line(why: impl fmt::Display) -> String {
    const MOST: usize = 8192;
    let line = why.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ");
    printable(line.as_bytes(), MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(health: &Health, ready: bool, expect: &[(&str, &str, Option<&str>)]) {
        let list = health.list();
        let list: Vec<_> = list
            .iter()
            .map(|(part, state)| (part.name.as_str(), state.name(), state.why()))
            .collect();
        assert_eq!((health.is_ready(), list.as_slice()), (ready, expect));
    }

    #[test]
    fn only_what_is_down_is_not_ready() {
        let health = Health::default();
        check(&health, true, &[]);
        health.up("tftp");
        health.degraded("configuration", "kept the old one:\n  a\n  b");
        let configuration = ("configuration", "degraded", Some("kept the old one:; a; b"));
        check(&health, true, &[configuration, ("tftp", "serving", None)]);
        health.down("tftp", "taken");
        check(&health, false, &[configuration, ("tftp", "down", Some("taken"))]);
        health.off("tftp");
        health.up("configuration");
        check(&health, true, &[("configuration", "serving", None)]);
    }

    #[test]
    fn what_has_ended_is_not_heard() {
        let health = Health::default();
        let cancel = CancellationToken::new();
        let service_health = health.of_service("http".into(), cancel.clone());
        service_health.tell(PartState::Down("taken".into()));
        check(&health, false, &[("http", "down", Some("taken"))]);
        cancel.cancel();
        health.off("http");
        service_health.tell(PartState::Down("late".into()));
        check(&health, true, &[]);
    }
}
