//! The sockets of the services, and what to do where one is not to be had.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
};

use crate::tftp;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;

/// What else of ours may hold the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Stay,
    /// One that was cancelled may not have ended.
    Leave,
}

/// How many sockets TFTP has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TftpSockets {
    /// Each with a thread, and a socket for requests.
    pub(crate) servers: usize,
    /// Of each server.
    pub(crate) transfers: usize,
}

/// Sockets for TFTP, at all addresses: where another program has the port at one of them, at these addresses only, which
/// need not be there yet. Returns whether it is so.
pub(crate) fn tftp_beside(
    address: SocketAddr,
    servers: &BTreeSet<Ipv4Addr>,
    count: TftpSockets,
    others: Others,
) -> anyhow::Result<(Vec<tftp::Sockets>, bool)> {
    let taken = match tftp(address, count, others) {
        Err(error)
            if others == Others::Stay
                && is_taken(&error)
                && address.ip().is_unspecified()
                && !servers.is_empty() =>
        {
            error
        }
        bound => return Ok((bound?, false)),
    };
    let share = count.transfers * count.servers / servers.len();
    let transfers = share.clamp(count.transfers.min(1), count.transfers);
    let each = TftpSockets { servers: 1, transfers };
    let at = |server: &Ipv4Addr| {
        tftp_at(SocketAddr::from((*server, address.port())), each, others, There::Later)
    };
    let bound = servers.iter().map(at).collect::<anyhow::Result<Vec<_>>>();
    Ok((bound.map_err(|_| taken)?.into_iter().flatten().collect(), true))
}

/// Sockets for TFTP: for transfers, and for requests, beside one that leaves, and was [released](release).
pub(crate) fn tftp(
    address: SocketAddr,
    count: TftpSockets,
    others: Others,
) -> anyhow::Result<Vec<tftp::Sockets>> {
    tftp_at(address, count, others, There::Now)
}

fn tftp_at(
    address: SocketAddr,
    count: TftpSockets,
    others: Others,
    there: There,
) -> anyhow::Result<Vec<tftp::Sockets>> {
    let bind = || {
        let first = tftp_requests(address, others, there)?;
        // From now on sockets of ours are let in, and those of the same user's that ask for it.
        SockRef::from(&first).set_reuse_port(count.servers > 1)?;
        let address = first.local_addr()?;
        let others =
            (1..count.servers).map(|_| bind_prepared(address, Share::Group(others), there));
        let requests = [Ok(first)].into_iter().chain(others);
        let transfers = SocketAddr::new(address.ip(), 0);
        let of_one = |requests: io::Result<UdpSocket>| {
            let transfers =
                (0..count.transfers).map(|_| bind_prepared(transfers, Share::None, there));
            Ok(tftp::Sockets {
                requests: requests?,
                transfers: transfers.collect::<Result<_, _>>()?,
            })
        };
        requests.map(of_one).collect::<io::Result<Vec<_>>>()
    };
    bind().map_err(|error| advice("tftp", "UDP", address, error))
}

fn tftp_requests(address: SocketAddr, others: Others, there: There) -> io::Result<UdpSocket> {
    match bind_prepared(address, Share::None, there) {
        Err(error) if others == Others::Leave && error.kind() == io::ErrorKind::AddrInUse => {
            bind_prepared(address, Share::Left, there)
        }
        bound => bound,
    }
}

/// A socket for datagrams, for tokio.
pub(crate) fn udp(service: &str, address: SocketAddr) -> anyhow::Result<tokio::net::UdpSocket> {
    let bind = || {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    };
    bind().map_err(|error| advice(service, "UDP", address, error))
}

/// A socket for connections, for tokio.
pub(crate) fn tcp(service: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    listen().map_err(|error| advice(service, "TCP", address, error))
}

/// Lets another socket of ours take the port: this one hears nobody any more, and what it has heard stays.
pub(crate) fn release(socket: &UdpSocket) -> io::Result<()> {
    SockRef::from(socket).set_reuse_address(true)?;
    // The other one's group is not this one's.
    SockRef::from(socket).set_reuse_port(false)?;
    // The discard port of this node: no packet has that source.
    let nobody = match socket.local_addr()? {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 9)),
    };
    // Where its address is gone from this node, it may come back.
    socket.connect(nobody).or_else(|_| SockRef::from(socket).bind_device(Some(b"lo")))
}

/// Whether it is an address of this node.
pub(crate) fn is_own(address: Ipv4Addr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Whether somebody has the port.
pub fn is_taken(error: &anyhow::Error) -> bool {
    let error = error.root_cause().downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Who else may have the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    None,
    /// One that was [released](release).
    Left,
    /// The sockets of the same service, and such ones.
    Group(Others),
}

/// When the node must have the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Now,
    Later,
}

