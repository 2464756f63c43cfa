//! The transport of files: as the machine, or as this node.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

/// Where a server is reached from.
pub(super) trait Transport {
    /// Sends a request over TCP, and takes what comes until the server ends, at most `limit` bytes.
    fn exchange(
        &mut self,
        to: SocketAddrV4,
        request: &[u8],
        limit: usize,
        until: Instant,
    ) -> io::Result<Vec<u8>>;

    /// Begins a conversation over UDP from a port of its own.
    fn open(&mut self) -> io::Result<()>;

    fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> io::Result<()>;

    /// The next datagram of the conversation; `None`: there is none until then.
    fn receive(&mut self, until: Instant) -> io::Result<Option<(SocketAddrV4, Vec<u8>)>>;
}

/// This node, by its own addresses.
#[derive(Default)]
pub(super) struct ThisNode {
    socket: Option<UdpSocket>,
}

impl ThisNode {
    fn socket(&self) -> io::Result<&UdpSocket> {
        self.socket.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Transport for ThisNode {
    fn exchange(
        &mut self,
        to: SocketAddrV4,
        request: &[u8],
        limit: usize,
        until: Instant,
    ) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(to), left(until)?)?;
        stream.set_write_timeout(Some(left(until)?))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        while answer.len() < limit {
            stream.set_read_timeout(Some(left(until)?))?;
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => answer.extend(chunk.iter().take(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answer)
    }

    fn open(&mut self) -> io::Result<()> {
        self.socket = Some(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?);
        Ok(())
    }

    fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        self.socket()?.send_to(datagram, to)?;
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> io::Result<Option<(SocketAddrV4, Vec<u8>)>> {
        let Ok(left) = left(until) else { return Ok(None) };
        let socket = self.socket()?;
        socket.set_read_timeout(Some(left))?;
        let mut datagram = vec![0; 65_535];
        match socket.recv_from(&mut datagram) {
            Ok((length, SocketAddr::V4(from))) => {
                datagram.truncate(length);
                Ok(Some((from, datagram)))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
