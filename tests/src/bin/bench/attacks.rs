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
    table::{row, table},
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

/// An attack's figures; none where a build has them not.
struct Row {
    attack: &'static Attack,
    this: Vec<Option<u64>>,
    other: Vec<Option<u64>>,
    failed: bool,
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
        let failed = this.is_none();
        let [this, other] = [this, other].map(Option::unwrap_or_default);
        rows.push(Row { attack, this, other, failed });
    }
    ensure!(!rows.is_empty(), "no attack has such a name");
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "attacks": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    let failed = rows.iter().filter(|row| row.failed).count();
    ensure!(failed == 0, "{failed} attacks could not be run");
    Ok(())
}

/// Nothing where the attack could not be run: another build may lack what it needs.
fn measure(attack: &Attack, build: Build) -> Result<Option<Vec<Option<u64>>>> {
    let figures = (attack.run)(build);
    interrupt::check()?;
    match figures {
        Ok(figures) => {
            let figures: Vec<_> = figures.into_iter().map(Some).collect();
            let said = attack
                .figures
                .iter()
                .enumerate()
                .map(|(at, (what, unit))| format!("{what}: {} {unit}", shown(figures.get(at))));
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
    fn json(&self) -> Value {
        let figures = self.attack.figures.iter().enumerate().map(|(at, (what, unit))| {
            let of = |figures: &[Option<u64>]| figures.get(at).copied().flatten();
            json!({ "figure": what, "this": of(&self.this), "other": of(&self.other), "unit": unit })
        });
        json!({
            "attack": self.attack.name,
            "title": self.attack.title,
            "figures": figures.collect::<Vec<_>>(),
        })
    }
}

fn summary(rows: &[Row]) -> String {
    let mut cells = vec![row(["attack", "figure", "this build", "the other", "unit"])];
    for Row { attack, this, other, .. } in rows {
        for (at, (what, unit)) in attack.figures.iter().enumerate() {
            let title = if at == 0 { attack.title } else { "" };
            let (this, other) = (shown(this.get(at)), shown(other.get(at)));
            cells.push(row([title, what, &this, &other, unit]));
        }
    }
    table(&cells)
}

fn shown(figure: Option<&Option<u64>>) -> String {
    figure.copied().flatten().map_or_else(|| "-".to_owned(), |number| number.to_string())
}
