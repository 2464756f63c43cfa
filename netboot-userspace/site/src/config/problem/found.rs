//! Problems of one kind, as they are found.

use super::{Problem, Problems};

/// The problems that were found, of which the first are kept.
#[derive(Debug, Default)]
pub(super) struct FoundProblems {
    kept: Vec<Problem>,
    left_out: usize,
}

impl FoundProblems {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.left_out == 0
    }

    pub(super) fn count(&self) -> usize {
        self.kept.len() + self.left_out
    }

    /// What is left out for each.
    pub(super) fn leaving_out(mut self) -> Self {
        for problem in &mut self.kept {
            problem.message.push_str("; left out");
        }
        self
    }

    /// Counts one, and keeps it while there are fewer.
    pub(super) fn add(&mut self, most: usize, problem: impl FnOnce() -> Problem) {
        if self.kept.len() < most {
            self.kept.push(problem());
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn absorb(&mut self, most: usize, other: Self) {
        let room = most.saturating_sub(self.kept.len());
        self.left_out += other.left_out + other.kept.len().saturating_sub(room);
        self.kept.extend(other.kept.into_iter().take(room));
    }

    /// In the order of `key`.
    pub(super) fn into_sorted<K: Ord>(self, key: impl Fn(&Problem) -> K) -> Problems {
        let Self { mut kept, left_out } = self;
        kept.sort_by_key(key);
        Problems { kept, left_out }
    }
}
