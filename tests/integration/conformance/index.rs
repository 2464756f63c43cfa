//! tests/CONFORMANCE.md

use std::fs;

use anyhow::{Context as _, Result, ensure};
use netboot_tests::conformance::{Case, index};

use super::{
    all,
    rows::{PREFACE, ROWS, SECTIONS},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFORMANCE.md");

/// Set, the list is written instead of compared.
const WRITE: &str = "NETBOOT_WRITE_CONFORMANCE";

/// The committed list is what the cases say: each row has one, or a reason.
#[test]
fn the_list_of_cases_is_up_to_date() -> Result<()> {
    let cases: Vec<Case> = all().into_iter().flat_map(|suite| suite.cases).collect();
    let mut names: Vec<_> = cases.iter().map(|case| &case.name).collect();
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(twice.is_none(), "two cases have one name: {twice:?}");
    let text = index(PREFACE, &SECTIONS, ROWS, &cases)?;
    if std::env::var_os(WRITE).is_some() {
        return fs::write(FILE, text).context("write the list");
    }
    ensure!(
        fs::read_to_string(FILE).unwrap_or_default() == text,
        "tests/CONFORMANCE.md is not what the cases say: run this test with {WRITE}=1, and commit the file"
    );
    Ok(())
}
