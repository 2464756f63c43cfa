//! A room that is switched on: UEFI machines that all look at the boot file's size, end that transfer by an ERROR, and
//! fetch the file, at once, each from an address of its own.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;
use netboot_tests::namespace::Namespace;
use serde_json::{Value, json};

use super::{
    FILE,
    client::{End, Wish},
    crowd, packets,
};
use crate::table::{row, table};

/// EDK2's MtftpDxe waits four seconds, and tries five times.
const PATIENCE: Duration = Duration::from_secs(4);
const RETRIES: u32 = 4;
/// Machines that were not served by then are left.
const LIMIT: Duration = Duration::from_secs(120);

/// What became of a room.
pub(crate) struct Room {
    machines: u16,
    /// Seconds until each of those that were served had its file, in order.
    pub(crate) served: Vec<f64>,
    pub(crate) refused: usize,
    /// Whoever asked in vain.
    pub(crate) silent: usize,
    failed: usize,
    /// Whoever was still at it when the time was over.
    unfinished: usize,
    /// Requests and acknowledgements that had to be sent again.
    again: u32,
    client_share: f64,
}

/// A room and what it took of the server.
pub(super) struct Visited {
    pub(super) name: &'static str,
    pub(super) room: Room,
    pub(super) server_cpu: Option<Duration>,
    /// At most, in KiB.
    pub(super) memory: Option<u64>,
}

impl Room {
    /// Asks the server of this namespace over loopback.
    pub(crate) fn switch_on(namespace: &Namespace, machines: u16, file: &[u8]) -> Result<Self> {
        // As EDK2 asks.
        let options = ["tsize", "0", "blksize", "1468", "windowsize", "4"];
        let wish = Wish {
            request: packets::request(FILE, &options),
            content: file,
            transfers: 1,
            looks_first: true,
            patience: PATIENCE,
            retries: RETRIES,
        };
        let addresses = (0..machines).map(|number| {
            let [high, low] = number.to_be_bytes();
            Ipv4Addr::new(127, 1, high, low)
        });
        let outcome = namespace.enter(|| crowd::run(&wish, addresses, LIMIT))?;
        let mut room = Self {
            machines,
            served: Vec::new(),
            refused: 0,
            silent: 0,
            failed: 0,
            unfinished: outcome.unfinished,
            again: outcome.again,
            client_share: outcome.cpu.as_secs_f64() / outcome.took.as_secs_f64().max(1e-9),
        };
        for (after, end) in outcome.ends {
            match end {
                End::Served(_) => room.served.push(after.as_secs_f64()),
                End::Refused(_) => room.refused += 1,
                End::Silent => room.silent += 1,
                End::Failed(reason) => {
                    eprintln!("{reason}");
                    room.failed += 1;
                }
            }
        }
        Ok(room)
    }
}

impl Visited {
    pub(super) fn line(&self) -> String {
        let Room { served, refused, silent, failed, unfinished, .. } = &self.room;
        format!(
            "{} served, {refused} refused, {silent} without an answer, {failed} failed, {unfinished} not at the end \
             after {} s",
            served.len(),
            LIMIT.as_secs()
        )
    }

    pub(super) fn summary(rooms: &[Self]) -> String {
        let mut rows = vec![row([
            "server",
            "machines",
            "served",
            "refused",
            "no answer",
            "failed",
            "unfinished",
            "half after",
            "last after",
            "asked again",
            "server CPU",
            "client CPU",
            "memory",
        ])];
        rows.extend(rooms.iter().map(Self::cells));
        let limit = LIMIT.as_secs();
        table(&rows)
            + &format!(
                "unfinished: machines that still had not all of the file after {limit} s. Memory: of one process, so \
                 none for tftpd-hpa, which has one for each transfer.\n"
            )
    }

    fn cells(&self) -> Vec<String> {
        let room = &self.room;
        let seconds = |at: usize| {
            room.served.get(at).map_or_else(|| "-".to_owned(), |second| format!("{second:.2} s"))
        };
        let used = self.server_cpu.map(|used| format!("{:.2} s", used.as_secs_f64()));
        let memory = self.memory.map(|memory| format!("{} MiB", memory / 1024));
        vec![
            self.name.to_owned(),
            room.machines.to_string(),
            room.served.len().to_string(),
            room.refused.to_string(),
            room.silent.to_string(),
            room.failed.to_string(),
            room.unfinished.to_string(),
            seconds(room.served.len() / 2),
            seconds(room.served.len().saturating_sub(1)),
            room.again.to_string(),
            used.unwrap_or_else(|| "-".to_owned()),
            format!("{:.0}%", 100.0 * room.client_share),
            memory.unwrap_or_else(|| "-".to_owned()),
        ]
    }

    pub(super) fn json(&self) -> Value {
        let room = &self.room;
        json!({
            "server": self.name,
            "machines": room.machines,
            "served": room.served.len(),
            "refused": room.refused,
            "no_answer": room.silent,
            "failed": room.failed,
            "unfinished": room.unfinished,
            "last_after_seconds": room.served.last(),
            "asked_again": room.again,
            "server_cpu_seconds": self.server_cpu.map(|used| used.as_secs_f64()),
            "client_cpu_share": room.client_share,
            "memory_kib": self.memory,
        })
    }
}
