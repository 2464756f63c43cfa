//! Tests of datagrams by the batch.

use std::net::Ipv6Addr;

use socket2::{Domain, Socket, Type};

use super::*;

fn bound(address: SocketAddr) -> UdpSocket {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).unwrap();
    prepare(&socket, address.is_ipv4()).unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(false).unwrap();
    }
    socket.bind(&address.into()).unwrap();
    socket.into()
}

/// What is heard, one after the other: its bytes, and the address that it came to.
fn heard(receiver: &mut BatchReceiver, socket: &UdpSocket) -> Vec<(Vec<u8>, Option<IpAddr>)> {
    let mut all = Vec::new();
    while receiver.receive(socket).is_ok() {
        all.extend(receiver.received().map(|datagram| (datagram.bytes.to_vec(), datagram.to)));
    }
    all
}

/// Of IPv4 more is told than of IPv6.
#[test]
fn both_families_come_to_one_socket() {
    let socket = bound((Ipv6Addr::UNSPECIFIED, 0).into());
    let port = socket.local_addr().unwrap().port();
    let mut receiver = BatchReceiver::new(false);
    let [four, six] = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    let [from_four, from_six] = [four, six].map(|own| UdpSocket::bind((own, 0)).unwrap());
    for round in 0..3 * BATCH {
        let (from, to) = if round % 3 == 0 { (&from_four, four) } else { (&from_six, six) };
        from.send_to(b"x", (to, port)).unwrap();
        assert_eq!(heard(&mut receiver, &socket), [(b"x".to_vec(), Some(to))], "round {round}");
    }
}

/// From the first drop on the kernel tells of it with each datagram.
#[test]
fn what_was_dropped_is_told_beside_the_address() {
    let socket = bound((Ipv4Addr::LOCALHOST, 0).into());
    tell_drops(&socket).unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &0).unwrap();
    let address = socket.local_addr().unwrap();
    let mut receiver = BatchReceiver::new(false);
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.send_to(b"first", address).unwrap();
    let to = Some(address.ip());
    assert_eq!(heard(&mut receiver, &socket), [(b"first".to_vec(), to)]);
    assert_eq!(receiver.dropped(), None);
    for _ in 0..100 {
        client.send_to(&[0; 500], address).unwrap();
    }
    assert!(heard(&mut receiver, &socket).len() < 100);
    client.send_to(b"later", address).unwrap();
    assert_eq!(heard(&mut receiver, &socket), [(b"later".to_vec(), to)]);
    assert!(receiver.dropped().is_some_and(|dropped| dropped > 0));
}

/// As many are asked for as may come.
#[test]
fn many_are_heard_at_once() {
    let socket = bound((Ipv4Addr::LOCALHOST, 0).into());
    let address = socket.local_addr().unwrap();
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut receiver = BatchReceiver::new(true);
    for count in [1, 2, 3, 33, 1, 64, 0, 5] {
        for number in 0..count {
            client.send_to(&[number], address).unwrap();
        }
        let expect: Vec<_> = (0..count).map(|number| (vec![number], Some(address.ip()))).collect();
        assert_eq!(heard(&mut receiver, &socket), expect);
    }
}
