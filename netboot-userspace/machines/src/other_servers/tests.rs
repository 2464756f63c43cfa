//! Tests of other servers.

mod memory;
mod sighting;

use netboot_ebpf::{
    checksum,
    frame::{self, Destination, HEADERS},
    message::CAP,
    shared::Mac,
    wire::{
        BOOTREPLY, CHADDR, CLIENT_PORT, COOKIE, ETHERNET, GIADDR, HLEN, HTYPE, MAGIC_COOKIE, OP,
        OPTIONS, SERVER_PORT, YIADDR,
    },
};

const SERVER: [u8; 4] = [192, 168, 2, 66];
const SERVER_MAC: Mac = Mac { octets: [2, 0, 0, 0, 0, 0x66] };
const MACHINE: Mac = Mac { octets: [2, 0, 0, 0, 0, 1] };
const OFFERED: [u8; 4] = [192, 168, 2, 77];
const RELAY: [u8; 4] = [192, 168, 3, 1];

/// A server's answer.
#[derive(Clone, Debug)]
struct Reply {
    source: [u8; 4],
    port: u16,
    op: u8,
    yiaddr: [u8; 4],
    giaddr: [u8; 4],
    options: Vec<u8>,
    tags: Vec<u8>,
}

impl Reply {
    /// With an option 54, if it is not of length 0.
    fn new(message_type: u8, server: &[u8]) -> Self {
        let mut options = vec![53, 1, message_type];
        if !server.is_empty() {
            options.extend([54, server.len() as u8]);
            options.extend(server);
        }
        Self {
            source: SERVER,
            port: CLIENT_PORT,
            op: BOOTREPLY,
            yiaddr: OFFERED,
            giaddr: [0; 4],
            options,
            tags: Vec::new(),
        }
    }

    fn offer() -> Self {
        Self::new(2, &SERVER)
    }

    /// More options.
    fn with(mut self, options: &[u8]) -> Self {
        self.options.extend(options);
        self
    }

    fn frame(&self) -> Vec<u8> {
        let mut message = vec![0; CAP.max(OPTIONS + self.options.len() + 64)];
        message[OP] = self.op;
        message[HTYPE] = ETHERNET;
        message[HLEN] = 6;
        message[YIADDR..YIADDR + 4].copy_from_slice(&self.yiaddr);
        message[GIADDR..GIADDR + 4].copy_from_slice(&self.giaddr);
        message[CHADDR..CHADDR + 6].copy_from_slice(&MACHINE.octets);
        message[COOKIE..OPTIONS].copy_from_slice(&MAGIC_COOKIE);
        let end = OPTIONS + self.options.len();
        message[OPTIONS..end].copy_from_slice(&self.options);
        message[end] = 255;
        let len = usize::max(end + 1, 300);
        // Nobody reads the checksum of what is longer.
        let begin = message.first_chunk().unwrap();
        let to = Destination { port: self.port, from: SERVER_PORT, ..Destination::BROADCAST };
        let mut headers = [0; HEADERS];
        let sum = checksum::message(begin, len.min(CAP));
        frame::write(&mut headers, SERVER_MAC, self.source, &to, len, sum);
        let (addresses, inner) = headers.split_at(12);
        [addresses, &self.tags, inner, &message[..len]].concat()
    }
}
