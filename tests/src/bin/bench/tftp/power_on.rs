//! A room that is switched on: UEFI machines that all look at the boot file's size, end that transfer by an ERROR, and
//! fetch the file, at once, each from an address of its own.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{interrupt, namespace::Namespace};
use serde_json::{Value, json};
use tokio::{net::UdpSocket, runtime, task::JoinSet, time::timeout};

use super::{
    FILE,
    client::{self, ACK, DATA, ERROR, OACK, SERVER},
};
use crate::{
    table::{row, table},
    usage,
};

/// As EDK2 asks.
const BLKSIZE: usize = 1468;
const WINDOW: usize = 4;
/// EDK2's MtftpDxe waits four seconds, and tries five times.
const PATIENCE: Duration = Duration::from_secs(4);
const TRIES: u32 = 5;
const ROUND: Duration = Duration::from_secs(300);

/// What became of a room.
pub(crate) struct Room {
    name: &'static str,
    machines: u16,
    /// Seconds until each of those that were served had its file, in order.
    pub(crate) served: Vec<f64>,
    pub(crate) refused: usize,
    /// Whoever asked in vain.
    pub(crate) silent: usize,
    failed: usize,
    /// Requests and acknowledgements that had to be sent again.
    again: u32,
    server_cpu: Duration,
    /// Of the server, at most, in KiB.
    memory: u64,
}

enum End {
    Served { again: u32 },
    Refused,
    Silent,
}

impl Room {
    /// Asks the server that is this process, over loopback.
    pub(crate) fn switch_on(
        name: &'static str,
        (namespace, server): (&Namespace, u32),
        machines: u16,
        file: &Arc<[u8]>,
    ) -> Result<Self> {
        let before = usage::of_process(server)?;
        let mut room = Self {
            name,
            machines,
            served: Vec::new(),
            refused: 0,
            silent: 0,
            failed: 0,
            again: 0,
            server_cpu: Duration::ZERO,
            memory: 0,
        };
        namespace.enter(|| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(room.boot(file))
        })?;
        room.server_cpu = usage::of_process(server)?.saturating_sub(before);
        room.memory = usage::peak_of_process(server)?;
        Ok(room)
    }

    async fn boot(&mut self, file: &Arc<[u8]>) -> Result<()> {
        usage::open_many_files()?;
        let mut machines = JoinSet::new();
        let start = Instant::now();
        for number in 0..self.machines {
            let [high, low] = number.to_be_bytes();
            let address = Ipv4Addr::new(127, 1, high, low);
            machines.spawn(machine(address, Arc::clone(file)));
        }
        while !machines.is_empty() {
            interrupt::check()?;
            ensure!(start.elapsed() < ROUND, "the room took over {ROUND:?}");
            let ended = timeout(Duration::from_millis(200), machines.join_next()).await;
            let Ok(Some(ended)) = ended else { continue };
            match ended? {
                Ok(End::Served { again }) => {
                    self.served.push(start.elapsed().as_secs_f64());
                    self.again += again;
                }
                Ok(End::Refused) => self.refused += 1,
                Ok(End::Silent) => self.silent += 1,
                Err(error) => {
                    eprintln!("{}: {error:#}", self.name);
                    self.failed += 1;
                }
            }
        }
        Ok(())
    }

    pub(super) fn summary(rooms: &[Self]) -> String {
        let mut rows = vec![row([
            "server",
            "machines",
            "served",
            "refused",
            "no answer",
            "failed",
            "half after",
            "last after",
            "asked again",
            "server CPU",
            "memory",
        ])];
        rows.extend(rooms.iter().map(|room| {
            let seconds = |at: usize| {
                room.served
                    .get(at)
                    .map_or_else(|| "-".to_owned(), |second| format!("{second:.2} s"))
            };
            vec![
                room.name.to_owned(),
                room.machines.to_string(),
                room.served.len().to_string(),
                room.refused.to_string(),
                room.silent.to_string(),
                room.failed.to_string(),
                seconds(room.served.len() / 2),
                seconds(room.served.len().saturating_sub(1)),
                room.again.to_string(),
                format!("{:.2} s", room.server_cpu.as_secs_f64()),
                format!("{} MiB", room.memory / 1024),
            ]
        }));
        table(&rows)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "server": self.name,
            "machines": self.machines,
            "served": self.served.len(),
            "refused": self.refused,
            "no_answer": self.silent,
            "failed": self.failed,
            "last_after_seconds": self.served.last(),
            "asked_again": self.again,
            "server_cpu_seconds": self.server_cpu.as_secs_f64(),
            "memory_kib": self.memory,
        })
    }
}