fn bind_prepared(address: SocketAddr, share: Share, there: There) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    tftp::prepare(&socket, address.is_ipv4())?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // All addresses, those of IPv4 too, whatever the system's setting.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(matches!(share, Share::Left | Share::Group(Others::Leave)))?;
    socket.set_reuse_port(matches!(share, Share::Group(_)))?;
    if there == There::Later {
        socket.set_freebind_v4(true)?;
    }
    socket.bind(&address.into())?;
    // From now on the port is taken for all others.
    socket.set_reuse_address(false)?;
    Ok(socket.into())
}

fn advice(service: &str, protocol: &str, address: SocketAddr, error: io::Error) -> anyhow::Error {
    let (ip, port) = (address.ip(), address.port());
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let flag = if protocol == "UDP" { "u" } else { "t" };
            format!(
                "`ss -ln{flag}p 'sport = :{port}'` shows who does; stop it, or set [{service}] listen"
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{ip} is no address of this node; add it, or correct [{service}] listen")
        }
        io::ErrorKind::PermissionDenied => "run as root, or with CAP_NET_BIND_SERVICE".to_owned(),
        _ => format!("look at [{service}] listen"),
    };
    let what = format!("cannot listen on {protocol} {address} for {service}: {advice}");
    anyhow::Error::new(error).context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bound: anyhow::Result<impl Sized>, expect: &str) {
        let error = bound.err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains(expect), "{error:?} has no {expect:?}");
    }

    #[tokio::test]
    async fn why_there_is_no_socket() {
        let udp_taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp_taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (udp_port, tcp_port) =
            (udp_taken.local_addr().unwrap(), tcp_taken.local_addr().unwrap());
        // TEST-NET-1 (RFC 5737).
        let elsewhere = "192.0.2.1:0".parse().unwrap();
        let count = TftpSockets { servers: 2, transfers: 3 };
        let tftp = |address, others| tftp(address, count, others);
        check(tftp(udp_port, Others::Stay), &format!("`ss -lnup 'sport = :{}'`", udp_port.port()));
        check(tftp(udp_port, Others::Leave), "or set [tftp] listen: Address already in use");
        check(udp("syslog", udp_port), "or set [syslog] listen");
        check(tcp("http", tcp_port), &format!("`ss -lntp 'sport = :{}'`", tcp_port.port()));
        check(tftp(elsewhere, Others::Stay), "192.0.2.1 is no address of this node");
        check(tcp("http", elsewhere), "192.0.2.1 is no address of this node");
        assert!(is_taken(&tcp("http", tcp_port).unwrap_err()));
        assert!(!is_taken(&tcp("http", elsewhere).unwrap_err()));
    }

    /// What was heard before is answered by the old one, what comes then is heard by the new one, whoever of each
    /// group has it; nobody else gets the port.
    #[test]
    fn a_port_is_handed_over() {
        const COUNT: TftpSockets = TftpSockets { servers: 3, transfers: 0 };
        let bind = |ip: &str, port, others| {
            let address = SocketAddr::new(ip.parse().unwrap(), port);
            let servers = tftp(address, COUNT, others)?;
            anyhow::Ok(servers.into_iter().map(|server| server.requests).collect::<Vec<_>>())
        };
        for (first, then) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("127.0.0.1", "0.0.0.0"),
            ("0.0.0.0", "0.0.0.0"),
            ("[::]", "0.0.0.0"),
            ("[::]", "[::]"),
        ] {
            let [first, then] = [first, then].map(|ip| ip.trim_matches(['[', ']']));
            let old = bind(first, 0, Others::Stay).unwrap();
            let port = old[0].local_addr().unwrap().port();
            let clients: Vec<_> =
                (0..16).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
            let send = |text: &str| {
                for client in &clients {
                    client.send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
                }
            };
            // How many each socket has heard; it is told at once, over loopback.
            let heard = |sockets: &[UdpSocket], text: &str| -> Vec<usize> {
                let count = |socket: &UdpSocket| {
                    socket.set_nonblocking(true).unwrap();
                    let mut buffer = [0; 9];
                    let next = || {
                        let length = socket.recv(&mut buffer).ok()?;
                        Some(buffer[..length].to_vec())
                    };
                    let all: Vec<_> = std::iter::from_fn(next).collect();
                    assert!(all.iter().all(|got| got == text.as_bytes()), "{all:?} {text}");
                    all.len()
                };
                sockets.iter().map(count).collect()
            };
            send("before");
            for others in [Others::Stay, Others::Leave] {
                check(bind(then, port, others), "in use");
            }
            old.iter().for_each(|socket| release(socket).unwrap());
            let new = bind(then, port, Others::Leave).unwrap();
            send("after");
            let [before, after] = [heard(&old, "before"), heard(&new, "after")];
            for shares in [before, after] {
                assert_eq!(shares.iter().sum::<usize>(), clients.len(), "{first} {then}");
                assert!(shares.iter().filter(|count| **count > 0).count() > 1, "{shares:?}");
            }
            for others in [Others::Stay, Others::Leave] {
                check(bind(then, port, others), "in use");
            }
        }
    }
}
