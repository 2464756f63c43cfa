//! Clients on loopback: one that does as it is told, and one that fetches a file.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// What the server sent to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    File { options: String, content: Vec<u8> },
    Error { code: u16, text: String },
}

/// A client that does as it is told.
pub(super) struct Client {
    socket: UdpSocket,
    /// Where requests go, and then where the last answer came from.
    pub(super) server: SocketAddr,
    requests: SocketAddr,
    pub(super) is_single_port: bool,
}

impl Client {
    pub(super) fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self { socket, server, requests: server, is_single_port: false }
    }

    /// A request to read, of these bytes behind its first two.
    pub(super) fn ask(&self, request: &[u8]) {
        self.socket.send_to(&[b"\0\x01", request].concat(), self.requests).unwrap();
    }

    pub(super) fn says(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.server).unwrap();
    }

    #[track_caller]
    pub(super) fn hears(&mut self) -> Vec<u8> {
        self.socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut packet = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut packet).unwrap();
        assert_eq!(from == self.requests, self.is_single_port, "a transfer has its own port");
        self.server = from;
        packet[..length].to_vec()
    }

    /// Only packets that begin so, again and again.
    #[track_caller]
    pub(super) fn hears_until(&self, time: Duration, begin: &[u8]) {
        let end = Instant::now() + time;
        let mut packet = [0; 2048];
        while let Some(left) =
            end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut packet) {
                assert!(packet[..length].starts_with(begin), "{}", packet[..length].escape_ascii());
            }
        }
    }

    /// All that comes until nothing comes for so long.
    pub(super) fn hears_all(&self, pause: Duration) -> Vec<Vec<u8>> {
        self.socket.set_read_timeout(Some(pause)).unwrap();
        let mut packet = [0; 2048];
        let next = || {
            let length = self.socket.recv(&mut packet).ok()?;
            Some(packet[..length].to_vec())
        };
        std::iter::from_fn(next).collect()
    }

    /// This packet, of another transfer; what the one before sends again is passed over.
    #[track_caller]
    pub(super) fn hears_from_another_port(&mut self, expect: &[u8]) {
        let before = self.server;
        loop {
            let packet = self.hears();
            if self.server != before {
                assert_eq!(packet, expect);
                return;
            }
        }
    }

    #[track_caller]
    pub(super) fn hears_nothing(&self, time: Duration) {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut packet = [0; 2048];
        if let Ok(length) = self.socket.recv(&mut packet) {
            panic!("{}", packet[..length].escape_ascii());
        }
    }
}

/// A client that asks with these options, and acknowledges at most `blocks` blocks.
pub(super) fn request(
    server: SocketAddr,
    opcode: u8,
    name: &[u8],
    options: &[&str],
    blocks: usize,
) -> Answer {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut packet = vec![0, opcode];
    for field in [name, b"octet"].into_iter().chain(options.iter().map(|text| text.as_bytes())) {
        packet.extend_from_slice(field);
        packet.push(0);
    }
    socket.send_to(&packet, server).unwrap();

    let (mut confirmed, mut block_size, mut expect) = (String::new(), 512, 1_u16);
    let mut content = Vec::new();
    let mut packet = [0; 2048];
    for _ in 0..=blocks {
        let (length, from) = socket.recv_from(&mut packet).unwrap();
        assert_ne!(from, server, "a transfer has its own port");
        let (head, data) = packet[..length].split_at(4);
        let number = u16::from_be_bytes([head[2], head[3]]);
        let acknowledge = |block: u16| {
            let [high, low] = block.to_be_bytes();
            socket.send_to(&[0, 4, high, low], from).unwrap();
        };
        match head[1] {
            5 => {
                let text = String::from_utf8_lossy(data).trim_end_matches('\0').into();
                return Answer::Error { code: number, text };
            }
            6 => {
                confirmed = String::from_utf8_lossy(&packet[2..length]).replace('\0', " ");
                let mut words = confirmed.split(' ');
                if words.any(|word| word == "blksize") {
                    block_size = words.next().unwrap().parse().unwrap();
                }
                acknowledge(0);
            }
            3 if number == expect => {
                content.extend_from_slice(data);
                acknowledge(expect);
                expect = expect.wrapping_add(1);
                if data.len() < block_size {
                    break;
                }
            }
            3 => {}
            opcode => panic!("a packet {opcode}"),
        }
    }
    Answer::File { options: confirmed, content }
}
