//! Long lists, as people are told of them: the first few items, and how many more there are.

use std::fmt;

/// More lines of one thing nobody reads.
pub const MOST: usize = 20;

/// The first [`MOST`] of the items, a line each, and how many more.
pub struct Shortlist<'i, T> {
    items: &'i [T],
    /// Of all, also of those that are not at hand.
    total: usize,
    /// What shows the rest: ``: `netboot check` shows all``.
    advice: &'static str,
}

impl<'i, T> Shortlist<'i, T> {
    #[must_use]
    pub fn of(items: &'i [T], total: usize, advice: &'static str) -> Self {
        Self { items, total: total.max(items.len()), advice }
    }
}

impl<T: fmt::Display> fmt::Display for Shortlist<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.items.len().min(MOST);
        for (at, item) in self.items.iter().take(shown).enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{item}")?;
        }
        match self.total - shown {
            0 => Ok(()),
            more => write!(f, "\nand {more} more{}", self.advice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(items: usize, total: usize, lines: usize, last: &str) {
        let items: Vec<_> = (1..=items).collect();
        let text = Shortlist::of(&items, total, ": `x` shows all").to_string();
        assert_eq!((text.lines().count(), text.lines().last().unwrap_or_default()), (lines, last));
    }

    #[test]
    fn a_list_has_few_lines() {
        check(0, 0, 0, "");
        check(1, 1, 1, "1");
        check(20, 20, 20, "20");
        check(21, 21, 21, "and 1 more: `x` shows all");
        check(1000, 200_000, 21, "and 199980 more: `x` shows all");
        check(3, 5, 4, "and 2 more: `x` shows all");
    }
}
