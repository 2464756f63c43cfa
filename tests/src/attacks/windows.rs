//! Windowed TFTP transfers (RFC 7440) of a client that means no good.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{pace::Pace, requests::read_request};
use crate::interrupt;

const WINDOW: &str = "64";
const BLKSIZE: usize = 1468;
/// A server's patience is five seconds in most: each transfer says something just before.
const BETWEEN: Duration = Duration::from_millis(4500);
/// Nothing comes any more.
const OVER: Duration = Duration::from_millis(1500);
const LONGEST: Duration = Duration::from_secs(30);

const DATA: u8 = 3;
const OACK: u8 = 6;

/// Transfers of one host that never end: a block of each is acknowledged now and then.
pub struct Slow {
    transfers: Vec<Transfer>,
    since: Instant,
    block: u16,
}

struct Transfer {
    socket: UdpSocket,
    from: Option<SocketAddr>,
}

/// What a transfer cost, in bytes of UDP payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub sent: u64,
    pub received: u64,
}

impl Slow {
    /// Opens so many, a thousand a second.
    pub fn open(server: SocketAddrV4, file: &str, source: Ipv4Addr, count: usize) -> Result<Self> {
        let packet = windowed(file);
        let mut pace = Pace::new(1000);
        let mut transfers = Vec::new();
        for _ in 0..count {
            interrupt::check()?;
            pace.wait();
            let socket = UdpSocket::bind((source, 0))?;
            socket.set_nonblocking(true)?;
            socket.send_to(&packet, server)?;
            transfers.push(Transfer { socket, from: None });
        }
        let mut slow = Self { transfers, since: Instant::now(), block: 0 };
        // The option's acknowledgement is answered at once.
        slow.acknowledge();
        Ok(slow)
    }

    /// Acknowledges one more block of each, if that is due.
    pub fn go_on(&mut self) {
        if self.since.elapsed() >= BETWEEN {
            self.since = Instant::now();
            self.block += 1;
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        let packet = acknowledgement(self.block);
        let mut buffer = [0; BLKSIZE + 4];
        for Transfer { socket, from } in &mut self.transfers {
            while let Ok((_, sender)) = socket.recv_from(&mut buffer) {
                from.get_or_insert(sender);
            }
            if let Some(from) = from {
                // Its end may be closed already.
                let _ = socket.send_to(&packet, *from);
            }
        }
    }
}

/// Fetches a file of so many bytes and acknowledges each block, not each window.
pub fn acknowledge_each_block(server: SocketAddrV4, file: &str, size: usize) -> Result<Cost> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_read_timeout(Some(OVER))?;
    let mut cost = Cost::default();
    let send = |packet: &[u8], to: SocketAddr, cost: &mut Cost| {
        cost.sent += packet.len() as u64;
        socket.send_to(packet, to).map(drop)
    };
    send(&windowed(file), server.into(), &mut cost)?;
    let (start, mut block, mut got) = (Instant::now(), 0_u16, 0);
    let mut buffer = [0; BLKSIZE + 4];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        ensure!(start.elapsed() < LONGEST, "it took over {LONGEST:?}");
        cost.received += length as u64;
        let packet = buffer.get(..length).context("an oversized packet")?;
        match packet {
            [0, OACK, ..] => send(&acknowledgement(0), from, &mut cost)?,
            [0, DATA, high, low, data @ ..]
                if u16::from_be_bytes([*high, *low]) == block.wrapping_add(1) =>
            {
                block = block.wrapping_add(1);
                got += data.len();
                send(&acknowledgement(block), from, &mut cost)?;
            }
            _ => {}
        }
    }
    ensure!(got == size, "{got} of {size} bytes came");
    Ok(cost)
}

fn windowed(file: &str) -> Vec<u8> {
    read_request(file, &[("blksize", &BLKSIZE.to_string()), ("windowsize", WINDOW)])
}

fn acknowledgement(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, 4, high, low]
}
