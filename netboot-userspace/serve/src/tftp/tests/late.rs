//! Packets that come twice, late, or to the port of another transfer.

use std::{net::UdpSocket, time::Duration};

use tokio::task::spawn_blocking;

use super::{Lab, clients::Client};
use crate::tftp::counters::Counted;

/// A request from a port that a transfer has: the first answer again, or a new transfer in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_comes_again() {
    let lab = Lab::new();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.ask(b"512\0octet\0");
        let first = client.hears();
        assert_eq!(first[..4], [0, 3, 0, 1]);
        client.ask(b"512\0octet\0");
        assert_eq!(client.hears(), first);
        client.ask(b"1469\0octet\0");
        let other = client.hears();
        assert_eq!(other[..4], [0, 3, 0, 1]);
        client.says(b"\0\x04\0\x01");
        assert_eq!(client.hears()[..4], [0, 3, 0, 2]);
        // A copy that is late disturbs nothing, but who asks again after a while began anew.
        client.ask(b"1469\0octet\0");
        client.hears_until(Duration::from_millis(1100), &[0, 3, 0, 2]);
        client.ask(b"1469\0octet\0");
        client.hears_from_another_port(&other);
        // From another port it is none of this transfer's.
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(b"\0\x04\0\x01", client.server).unwrap();
        let mut packet = [0; 99];
        let length = stranger.recv(&mut packet).unwrap();
        assert_eq!(&packet[..length], b"\0\x05\0\x05Unknown transfer ID\0");
        stranger.send_to(b"\0\x05\0\0", client.server).unwrap();
        client.says(b"\0\x04\0\x01");
        assert_eq!(client.hears()[..4], [0, 3, 0, 2]);
    });
    talk.await.unwrap();
    lab.expect_counters(&[(Counted::AskedAnew, 2), (Counted::Foreign, 3)]).await;
    lab.cancel.cancel();
    lab.serving.abort();
}

/// What comes late to the port of a transfer that ended disturbs the next one of the same client, and blocks of the one
/// are not sent as the other's.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_is_not_the_next_ones() {
    let lab = Lab::new();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.ask(b"5000000\0octet\0tsize\x000\0");
        assert_eq!(client.hears(), b"\0\x06tsize\x005000000\0");
        let first = client.server;
        client.says(b"\0\x05\0\x08");
        for late in [&b"\0\x05\0\x08"[..], b"\0\x04\0\0"] {
            client.ask(b"5000000\0octet\0blksize\x001400\0windowsize\x004\0");
            assert_eq!(client.hears(), b"\0\x06blksize\x001400\0windowsize\x004\0");
            let own = client.server;
            assert_ne!(own, first);
            client.server = first;
            client.says(late);
            client.server = own;
            client.says(b"\0\x04\0\0");
            for block in 1..=4 {
                assert_eq!(client.hears()[..4], [0, 3, 0, block]);
            }
            client.says(b"\0\x05\0\0");
        }
        // The acknowledgement of one transfer and the request for the next one, in one turn.
        for _ in 0..50 {
            let mut client = Client::new(server);
            client.ask(b"5000000\0octet\0blksize\x001400\0windowsize\x008\0");
            client.hears();
            client.says(b"\0\x04\0\0");
            client.ask(b"1469\0octet\0blksize\x00700\0tsize\x000\0");
            let heard = client.hears_all(Duration::from_millis(20));
            let of_next = heard.iter().filter(|packet| packet.len() == 704).count();
            assert_eq!(of_next, 0, "blocks before they are asked for");
        }
    });
    talk.await.unwrap();
    assert_eq!(lab.counter(Counted::Guessed), 0);
    lab.cancel.cancel();
    lab.serving.abort();
}
