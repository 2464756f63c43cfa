//! The limits of a source, and what it cannot make others have.

use std::{fs, time::Duration};

use tokio::task::spawn_blocking;

use super::{
    Lab, USUAL,
    clients::{Answer, Client, request},
    content,
};
use crate::tftp::{content::MAX_OPEN, counters::Counted};

/// As one host does it: its transfers are its own, and cost others nothing.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_never_answered_give_way() {
    let lab = Lab::new();
    let server = lab.server;
    let flood = spawn_blocking(move || {
        let mut sockets: Vec<_> = (0..300).map(|_| Client::new(server)).collect();
        for round in 0..4 {
            for some in sockets.chunks_mut(50) {
                for client in some.iter() {
                    client.ask(format!("{}\0octet\0", [0, 511, 512, 513][round]).as_bytes());
                }
                // No faster than they are heard.
                some[49].hears();
            }
        }
        request(server, 1, b"1469", &["tsize", "0"], usize::MAX - 1)
    });
    let Answer::File { content: got, .. } = flood.await.unwrap() else { panic!("refused") };
    assert!(got == content(1469));
    assert_eq!(lab.counter(Counted::TooMany), 0);
    assert!(lab.troubles.lock().is_empty());
    lab.cancel.cancel();
    lab.serving.abort();
}

/// Of sixteen transfers an address has two: what it never answered gives way, and then it gets no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_has_its_part() {
    let lab = Lab::with(4, USUAL, 16);
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let [mut one, mut two, mut three, four] = [(); 4].map(|()| Client::new(server));
        for client in [&mut one, &mut two, &mut three] {
            client.ask(b"513\0octet\0");
            assert_eq!(client.hears()[..4], [0, 3, 0, 1]);
        }
        one.says(b"\0\x04\0\x01");
        // The client asks again: an error would send it to its disk.
        one.hears_nothing(Duration::from_millis(100));
        for client in [&mut two, &mut three] {
            client.says(b"\0\x04\0\x01");
            assert_eq!(client.hears()[..4], [0, 3, 0, 2]);
        }
        four.ask(b"513\0octet\0");
        four.hears_nothing(Duration::from_millis(100));
        two.says(b"\0\x04\0\x02");
        three.says(b"\0\x05\0\0");
        let again = request(server, 1, b"513", &[], 9);
        assert!(matches!(again, Answer::File { .. }), "{again:?}");
    });
    talk.await.unwrap();
    lab.expect_counters(&[(Counted::GaveWay, 1), (Counted::TooMany, 1), (Counted::Complete, 2)])
        .await;
    let troubles = lab.troubles.lock().clone();
    let [Some(why)] = &troubles[..] else { panic!("{troubles:?}") };
    assert!(why.contains("tftp-too-many counts"), "{why}");
    lab.end().await;
}

/// Each has a descriptor. Whoever comes when there are no more asks again: an error would send it to its disk.
#[tokio::test(flavor = "multi_thread")]
async fn large_files_at_once() {
    let lab = Lab::new();
    for number in 0..=MAX_OPEN {
        let file = fs::File::create(lab.directory.path().join(format!("large-{number}"))).unwrap();
        file.set_len(9 << 20).unwrap();
    }
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let ask = |client: &Client, number| {
            client.ask(format!("large-{number}\0octet\0tsize\x000\0").as_bytes());
        };
        let others = (0..MAX_OPEN).map(|number| {
            let mut client = Client::new(server);
            ask(&client, number);
            assert_eq!(client.hears(), b"\0\x06tsize\x009437184\0");
            client
        });
        let others = others.collect::<Vec<_>>();
        let late = Client::new(server);
        ask(&late, MAX_OPEN);
        late.hears_nothing(Duration::from_millis(100));
        for client in &others {
            client.says(b"\0\x05\0\x08enough\0");
        }
        // The transfers' ports are other ones: the request may be heard before.
        let is_answered = (0..100).any(|_| {
            ask(&late, MAX_OPEN);
            !late.hears_all(Duration::from_millis(50)).is_empty()
        });
        assert!(is_answered);
        late.says(b"\0\x05\0\x08enough\0");
    });
    talk.await.unwrap();
    let troubles = lab.troubles.lock().clone();
    let [Some(why)] = &troubles[..] else { panic!("{troubles:?}") };
    assert!(why.contains("many large files"), "{why}");
    lab.cancel.cancel();
    lab.serving.abort();
}

/// Who forges a client's address does not know which port it was answered from.
#[tokio::test(flavor = "multi_thread")]
async fn ports_are_not_guessed() {
    let lab = Lab::new();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let mut victim = Client::new(server);
        victim.ask(b"5000000\0octet\0blksize\x001400\0windowsize\x0064\0");
        assert_eq!(victim.hears()[..2], [0, 6]);
        let own = victim.server;
        // The ports of others.
        let mut port = own;
        while port == own {
            let mut other = Client::new(server);
            other.ask(b"1\0octet\0");
            other.hears();
            other.says(b"\0\x04\0\x01");
            port = other.server;
        }
        victim.server = port;
        victim.says(b"\0\x04\0\0");
        victim.hears_nothing(Duration::from_millis(100));
        victim.server = own;
        victim.says(b"\0\x04\0\0");
        assert_eq!(victim.hears(), b"\0\x05\0\x05Unknown transfer ID\0");
        // Whoever forges its address could try again, and have windows sent to it.
        victim.ask(b"5000000\0octet\0blksize\x001400\0windowsize\x0064\0");
        assert_eq!(victim.hears(), b"\0\x06blksize\x001400\0windowsize\x001\0");
        victim.says(b"\0\x05\0\0");
    });
    talk.await.unwrap();
    lab.expect_counters(&[(Counted::Guessed, 1), (Counted::Foreign, 2)]).await;
    lab.end().await;
}
