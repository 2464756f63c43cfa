//! HTTP requests that begin and do not end, and connections whose answers nobody reads.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    time::{Duration, Instant},
};

use anyhow::Result;
use socket2::{Domain, Socket, Type};

use crate::interrupt;

const CONNECT: Duration = Duration::from_secs(2);
/// All of them together: what does not come through then is left out.
const LONGEST: Duration = Duration::from_secs(20);
/// A machine's patience.
const PATIENCE: Duration = Duration::from_secs(5);

/// The begin of a request.
pub const HALF: &[u8] = b"GET /file HTTP/1.1\r\nHost: x\r\nX: ";

/// Opens so many connections from these sources, in turns, and sends a half head on each.
pub fn open(
    server: SocketAddrV4,
    sources: &[Ipv4Addr],
    count: usize,
    head: &[u8],
) -> Result<Vec<TcpStream>> {
    let start = Instant::now();
    let mut streams = Vec::new();
    for source in sources.iter().cycle().take(count) {
        interrupt::check()?;
        if start.elapsed() > LONGEST {
            break;
        }
        // It may be refused, and it may be closed already.
        let Ok(mut stream) = connect(*source, server, None) else { continue };
        let _ = stream.write_all(head);
        streams.push(stream);
    }
    Ok(streams)
}

/// Asks for a page and reads nothing, on so many connections.
pub fn open_unread(
    server: SocketAddrV4,
    source: Ipv4Addr,
    count: usize,
    path: &str,
) -> Result<Vec<TcpStream>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = connect(source, server, Some(4096))?;
        stream.write_all(request.as_bytes())?;
        streams.push(stream);
    }
    Ok(streams)
}

/// What a machine with this address gets, as it came, if that is within its patience.
pub fn get(server: SocketAddrV4, source: Ipv4Addr, path: &str) -> Result<Vec<u8>> {
    let mut stream = connect(source, server, None)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Whether it gets the page.
#[must_use]
pub fn is_served(server: SocketAddrV4, source: Ipv4Addr, path: &str) -> bool {
    get(server, source, path).is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200 "))
}

fn connect(source: Ipv4Addr, server: SocketAddrV4, buffer: Option<usize>) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(size) = buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&SocketAddrV4::new(source, 0).into())?;
    socket.connect_timeout(&server.into(), CONNECT)?;
    socket.set_write_timeout(Some(CONNECT))?;
    Ok(socket.into())
}
