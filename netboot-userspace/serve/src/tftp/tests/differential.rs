//! The same handler under async-tftp's own server and under ours: clients get the same.

use std::net::{SocketAddr, UdpSocket};

use super::{
    Lab, SIZES,
    clients::{Answer, request},
};
use crate::tftp::serve_by_library;

/// The library's server of the lab's files; it ends with the test's process.
fn theirs(lab: &Lab) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let root = lab.path().to_owned();
    std::thread::spawn(move || {
        futures_lite::future::block_on(serve_by_library(socket, &root)).unwrap();
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_say_the_same() {
    const OPTIONS: [&[&str]; 9] = [
        &[],
        &["tsize", "0"],
        &["blksize", "8"],
        &["blksize", "1468", "tsize", "0", "windowsize", "4"],
        &["BLKSIZE", "65464", "WindowSize", "65535", "TSIZE", "0"],
        &["timeout", "255", "blksize", "1024"],
        &["timeout", "0", "windowsize", "0", "blksize", "7"],
        &["blksize", "x", "unknown", "1", "tsize", "0"],
        &["windowsize", "1", "timeout", "1"],
    ];
    const NAMES: [&[u8]; 8] =
        [b"none", b"", b"directory", b"../0", b"out", b"/./0", b"52:54:00:ee:0d:0b/513", br"\512"];
    let lab = Lab::new();
    let (ours, theirs) = (lab.server, theirs(&lab));
    let compare = tokio::task::spawn_blocking(move || {
        let mut compared = 0;
        for options in OPTIONS {
            let sizes = SIZES
                .iter()
                .filter(|size| **size < 100_000 && (**size < 2000 || options.len() > 2));
            let sizes = sizes.map(|size| size.to_string().into_bytes());
            for name in sizes.chain(NAMES.map(<[u8]>::to_vec)) {
                let [one, other] =
                    [ours, theirs].map(|server| request(server, 1, &name, options, usize::MAX - 1));
                assert_eq!(one, other, "{} {options:?}", name.escape_ascii());
                compared += usize::from(matches!(one, Answer::File { .. }));
            }
        }
        let [one, other] = [ours, theirs].map(|server| request(server, 2, b"new", &[], 1));
        assert_eq!(one, other);
        compared
    });
    assert!(compare.await.unwrap() > 60);
    lab.end().await;
}
