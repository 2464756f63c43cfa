//! A room that is switched on: UEFI machines, each with an address of its own, that all at once look at a file's size,
//! end that transfer by an ERROR, and fetch the file.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{net::UdpSocket, runtime, task::JoinSet, time::timeout};

use crate::{attacks::requests::read_request, interrupt, namespace::Namespace};

/// As EDK2 asks.
const OPTIONS: [(&str, &str); 3] = [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")];
const BLOCK: usize = 1468;
const WINDOW: usize = 4;
/// EDK2's MtftpDxe waits four seconds, and tries five times.
const PATIENCE: Duration = Duration::from_secs(4);
const TRIES: u32 = 5;
const ROUND: Duration = Duration::from_secs(120);

const DATA: u8 = 3;
const ERROR: u8 = 5;
const OACK: u8 = 6;

/// A machine that was not served.
#[derive(Debug)]
pub enum Failure {
    Refused(String),
    Silent,
}

/// Switches on as many machines as there are addresses; those that were not served. The namespace has a route for
/// what comes to them.
///
/// # Errors
/// A machine got something else than the file.
pub fn switch_on(
    namespace: &Namespace,
    addresses: impl Iterator<Item = Ipv4Addr> + Send,
    server: SocketAddrV4,
    file: &str,
    content: Vec<u8>,
) -> Result<Vec<Failure>> {
    let (request, content) = (Arc::new(read_request(file, &OPTIONS)), Arc::new(content));
    namespace.enter(|| {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut machines = JoinSet::new();
            for address in addresses {
                let (request, content) = (Arc::clone(&request), Arc::clone(&content));
                machines
                    .spawn(async move { boot(address, server.into(), &request, &content).await });
            }
            let all = async {
                let mut failures = Vec::new();
                while let Some(ended) = machines.join_next().await {
                    interrupt::check()?;
                    failures.extend(ended??.err());
                }
                anyhow::Ok(failures)
            };
            timeout(ROUND, all).await.with_context(|| format!("a room took over {ROUND:?}"))?
        })
    })
}

/// One machine; the file comes to another port than its size, as EDK2 does it.
async fn boot(
    address: Ipv4Addr,
    server: SocketAddr,
    request: &[u8],
    content: &[u8],
) -> Result<Result<(), Failure>> {
    let look = Client::new(address, server).await?;
    match look.ask(request).await? {
        None => return Ok(Err(Failure::Silent)),
        Some((answer, _)) if answer.starts_with(&[0, ERROR]) => return Ok(Err(refused(&answer))),
        Some((answer, from)) => {
            ensure!(answer.starts_with(&[0, OACK]), "{} is no OACK", answer.escape_ascii());
            let end = [&[0, ERROR, 0, 8][..], b"User aborted the transfer\0"].concat();
            look.socket.send_to(&end, from).await?;
        }
    }
    Client::new(address, server).await?.fetch(request, content).await
}

struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Client {
    async fn new(address: Ipv4Addr, server: SocketAddr) -> Result<Self> {
        Ok(Self { socket: UdpSocket::bind((address, 0)).await?, server })
    }

    async fn ask(&self, request: &[u8]) -> Result<Option<(Vec<u8>, SocketAddr)>> {
        let mut buffer = [0; BLOCK + 4];
        for _ in 0..TRIES {
            self.socket.send_to(request, self.server).await?;
            if let Ok(received) = timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await {
                let (length, from) = received?;
                return Ok(Some((buffer[..length].to_vec(), from)));
            }
        }
        Ok(None)
    }

    async fn fetch(&self, request: &[u8], content: &[u8]) -> Result<Result<(), Failure>> {
        let Some((mut packet, from)) = self.ask(request).await? else {
            return Ok(Err(Failure::Silent));
        };
        let (mut blocks, mut of_window, mut tries) = (0_u16, 0, 0);
        let mut buffer = [0; BLOCK + 4];
        loop {
            match packet.as_slice() {
                [0, OACK, ..] if blocks == 0 => self.acknowledge(blocks, from).await?,
                [0, DATA, high, low, data @ ..]
                    if u16::from_be_bytes([*high, *low]) == blocks + 1 =>
                {
                    let at = usize::from(blocks) * BLOCK;
                    let expect = content.get(at..content.len().min(at + BLOCK));
                    ensure!(expect == Some(data), "block {} is another", blocks + 1);
                    (blocks, of_window, tries) = (blocks + 1, of_window + 1, 0);
                    let is_last = data.len() < BLOCK;
                    if is_last || of_window == WINDOW {
                        of_window = 0;
                        self.acknowledge(blocks, from).await?;
                    }
                    if is_last {
                        return Ok(Ok(()));
                    }
                }
                [0, ERROR, ..] => return Ok(Err(refused(&packet))),
                // It was sent twice.
                [0, OACK | DATA, ..] => {}
                _ => bail!("a packet {}", packet.escape_ascii()),
            }
            loop {
                match timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await {
                    Err(_) if tries == TRIES => return Ok(Err(Failure::Silent)),
                    Err(_) => {
                        (tries, of_window) = (tries + 1, 0);
                        self.acknowledge(blocks, from).await?;
                    }
                    Ok(received) => {
                        let (length, sender) = received?;
                        if sender == from {
                            packet = buffer[..length].to_vec();
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn acknowledge(&self, block: u16, to: SocketAddr) -> Result<()> {
        let [high, low] = block.to_be_bytes();
        self.socket.send_to(&[0, 4, high, low], to).await?;
        Ok(())
    }
}

fn refused(packet: &[u8]) -> Failure {
    Failure::Refused(packet.get(4..).unwrap_or_default().escape_ascii().to_string())
}
