//! Tests of the limits on connections.

use super::*;

/// A source that opens many connections and says nothing.
#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let lab = Lab::new().await;
    let server = lab.server;
    let (silent, refused) = spawn_blocking(move || {
        let mut open: Vec<_> =
            (0..100).map(|_| from(Ipv4Addr::new(127, 0, 0, 2), server)).collect();
        // Beyond the bound they are closed; the first are not.
        let refused = open.split_off(LIMITS.of_source);
        let closed = refused.into_iter().filter(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            matches!(stream.read(&mut [0]), Ok(0))
        });
        let closed = closed.count();
        (open, closed)
    })
    .await
    .unwrap();
    assert_eq!(refused, 100 - LIMITS.of_source);
    for mut stream in &silent {
        stream.set_nonblocking(true).unwrap();
        let read = stream.read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    lab.check("GET /ipxe.efi", "200\n\n0123456789").await;

    // One goes, one comes.
    drop(silent);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let again = move || {
        let mut stream = from(Ipv4Addr::new(127, 0, 0, 2), server);
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200 ")
    };
    while !spawn_blocking(again).await.unwrap() {
        assert!(std::time::Instant::now() < deadline, "the source is shut out");
    }
    lab.end().await;
}

/// Sources that open connections, begin to ask and say no more.
#[tokio::test]
async fn half_heads_give_way() {
    let lab = Lab::new().await;
    let server = lab.server;
    let half = spawn_blocking(move || {
        let half: Vec<_> = (0..LIMITS.all)
            .map(|at| {
                let source = Ipv4Addr::new(127, 0, 1, u8::try_from(at / 60).unwrap());
                let mut stream = from(source, server);
                stream.write_all(b"GET /ipxe.efi HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
                stream
            })
            .collect();
        half
    });
    let half = half.await.unwrap();
    for _ in 0..20 {
        lab.check("GET /ipxe.efi", "200\n\n0123456789").await;
        lab.check("GET /healthz", "200\n\nok\n").await;
    }
    let counted: std::collections::HashMap<_, _> = lab.counters.all().collect();
    let (refused, gave_way) = (counted["connections-refused"], counted["connections-gave-way"]);
    assert_eq!(refused, 0);
    assert!((1..=40).contains(&gave_way), "{gave_way}");
    let said = lab.said.lock().clone();
    let [Some(why)] = said.as_slice() else { panic!("{said:?}") };
    assert!(why.starts_with("all 200 connections are taken, 60 of them by 127.0.1."), "{why}");
    drop(half);
    lab.end().await;
}

/// An answer that is read slowly is not cut for who comes.
#[tokio::test]
async fn answers_under_way_do_not_give_way() {
    let lab = Lab::new().await;
    let server = lab.server;
    let (mut slow, others) = spawn_blocking(move || {
        let mut slow = from(Ipv4Addr::new(127, 0, 2, 1), server);
        slow.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut begin = [0; 1000];
        slow.read_exact(&mut begin).unwrap();
        let others: Vec<_> = (0..2 * LIMITS.all)
            .map(|at| from(Ipv4Addr::new(127, 0, 3, u8::try_from(at / 40).unwrap()), server))
            .collect();
        (slow, others)
    })
    .await
    .unwrap();
    lab.check("GET /ipxe.efi", "200\n\n0123456789").await;
    let read = spawn_blocking(move || {
        slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).unwrap();
        rest.len()
    });
    assert!(read.await.unwrap() > 2_999_000);
    drop(others);
    lab.end().await;
}

#[tokio::test]
async fn a_head_is_bounded() {
    let lab = Lab::new().await;
    let head = |bytes: usize| format!("GET /ipxe.efi\nX: {}", "x".repeat(bytes));
    lab.check(&head(16_000), "200\n\n0123456789").await;
    let server = lab.server;
    let refused = spawn_blocking(move || {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"GET /ipxe.efi HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
        let mut sent = 0;
        // Until the other end has enough.
        while sent < 390_000 && stream.write_all(&[b'x'; 1000]).is_ok() {
            sent += 1000;
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = refused.await.unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(lab.counters.heads_too_large.load(Relaxed), 1);
    // At once.
    let text = "431\n\n# the request's head is too large: 32 KiB are the most\n";
    lab.check(&head(33_000), text).await;
    assert_eq!(lab.counters.heads_too_large.load(Relaxed), 2);
    lab.check(&format!("GET /{}", "x".repeat(20_000)), "404\n\n# there is no such file\n").await;
    lab.end().await;
}

#[tokio::test]
async fn a_client_is_to_ask_soon() {
    let patience = Duration::from_millis(300);
    let lab = Lab::start(patience, [], Strangers::Refused).await;
    let server = lab.server;
    let ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    // Nothing, a part of a request, a request and then nothing.
    for said in [&b""[..], b"GET / HTTP/1.1\r\nHost:", ask] {
        let answer = spawn_blocking(move || {
            let started = std::time::Instant::now();
            let mut stream = TcpStream::connect(server).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(said).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            assert!(started.elapsed() >= patience, "{}", said.escape_ascii());
            answer
        });
        assert_eq!(answer.await.unwrap().ends_with(b"ok\n"), said == ask);
    }
    lab.end().await;
}

fn from(source: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}
