//! Faults under load: what was lost, and how long until all is served again.

use anyhow::{Result, bail, ensure};
use netboot_tests::{
    daemon::Xdp,
    faults::{FAULTS, Fault, MACHINE_BESIDE_FLOOD, Outcome, Scale},
    interrupt,
    setting::Setting,
};
use serde_json::{Value, json};

use crate::{
    perfdhcp::RECEIVE_BUFFER,
    table::{row, table},
    usage,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Exchanges offered a second
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Reservations, each machine asking again and again
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    machines: u32,
    /// Hostile frames of the flood
    #[arg(long)]
    hostile: u64,
    /// Only the faults whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

struct Row {
    fault: &'static Fault,
    outcome: Result<Outcome>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let scale = Scale {
        xdp: Xdp::Generic,
        rate: args.rate,
        machines: args.machines,
        generators: 1,
        grown: 10 * args.machines,
        hostile: args.hostile,
    };
    let header = format!(
        "faults: {} exchanges/s offered, {} machines, through a relay, XDP generic; {}",
        args.rate,
        args.machines,
        usage::machine()
    );
    eprintln!("{header}");
    // perfdhcp's own losses are no faults.
    let _buffer = Setting::set("net/core/rmem_default", RECEIVE_BUFFER)?;
    let wanted = |fault: &&Fault| args.only.as_ref().is_none_or(|name| fault.name.contains(name));
    let mut rows = Vec::new();
    for fault in FAULTS.iter().chain([&MACHINE_BESIDE_FLOOD]).filter(wanted) {
        eprintln!("== {}: {}", fault.name, fault.title);
        let outcome = fault.run(&scale);
        interrupt::check()?;
        match &outcome {
            Ok(outcome) => eprintln!("   {}", said(outcome)),
            Err(error) => eprintln!("   failed: {error:#}"),
        }
        rows.push(Row { fault, outcome });
    }
    ensure!(!rows.is_empty(), "no fault has such a name");
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "faults": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    judge(&rows)
}

impl Row {
    fn json(&self) -> Value {
        let mut json = json!({ "fault": self.fault.name, "title": self.fault.title });
        match &self.outcome {
            Ok(outcome) => {
                json["offered"] = outcome.exchanges.discovers.into();
                json["requests"] = outcome.exchanges.sent().into();
                json["lost"] = outcome.exchanges.lost().into();
                json["could_not_be_answered"] = outcome.could_not.into();
                json["seconds_to_full_service"] = outcome.recovery.as_secs_f64().into();
                json["notes"] = outcome.notes.clone().into();
                if let Some(error) = &outcome.wrong {
                    json["wrong"] = format!("{error:#}").into();
                }
            }
            Err(error) => json["failed"] = format!("{error:#}").into(),
        }
        json
    }
}

fn said(outcome: &Outcome) -> String {
    let Outcome { exchanges, could_not, recovery, notes, wrong } = outcome;
    let mut words = vec![format!(
        "{} exchanges offered; {} of {} requests lost; all served after {:.2} s",
        exchanges.discovers,
        exchanges.lost(),
        exchanges.sent(),
        recovery.as_secs_f64()
    )];
    if *could_not > 0 {
        words.push(format!("{could_not} while nobody could answer"));
    }
    words.extend(notes.iter().cloned());
    if let Some(error) = wrong {
        words.push(format!("but {error:#}"));
    }
    words.join("; ")
}

fn summary(rows: &[Row]) -> String {
    let mut cells = vec![row(["fault", "exchanges", "lost", "could not", "s to full service"])];
    for Row { fault, outcome } in rows {
        let title = fault.title.to_owned();
        cells.push(match outcome {
            Ok(outcome) => vec![
                if outcome.wrong.is_some() { format!("{title} (wrong)") } else { title },
                outcome.exchanges.discovers.to_string(),
                outcome.exchanges.lost().to_string(),
                if outcome.could_not > 0 { outcome.could_not.to_string() } else { "-".to_owned() },
                format!("{:.2}", outcome.recovery.as_secs_f64()),
            ],
            Err(_) => vec![title, "failed".to_owned()],
        });
    }
    let notes = rows.iter().filter_map(|row| {
        let outcome = row.outcome.as_ref().ok().filter(|outcome| !outcome.notes.is_empty())?;
        Some(format!("{}: {}\n", row.fault.title, outcome.notes.join("; ")))
    });
    format!(
        "{}{}lost: requests, of DISCOVER and REQUEST, that no answer came to; could not: those while \
         the interface was gone\n",
        table(&cells),
        notes.collect::<String>()
    )
}

fn judge(rows: &[Row]) -> Result<()> {
    for Row { fault, outcome } in rows {
        let Ok(outcome) = outcome else { bail!("{} failed", fault.title) };
        let lost = outcome.exchanges.lost();
        ensure!(lost == 0, "{}: {lost} requests lost", fault.title);
        ensure!(outcome.wrong.is_none(), "{} is not as it should be", fault.title);
    }
    Ok(())
}
