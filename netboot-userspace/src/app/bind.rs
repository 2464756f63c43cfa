//! The sockets of the services, and what to do where one is not to be had.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;

use crate::tftp;

/// What else of ours may hold the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Stay,
    /// One that was cancelled may not have ended.
    Leave,
}

/// Sockets for TFTP: for transfers, and for requests, beside one that leaves, and was [released](release).
pub(super) fn tftp(
    address: SocketAddr,
    transfer_sockets: usize,
    others: Others,
) -> anyhow::Result<tftp::Sockets> {
    let requests = tftp_requests(address, others)?;
    let transfers = || bind_prepared(SocketAddr::new(address.ip(), 0), false);
    let transfers = (0..transfer_sockets).map(|_| transfers()).collect::<io::Result<_>>();
    let transfers = transfers.map_err(|error| advice("tftp", "UDP", address, error))?;
    Ok(tftp::Sockets { requests, transfers })
}

fn tftp_requests(address: SocketAddr, others: Others) -> anyhow::Result<UdpSocket> {
    let bound = match bind_prepared(address, false) {
        Err(error) if others == Others::Leave && error.kind() == io::ErrorKind::AddrInUse => {
            bind_prepared(address, true)
        }
        bound => bound,
    };
    bound.map_err(|error| advice("tftp", "UDP", address, error))
}

/// A socket for datagrams, for tokio.
pub(super) fn udp(service: &str, address: SocketAddr) -> anyhow::Result<tokio::net::UdpSocket> {
    let bind = || {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    };
    bind().map_err(|error| advice(service, "UDP", address, error))
}

/// A socket for connections, for tokio.
pub(super) fn tcp(service: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    listen().map_err(|error| advice(service, "TCP", address, error))
}

/// Lets another socket of ours take the port: this one hears nobody any more, and what it has heard stays.
pub(super) fn release(socket: &UdpSocket) -> io::Result<()> {
    SockRef::from(socket).set_reuse_address(true)?;
    // The discard port of this node: no packet has that source.
    let nobody = match socket.local_addr()? {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 9)),
    };
    // Where its address is gone from this node, it may come back.
    socket.connect(nobody).or_else(|_| SockRef::from(socket).bind_device(Some(b"lo")))
}

/// Whether somebody has the port.
pub(super) fn is_taken(error: &anyhow::Error) -> bool {
    let error = error.root_cause().downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn bind_prepared(address: SocketAddr, is_shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    tftp::prepare(&socket, address.is_ipv4())?;
    socket.set_reuse_address(is_shared)?;
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
        // Answers would leave from another address, which firmware does not take.
        io::ErrorKind::AddrNotAvailable if service == "tftp" => format!(
            "{ip}, where machines are sent to for files, is no address of this node; add it, or set tftp.listen"
        ),
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
    use std::time::Duration;

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
        check(
            tftp_requests(udp_port, Others::Stay),
            &format!("`ss -lnup 'sport = :{}'`", udp_port.port()),
        );
        check(
            tftp_requests(udp_port, Others::Leave),
            "or set [tftp] listen: Address already in use",
        );
        check(udp("syslog", udp_port), "or set [syslog] listen");
        check(tcp("http", tcp_port), &format!("`ss -lntp 'sport = :{}'`", tcp_port.port()));
        check(
            tftp_requests(elsewhere, Others::Stay),
            "192.0.2.1, where machines are sent to for files",
        );
        check(tcp("http", elsewhere), "192.0.2.1 is no address of this node");
        assert!(is_taken(&tcp("http", tcp_port).unwrap_err()));
        assert!(!is_taken(&tcp("http", elsewhere).unwrap_err()));
    }

    /// What was heard before is answered by the old one, what comes then is heard by the new one.
    #[test]
    fn a_port_is_handed_over() {
        let bind = |ip: &str, port| {
            tftp_requests(SocketAddr::new(ip.parse().unwrap(), port), Others::Leave).unwrap()
        };
        for (first, then) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("127.0.0.1", "0.0.0.0"),
            ("0.0.0.0", "0.0.0.0"),
        ] {
            let old = bind(first, 0);
            let port = old.local_addr().unwrap().port();
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            let send = |text: &str| client.send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
            let heard = |socket: &UdpSocket| {
                socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                let mut buffer = [0; 9];
                socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).ok()
            };
            send("before");
            check(
                tftp_requests(SocketAddr::new(then.parse().unwrap(), port), Others::Leave),
                "in use",
            );
            release(&old).unwrap();
            let new = bind(then, port);
            send("after");
            assert_eq!(heard(&new).as_deref(), Some(&b"after"[..]), "{first} {then}");
            assert_eq!(heard(&old).as_deref(), Some(&b"before"[..]), "{first} {then}");
            assert_eq!(heard(&old), None, "{first} {then}");
            check(tftp_requests(new.local_addr().unwrap(), Others::Leave), "in use");
        }
    }
}
