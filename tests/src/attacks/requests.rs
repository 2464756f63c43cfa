//! TFTP requests that nobody acknowledges, or that nobody may make.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
};

use anyhow::Result;

/// Requests for a file. Their ports stay open for a while: a closed one would tell the server at once.
pub struct Requests {
    server: SocketAddrV4,
    packet: Vec<u8>,
    open: VecDeque<UdpSocket>,
    most_open: usize,
}

impl Requests {
    #[must_use]
    pub fn new(server: SocketAddrV4, file: &str, most_open: usize) -> Self {
        let packet = read_request(file, &[("blksize", "1468")]);
        Self { server, packet, open: VecDeque::new(), most_open }
    }

    /// One more, from a port of its own.
    pub fn send_from(&mut self, source: Ipv4Addr) -> Result<()> {
        let socket = UdpSocket::bind((source, 0))?;
        socket.send_to(&self.packet, self.server)?;
        self.open.push_back(socket);
        if self.open.len() > self.most_open {
            self.open.pop_front();
        }
        Ok(())
    }
}

/// An RRQ with options.
#[must_use]
pub fn read_request(file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, file, options)
}

/// A WRQ.
#[must_use]
pub fn write_request(file: &str) -> Vec<u8> {
    request(2, file, &[])
}

fn request(opcode: u8, file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let words = [file, "octet"].into_iter();
    let words = words.chain(options.iter().flat_map(|(name, value)| [*name, *value]));
    let mut packet = vec![0, opcode];
    for word in words {
        packet.extend_from_slice(word.as_bytes());
        packet.push(0);
    }
    packet
}