/// One machine: the size, an ERROR, and the file, from another port as EDK2 does.
async fn machine(address: Ipv4Addr, file: Arc<[u8]>) -> Result<End> {
    let mut again = 0;
    let probe = UdpSocket::bind((address, 0)).await?;
    let request = client::request_with(&["tsize", "0", "blksize", "1468", "windowsize", "4"]);
    let Some((answer, from)) = ask(&probe, &request, &mut again).await? else {
        return Ok(End::Silent);
    };
    match answer.get(..2) {
        Some([0, OACK]) => {}
        Some([0, ERROR]) => return Ok(End::Refused),
        _ => bail!("no OACK"),
    }
    let error = [&[0, ERROR, 0, 8][..], b"User aborted the transfer\0"].concat();
    probe.send_to(&error, from).await?;
    drop(probe);

    let socket = UdpSocket::bind((address, 0)).await?;
    let Some((mut packet, from)) = ask(&socket, &request, &mut again).await? else {
        return Ok(End::Silent);
    };
    let (mut blocks, mut of_window, mut tries) = (0, 0, 0);
    let mut sent = vec![0, ACK, 0, 0];
    loop {
        match packet.as_slice() {
            [0, OACK, ..] if blocks == 0 => {
                socket.send_to(&sent, from).await?;
            }
            [0, DATA, high, low, data @ ..] => {
                let number = u16::from_be_bytes([*high, *low]);
                if number == (blocks as u16).wrapping_add(1) {
                    let at = blocks * BLKSIZE;
                    let expect = file.get(at..file.len().min(at + BLKSIZE));
                    ensure!(expect == Some(data), "block {} of {FILE} is another", blocks + 1);
                    (blocks, of_window, tries) = (blocks + 1, of_window + 1, 0);
                    let is_last = data.len() < BLKSIZE;
                    if is_last || of_window == WINDOW {
                        of_window = 0;
                        sent = vec![0, ACK, *high, *low];
                        socket.send_to(&sent, from).await?;
                    }
                    if is_last {
                        return Ok(End::Served { again });
                    }
                }
            }
            [0, ERROR, ..] => return Ok(End::Refused),
            _ => {}
        }
        let mut buffer = [0; BLKSIZE + 4];
        packet = loop {
            match timeout(PATIENCE, socket.recv_from(&mut buffer)).await {
                Ok(received) => {
                    let (length, sender) = received?;
                    if sender == from {
                        break buffer.get(..length).unwrap_or_default().to_vec();
                    }
                }
                Err(_) if tries < TRIES => {
                    (tries, again) = (tries + 1, again + 1);
                    of_window = 0;
                    let [high, low] = (blocks as u16).to_be_bytes();
                    sent = vec![0, ACK, high, low];
                    socket.send_to(&sent, from).await?;
                }
                Err(_) => return Ok(End::Silent),
            }
        };
    }
}

/// Asks until there is an answer.
async fn ask(
    socket: &UdpSocket,
    request: &[u8],
    again: &mut u32,
) -> Result<Option<(Vec<u8>, SocketAddr)>> {
    let mut buffer = [0; BLKSIZE + 4];
    for number in 0..TRIES {
        *again += u32::from(number > 0);
        socket.send_to(request, SERVER).await?;
        if let Ok(received) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await {
            let (length, from) = received?;
            ensure!(from.ip() == IpAddr::from(SERVER.0), "an answer from {from}");
            let answer = buffer.get(..length).context("no answer")?;
            return Ok(Some((answer.to_vec(), from)));
        }
    }
    Ok(None)
}
