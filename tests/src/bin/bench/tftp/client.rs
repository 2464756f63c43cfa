//! Many TFTP clients on one thread: a load that costs little beside the server.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{net::UdpSocket, runtime, task::JoinSet, time::timeout};

use super::FILE;
use netboot_tests::interrupt;

use crate::usage;

/// What fills an Ethernet frame, with room for a VLAN tag.
pub(super) const BLKSIZE: usize = 1468;
pub(super) const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 69);
/// A client asks again after this, a few times.
const RETRY: Duration = Duration::from_secs(1);
const RETRIES: u32 = 5;
/// The longest that a round may take.
const ROUND: Duration = Duration::from_secs(120);

const RRQ: u8 = 1;
pub(super) const DATA: u8 = 3;
pub(super) const ACK: u8 = 4;
pub(super) const ERROR: u8 = 5;
pub(super) const OACK: u8 = 6;

/// Clients that all start at once.
pub(super) struct Storm {
    pub(super) clients: u16,
    /// The window size that is asked for.
    pub(super) window: u16,
    /// What has to come.
    pub(super) file: Arc<[u8]>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) bytes: usize,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    /// How often a client had to ask again.
    pub(super) retries: u32,
    /// The window size that the server granted.
    pub(super) window: u16,
    /// Transfers that failed, by reason.
    pub(super) failures: BTreeMap<String, usize>,
}

struct Transfer {
    window: u16,
    retries: u32,
}

impl Storm {
    pub(super) fn run(&self) -> Result<Fetched> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.fetch())
    }

    async fn fetch(&self) -> Result<Fetched> {
        let mut sockets = Vec::new();
        for _ in 0..self.clients {
            sockets.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        }
        let (start, cpu) = (Instant::now(), usage::of_this_thread()?);
        let mut clients = JoinSet::new();
        for socket in sockets {
            clients.spawn(fetch(socket, self.window, Arc::clone(&self.file)));
        }
        let mut fetched = Fetched::default();
        while !clients.is_empty() {
            interrupt::check()?;
            ensure!(start.elapsed() < ROUND, "a round took over {ROUND:?}");
            let Ok(Some(ended)) = timeout(Duration::from_millis(200), clients.join_next()).await
            else {
                continue;
            };
            match ended? {
                Ok(transfer) => {
                    fetched.bytes += self.file.len();
                    fetched.retries += transfer.retries;
                    fetched.window = transfer.window;
                }
                Err(error) => *fetched.failures.entry(format!("{error:#}")).or_default() += 1,
            }
        }
        fetched.took = start.elapsed();
        fetched.cpu = usage::of_this_thread()?.saturating_sub(cpu);
        Ok(fetched)
    }
}

async fn fetch(socket: UdpSocket, window: u16, file: Arc<[u8]>) -> Result<Transfer> {
    let mut packet = vec![0; BLKSIZE + 4];
    let mut sent = request(window);
    let mut transfer = Transfer { window: 1, retries: 0 };
    socket.send_to(&sent, SERVER).await?;
    let mut length = {
        let (length, from) = loop {
            match timeout(RETRY, socket.recv_from(&mut packet)).await {
                Ok(received) => break received?,
                Err(_) => transfer.again()?,
            }
            socket.send_to(&sent, SERVER).await?;
        };
        // The server answers from a port of this transfer alone.
        socket.connect(from).await?;
        length
    };
    // Blocks that came in order, and those of them that came since the last ACK.
    let (mut blocks, mut unacknowledged) = (0, 0);
    let mut is_behind = false;
    loop {
        match packet.get(..length).context("an oversized packet")? {
            [0, OACK, options @ ..] if blocks == 0 => {
                transfer.window = granted_window(options);
                sent = acknowledge(0);
                socket.send(&sent).await?;
            }
            [0, DATA, high, low, data @ ..] => {
                let number = u16::from_be_bytes([*high, *low]);
                if number == (blocks as u16).wrapping_add(1) {
                    let at = blocks * BLKSIZE;
                    let end = file.len().min(at + BLKSIZE);
                    ensure!(
                        file.get(at..end) == Some(data),
                        "block {} is not the file's",
                        blocks + 1
                    );
                    (blocks, unacknowledged, is_behind) = (blocks + 1, unacknowledged + 1, false);
                    let is_last = data.len() < BLKSIZE;
                    if is_last || unacknowledged == transfer.window {
                        sent = acknowledge(number);
                        socket.send(&sent).await?;
                        unacknowledged = 0;
                    }
                    if is_last {
                        return Ok(transfer);
                    }
                } else if !is_behind {
                    // RFC 7440, section 4: the last one in order is acknowledged, once.
                    sent = acknowledge(blocks as u16);
                    socket.send(&sent).await?;
                    (unacknowledged, is_behind) = (0, true);
                }
            }
            [0, ERROR, _, code, text @ ..] => {
                bail!("error {code}: {}", String::from_utf8_lossy(text).trim_end_matches('\0'));
            }
            _ => bail!("a packet that is no DATA"),
        }
        length = loop {
            // Most often there is one already: no timer then.
            match socket.try_recv(&mut packet) {
                Ok(length) => break length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if timeout(RETRY, socket.readable()).await.is_err() {
                transfer.again()?;
                socket.send(&sent).await?;
            }
        };
    }
}

impl Transfer {
    fn again(&mut self) -> Result<()> {
        self.retries += 1;
        ensure!(self.retries <= RETRIES, "asked {RETRIES} times more and still no answer");
        Ok(())
    }
}

fn request(window: u16) -> Vec<u8> {
    let (block_size, blocks) = (BLKSIZE.to_string(), window.to_string());
    let options = ["blksize", &block_size, "windowsize", &blocks];
    request_with(if window > 1 { &options } else { &options[..2] })
}

pub(super) fn request_with(options: &[&str]) -> Vec<u8> {
    let mut packet = vec![0, RRQ];
    for word in [FILE, "octet"].iter().chain(options) {
        packet.extend_from_slice(word.as_bytes());
        packet.push(0);
    }
    packet
}

fn acknowledge(block: u16) -> Vec<u8> {
    let [high, low] = block.to_be_bytes();
    vec![0, ACK, high, low]
}

/// Without the option: 1.
fn granted_window(options: &[u8]) -> u16 {
    let words: Vec<&[u8]> = options.split(|byte| *byte == 0).collect();
    let mut pairs = words.chunks_exact(2);
    let value = pairs.find(|pair| pair[0].eq_ignore_ascii_case(b"windowsize")).map(|pair| pair[1]);
    value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()).unwrap_or(1)
}
