//! A way between TFTP clients and a server that loses, doubles and delays datagrams: always the same ones for a seed.

use std::{
    collections::HashMap,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, poll};

use crate::{
    fates::{Between, Fates, Way},
    namespace::Namespace,
};

/// Where clients in its namespace find the server.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 69);

/// The longest that it waits at once, in milliseconds.
const PAUSE: u8 = 20;

/// Works until it is dropped.
pub struct LossyRelay(Between);

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
        let mut relay = Relay {
            requests,
            ends: vec![None; pairs.len()],
            pairs,
            server: SocketAddr::from((server, 69)),
            clients: HashMap::new(),
            used: 0,
        };
        Ok(Self(Between::start(fates, seed, move |way| relay.pass_on(way))))
    }

    /// Datagrams that did not arrive.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}

struct Relay {
    requests: UdpSocket,
    /// Where a client finds the server, and where that finds the client.
    pairs: Vec<(UdpSocket, UdpSocket)>,
    server: SocketAddr,
    /// Who has which pair.
    clients: HashMap<SocketAddr, usize>,
    /// Of each pair: its client, and the port that the server answers it from.
    ends: Vec<Option<(SocketAddr, SocketAddr)>>,
    used: usize,
}

/// By which pair, to its server, to whom, and what.
type Packet = (usize, bool, SocketAddr, Vec<u8>);

impl Relay {
    fn pass_on(&mut self, way: &mut Way<Packet>) {
        let Self { requests, pairs, server, clients, ends, used } = self;
        let deliver = |(pair, is_up, to, packet): &Packet| {
            let (downstream, upstream): &(UdpSocket, UdpSocket) = &pairs[*pair];
            let socket = if *is_up { upstream } else { downstream };
            // A client that has left is no fault of the way.
            let _ = socket.send_to(packet, to);
        };
        let mut is_idle = true;
        let mut buffer = [0; 65536];
        while let Some((length, client)) = receive(requests, &mut buffer) {
            is_idle = false;
            let pair = *clients.entry(client).or_insert_with(|| {
                *used += 1;
                (*used - 1) % pairs.len()
            });
            ends[pair] = Some((client, *server));
            way.send((pair, true, *server, buffer[..length].to_vec()), deliver);
        }
        for (pair, (downstream, upstream)) in pairs.iter().enumerate() {
            let Some((client, _)) = ends[pair] else { continue };
            while let Some((length, transfer)) = receive(upstream, &mut buffer) {
                is_idle = false;
                ends[pair] = Some((client, transfer));
                way.send((pair, false, client, buffer[..length].to_vec()), deliver);
            }
            while let Some((length, _)) = receive(downstream, &mut buffer) {
                is_idle = false;
                let Some((_, transfer)) = ends[pair] else { continue };
                way.send((pair, true, transfer, buffer[..length].to_vec()), deliver);
            }
        }
        if is_idle {
            way.release(deliver);
            let sockets = pairs.iter().flat_map(|(downstream, upstream)| [downstream, upstream]);
            let sockets = sockets.chain([&*requests]);
            let mut waits: Vec<_> =
                sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
            // It looks in time whether it is to end.
            let _ = poll(&mut waits, PAUSE);
        }
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.recv_from(buffer) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => None,
        received => received.ok(),
    }
}
