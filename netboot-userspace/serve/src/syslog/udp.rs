//! The receiver of datagrams, each of one message (RFC 5426).

use std::{
    io::{self, IoSliceMut},
    net::IpAddr,
    os::fd::AsRawFd,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use netboot_base::{overflows::Overflows, throttle::Throttle};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use tokio::{io::Interest, net::UdpSocket};
use tokio_util::sync::CancellationToken;

use super::Sink;

/// Room in the kernel for bursts; it gives what `net.core.rmem_max` allows.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
const MAX_DATAGRAM: usize = 65_536;

/// Puts what arrives on the socket into the sink until cancelled.
pub async fn serve_udp(socket: UdpSocket, sink: Sink, cancel: CancellationToken) {
    if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::warn!(%error, "cannot enlarge the syslog socket's buffer: bursts may lose lines");
    }
    if let Err(error) = setsockopt(&socket, sockopt::RxqOvfl, &1) {
        tracing::warn!(%error, "syslog lines that the kernel drops are not counted");
    }
    let receive = receive(&socket, &sink);
    tokio::select! {
        () = cancel.cancelled() => {}
        () = receive => {}
    }
}

async fn receive(socket: &UdpSocket, sink: &Sink) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let (mut failures, mut drops) = (Throttle::default(), Throttle::default());
    let mut overflows = Overflows::default();
    loop {
        let received = socket
            .async_io(Interest::READABLE, || receive_one(socket.as_raw_fd(), &mut buffer))
            .await;
        let datagram = match received {
            Ok(datagram) => datagram,
            Err(error) => {
                if failures.ready(Instant::now()) {
                    tracing::warn!(%error, "cannot receive syslog datagrams");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let by_kernel = overflows.since_last(datagram.kernel_dropped);
        sink.counters.kernel_dropped.fetch_add(u64::from(by_kernel), Relaxed);

        let Some(from) = datagram.from else { continue };
        let bytes = buffer.get(..datagram.length).unwrap_or_default();
        let offered = sink.offer(from, bytes);
        if (by_kernel > 0 || offered.is_err()) && drops.ready(Instant::now()) {
            tracing::warn!(
                last_from = %from,
                rate_limited = sink.counters.rate_limited.load(Relaxed),
                queue_full = sink.counters.queue_full.load(Relaxed),
                kernel_dropped = sink.counters.kernel_dropped.load(Relaxed),
                "syslog lines are dropped"
            );
        }
    }
}

struct Datagram {
    length: usize,
    from: Option<IpAddr>,
    /// In all since the socket was opened; told by SO_RXQ_OVFL once there are any.
    kernel_dropped: Option<u32>,
}

fn receive_one(socket: std::os::fd::RawFd, buffer: &mut [u8]) -> io::Result<Datagram> {
    let mut control = nix::cmsg_space!(u32);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket,
        &mut slices,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let kernel_dropped = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::RxqOvfl(drops) => Some(drops),
        _ => None,
    });
    let from = message.address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    });
    Ok(Datagram { length: message.bytes, from, kernel_dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_drops_is_counted() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket2::SockRef::from(&socket).set_recv_buffer_size(1).unwrap();
        setsockopt(&socket, sockopt::RxqOvfl, &1).unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (mut buffer, mut received) = ([0; 2048], 0);
        for _ in 0..100 {
            sender.send_to(&[b'x'; 1024], address).unwrap();
        }
        while receive_one(socket.as_raw_fd(), &mut buffer).is_ok() {
            received += 1;
        }
        assert!(received < 100);
        sender.send_to(b"<6>last", address).unwrap();
        let last = receive_one(socket.as_raw_fd(), &mut buffer).unwrap();
        assert_eq!((last.length, last.from), (7, Some(address.ip())));
        assert_eq!(last.kernel_dropped, Some(100 - received));
    }
}
