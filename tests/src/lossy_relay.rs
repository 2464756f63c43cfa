//! A way between TFTP clients and a server that loses, doubles and delays datagrams: always the same ones for a seed.

use std::{
    collections::HashMap,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    fates::{Dice, Fate, Fates},
    namespace::Namespace,
};

/// Where clients in its namespace find the server.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 69);

/// Works until it is dropped.
pub struct LossyRelay {
    end: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl LossyRelay {
    /// In this namespace, to port 69 of the server.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(namespace: &Namespace, server: Ipv4Addr, fates: Fates, seed: u64) -> Result<Self> {
        let bind = |port| {
            let socket = namespace.enter(|| {
                UdpSocket::bind((ADDRESS, port)).context("a socket for the relay's clients")
            })?;
            socket.set_nonblocking(true)?;
            anyhow::Ok(socket)
        };
        let requests = bind(69)?;
        // More than the transfers of a test; sockets are made in the namespace.
        let pairs = (0..64)
            .map(|_| {
                let upstream =
                    namespace.enter(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?))?;
                upstream.set_nonblocking(true)?;
                Ok((bind(0)?, upstream))
            })
            .collect::<Result<Vec<_>>>()?;
        let (end, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let way = Way { dice: Dice::new(fates, seed), lost: Arc::clone(&lost), late: None };
        let (is_over, server) = (Arc::clone(&end), SocketAddr::from((server, 69)));
        let thread = thread::spawn(move || relay(&requests, &pairs, server, way, &is_over));
        Ok(Self { end, lost, thread: Some(thread) })
    }

    /// Datagrams that did not arrive.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Drop for LossyRelay {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Way {
    dice: Dice,
    lost: Arc<AtomicU64>,
    /// By which pair, to whom, from which side.
    late: Option<(usize, bool, SocketAddr, Vec<u8>)>,
}

fn relay(
    requests: &UdpSocket,
    pairs: &[(UdpSocket, UdpSocket)],
    server: SocketAddr,
    mut way: Way,
    is_over: &AtomicBool,
) {
    // Of each pair: its client, and the port that the server answers it from.
    let mut clients: HashMap<SocketAddr, usize> = HashMap::new();
    let mut ends: Vec<Option<(SocketAddr, SocketAddr)>> = vec![None; pairs.len()];
    let mut used = 0;
    let mut buffer = [0; 65536];
    while !is_over.load(Relaxed) {
        let mut is_idle = true;
        while let Some((length, client)) = receive(requests, &mut buffer) {
            is_idle = false;
            let pair = *clients.entry(client).or_insert_with(|| {
                used += 1;
                (used - 1) % pairs.len()
            });
            ends[pair] = Some((client, server));
            way.send(pairs, pair, true, server, &buffer[..length]);
        }
        for (pair, (downstream, upstream)) in pairs.iter().enumerate() {
            let Some((client, _)) = ends[pair] else { continue };
            while let Some((length, transfer)) = receive(upstream, &mut buffer) {
                is_idle = false;
                ends[pair] = Some((client, transfer));
                way.send(pairs, pair, false, client, &buffer[..length]);
            }
            while let Some((length, _)) = receive(downstream, &mut buffer) {
                is_idle = false;
                let Some((_, transfer)) = ends[pair] else { continue };
                way.send(pairs, pair, true, transfer, &buffer[..length]);
            }
        }
        if is_idle {
            way.release(pairs);
            thread::sleep(Duration::from_micros(200));
        }
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.recv_from(buffer) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => None,
        received => received.ok(),
    }
}

impl Way {
    fn send(
        &mut self,
        pairs: &[(UdpSocket, UdpSocket)],
        pair: usize,
        is_up: bool,
        to: SocketAddr,
        packet: &[u8],
    ) {
        let copies = match self.dice.throw() {
            Fate::Lost => {
                self.lost.fetch_add(1, Relaxed);
                return;
            }
            Fate::Late if self.late.is_none() => {
                self.late = Some((pair, is_up, to, packet.to_vec()));
                return;
            }
            Fate::Doubled => 2,
            Fate::Late | Fate::Arrives => 1,
        };
        for _ in 0..copies {
            deliver(pairs, pair, is_up, to, packet);
        }
        self.release(pairs);
    }

    fn release(&mut self, pairs: &[(UdpSocket, UdpSocket)]) {
        if let Some((pair, is_up, to, packet)) = self.late.take() {
            deliver(pairs, pair, is_up, to, &packet);
        }
    }
}

fn deliver(
    pairs: &[(UdpSocket, UdpSocket)],
    pair: usize,
    is_up: bool,
    to: SocketAddr,
    packet: &[u8],
) {
    let (downstream, upstream) = &pairs[pair];
    let socket = if is_up { upstream } else { downstream };
    // A client that has left is no fault of the way.
    let _ = socket.send_to(packet, to);
}
