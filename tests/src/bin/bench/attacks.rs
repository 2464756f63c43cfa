//! Attacks, each again against this build and, where there is one, against another: what is left of them.

mod connections;
mod declines;
mod descriptors;
mod heads;
mod inventory;
mod list;
mod mistakes;
mod options;
mod rack;
mod room;
mod settled;
mod transfers;
mod window;
mod writes;

use anyhow::{Result, ensure};
use netboot_tests::{daemon::Build, interrupt};
use serde_json::{Value, json};

use self::list::{ATTACKS, Attack};
use crate::{
    table::{row, table_of},
    usage,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Attack the netboot that `NETBOOT_OTHER_BIN` names too
    #[arg(long)]
    against: bool,
    /// Only the attacks whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

/// An attack's figures, where it could be run.
struct Row {
    attack: &'static Attack,
    this: Option<Vec<u64>>,
    other: Option<Vec<u64>>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!("attacks: each against a netboot just started; {}", usage::machine());
    eprintln!("{header}");
    usage::open_many_files()?;
    let wanted =
        |attack: &&Attack| args.only.as_ref().is_none_or(|name| attack.name.contains(name));
    let mut rows = Vec::new();
    for attack in ATTACKS.iter().filter(wanted) {
        eprintln!("== {}: {}", attack.name, attack.title);
        let this = measure(attack, Build::This)?;
        let other = if args.against { measure(attack, Build::Other)? } else { None };
        rows.push(Row { attack, this, other });
    }
    ensure!(!rows.is_empty(), "no attack has such a name");
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "attacks": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    let failed = rows.iter().filter(|row| row.this.is_none()).count();
    ensure!(failed == 0, "{failed} attacks could not be run");
    Ok(())
}

/// Nothing where the attack could not be run: another build may lack what it needs.
fn measure(attack: &Attack, build: Build) -> Result<Option<Vec<u64>>> {
    let figures = (attack.run)(build);
    interrupt::check()?;
    match figures {
        Ok(figures) => {
            let said = attack.figures.iter().zip(&figures);
            let said = said.map(|((what, unit), figure)| format!("{what}: {figure} {unit}"));
            eprintln!("   {build:?}: {}", said.collect::<Vec<_>>().join("; "));
            Ok(Some(figures))
        }
        Err(error) => {
            eprintln!("   {build:?}: failed: {error:#}");
            Ok(None)
        }
    }
}

impl Row {
    /// Each with its unit, of this build and of the other.
    fn figures(&self) -> impl Iterator<Item = (&'static str, [Option<u64>; 2], &'static str)> {
        self.attack.figures.iter().enumerate().map(|(at, (what, unit))| {
            let of = [&self.this, &self.other];
            (*what, of.map(|figures| figures.as_ref()?.get(at).copied()), *unit)
        })
    }

    fn json(&self) -> Value {
        let figures = self.figures().map(|(what, [this, other], unit)| {
            json!({ "figure": what, "this": this, "other": other, "unit": unit })
        });
        json!({
            "attack": self.attack.name,
            "title": self.attack.title,
            "figures": figures.collect::<Vec<_>>(),
        })
    }
}

fn summary(rows: &[Row]) -> String {
    let shown =
        |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
    let mut cells = vec![row(["attack", "figure", "this build", "the other", "unit"])];
    for attacked in rows {
        let mut title = attacked.attack.title;
        for (what, figures, unit) in attacked.figures() {
            let [this, other] = figures.map(shown);
            cells.push(row([title, what, &this, &other, unit]));
            title = "";
        }
    }
    table_of(&cells, &[0, 1, 4])
}
