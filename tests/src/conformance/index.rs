//! The list of what the checklist asks for, and the cases that show it.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::Case;

/// A row of the checklist.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The section's number, and what the row is about: the begin of its cases' names.
    pub id: &'static str,
    pub rule: &'static str,
    /// Why there is no case.
    pub left_out: Option<&'static str>,
}

impl Row {
    #[must_use]
    pub const fn new(id: &'static str, rule: &'static str) -> Self {
        Self { id, rule, left_out: None }
    }

    /// A row without a case.
    #[must_use]
    pub const fn left_out(id: &'static str, rule: &'static str, why: &'static str) -> Self {
        Self { id, rule, left_out: Some(why) }
    }
}

/// The table of rows and cases, as Markdown. `sections` are the numbers and titles.
///
/// # Errors
/// A row without a case and without a reason, or a case of no row.
pub fn index(
    preface: &str,
    sections: &[(&str, &str)],
    rows: &[Row],
    cases: &[Case],
) -> Result<String> {
    for case in cases {
        let known = rows.iter().any(|row| row.id == case.row());
        ensure!(known, "{:?} is a case of no row", case.name);
    }
    let mut text = preface.to_owned();
    for (number, title) in sections {
        writeln!(text, "\n## {number} {title}\n\n| row | rule | cases |\n|---|---|---|")?;
        let begin = format!("{number} ");
        for row in rows.iter().filter(|row| row.id.starts_with(&begin)) {
            let own: Vec<_> =
                cases.iter().filter(|case| case.row() == row.id).map(Case::what).collect();
            let cell = match (row.left_out, own.is_empty()) {
                (None, true) => anyhow::bail!("row {:?} has no case", row.id),
                (Some(_), false) => anyhow::bail!("row {:?} is not left out: it has cases", row.id),
                (Some(why), true) => format!("none: {why}"),
                (None, false) => own.join("; "),
            };
            writeln!(text, "| {} | {} | {cell} |", row.id, row.rule)?;
        }
    }
    Ok(text)
}
