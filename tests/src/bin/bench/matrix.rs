//! Which machines boot through which DHCP server, as `netboot probe` finds.

use anyhow::{Result, ensure};
use netboot_tests::{
    interrupt,
    matrix::{CLIENTS, Cell, Service},
};
use serde_json::{Value, json};

use crate::{table::table, usage};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the services whose name contains this
    #[arg(long)]
    only: Option<String>,
    #[arg(long)]
    json: bool,
}

struct Row {
    service: Service,
    cells: Result<Vec<Cell>>,
    /// What the server cannot do, by `netboot export`.
    cannot: Vec<String>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let wanted = |service: &Service| {
        args.only.as_ref().is_none_or(|name| service.name().contains(name.as_str()))
    };
    let mut rows = Vec::new();
    for service in Service::ALL.into_iter().filter(wanted) {
        eprintln!("== {}", service.name());
        let cells = service.row();
        interrupt::check()?;
        if let Err(error) = &cells {
            eprintln!("   failed: {error:#}");
        }
        rows.push(Row { service, cells, cannot: service.cannot()? });
    }
    ensure!(!rows.is_empty(), "no service has such a name");
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "machine": usage::machine(), "services": rows }));
    } else {
        print!("{}", text(&rows));
    }
    let all = |row: &Row| row.cells.as_ref().is_ok_and(|cells| cells.iter().all(|cell| cell.boots));
    ensure!(rows.iter().all(all), "not every client boots");
    Ok(())
}

impl Row {
    fn json(&self) -> Value {
        let cells = match &self.cells {
            Ok(cells) => {
                let cells = CLIENTS.iter().zip(cells).map(|(client, cell)| {
                    json!({ "client": client.name, "boots": cell.boots, "notes": cell.notes })
                });
                Value::Array(cells.collect())
            }
            Err(error) => json!({ "failed": format!("{error:#}") }),
        };
        json!({ "service": self.service.name(), "clients": cells, "cannot": self.cannot })
    }
}

fn text(rows: &[Row]) -> String {
    let head = ["service"].into_iter().chain(CLIENTS.iter().map(|client| client.name));
    let mut lines = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    let mut notes = String::new();
    for Row { service, cells, cannot } in rows {
        let mut line = vec![service.name()];
        match cells {
            Ok(cells) => {
                for (client, cell) in CLIENTS.iter().zip(cells) {
                    let word = if cell.boots { "boots" } else { "NO" };
                    let mark = if cell.notes.is_empty() { "" } else { " *" };
                    line.push(format!("{word}{mark}"));
                    for note in &cell.notes {
                        notes += &format!("* {}, {}: {note}\n", service.name(), client.name);
                    }
                }
            }
            Err(error) => {
                line.push("failed".to_owned());
                notes += &format!("* {}: {error:#}\n", service.name());
            }
        }
        for sentence in cannot {
            notes += &format!("{}: {sentence}\n", service.name());
        }
        lines.push(line);
    }
    format!("{}{notes}", table(&lines))
}
