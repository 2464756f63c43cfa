use std::os::fd::AsRawFd as _;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use super::*;

/// UDP over IPv4 behind tags, to a port.
fn frame(tags: &[[u8; 4]], port: u16) -> Vec<u8> {
    let ip = [0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let udp = [0, 67, port.to_be_bytes()[0], port.to_be_bytes()[1], 0, 40, 0, 0];
    [&[2; 12][..], tags.as_flattened(), &[8, 0], &ip, &udp, &[0; 32]].concat()
}

/// A filter does the same on every kind of socket; this kind needs no root.
fn passes(frame: &[u8]) -> bool {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let (from, to) = socketpair(AddressFamily::Unix, SockType::Datagram, None, flags).unwrap();
    SockRef::from(&to).attach_filter(&to_dhcp_ports()).unwrap();
    // Refused, or dropped: that differs by kernel.
    let _ = send(from.as_raw_fd(), frame, MsgFlags::empty());
    let mut received = [0; 2048];
    recv(to.as_raw_fd(), &mut received, MsgFlags::empty()).is_ok_and(|len| len == frame.len())
}

#[test]
fn which_frames_reach_the_daemon() {
    let check = |frame: &[u8], expect| assert_eq!(passes(frame), expect, "{frame:?}");
    for tags in [&[][..], &[[0x81, 0, 0, 100]], &[[0x88, 0xa8, 0, 7]], &[[0x91, 0, 0, 7]]] {
        for port in [67, 68, 4011] {
            check(&frame(tags, port), true);
        }
        for port in [0, 53, 66, 69, 4010, 4012, 0x4344] {
            check(&frame(tags, port), false);
        }
    }
    // More tags than are read: to be counted.
    check(&frame(&[[0x81, 0, 0, 1], [0x81, 0, 0, 2]], 69), true);
    let changed = |at: usize, byte: u8, expect| {
        for port in [67, 68, 4011] {
            let mut frame = frame(&[], port);
            frame[at] = byte;
            check(&frame, expect);
        }
    };
    // IPv6, TCP, a later fragment, a first one.
    changed(12, 0x86, false);
    changed(23, 6, false);
    changed(21, 1, false);
    changed(20, 0x20, true);
    // IP options: four bytes more before the ports.
    changed(14, 0x46, false);
    let mut with_options = frame(&[], 68);
    with_options[14] = 0x46;
    with_options.splice(34..34, [1; 4]);
    check(&with_options, true);
    check(&frame(&[], 68)[..37], false);
}
