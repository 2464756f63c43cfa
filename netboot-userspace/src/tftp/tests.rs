use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    sync::Arc,
    time::Instant,
};

use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::inventory::{Host, Inventory};

const MAC: Mac = Mac { octets: [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b] };
/// Around the ends of blocks, of a window, of a chunk; 0xffff blocks would roll over at 32 MiB.
const SIZES: [usize; 12] =
    [0, 1, 511, 512, 513, 1467, 1468, 1469, 1468 * 64, 1468 * 64 + 1, 65536, 5_000_000];

/// A server of a directory with one file of each size, and a machine at 127.0.0.1.
struct Lab {
    directory: tempfile::TempDir,
    server: SocketAddr,
    machines: Machines,
    cancel: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for size in SIZES {
            fs::write(directory.path().join(size.to_string()), content(size)).unwrap();
        }
        fs::create_dir(directory.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("out")).unwrap();
        let machines = Machines::new(Inventory::new([Arc::new(Host {
            mac: MAC,
            ip: Ipv4Addr::LOCALHOST,
            hostname: None,
            ..Host::default()
        })]));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = socket.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let files = Files::new(directory.path());
        let serving = tokio::spawn(serve(
            socket,
            files,
            machines.clone(),
            DEFAULT_BLOCK_SIZE,
            MAX_TRANSFERS,
            cancel.clone(),
        ));
        Self { directory, server, machines, cancel, serving }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Waits for the machine's last step to be this one.
    async fn expect_step(&self, file: &str, result: &str) {
        self.expect_one_of(file, &[result]).await;
    }

    async fn expect_one_of(&self, file: &str, results: &[&str]) {
        let step = |result: &&str| Step::Tftp { file: file.into(), result: (*result).into() };
        let expect: Vec<_> = results.iter().map(step).collect();
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let last = self.machines.snapshot().pop().map(|machine| machine.last);
            if last.as_ref().is_some_and(|last| expect.contains(last)) {
                return;
            }
            assert!(Instant::now() < deadline, "{last:?} is not {expect:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.cancel.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// What the server sent to a request.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    File { options: String, content: Vec<u8> },
    Error { code: u16, text: String },
}

/// A client that asks with these options, and acknowledges at most `blocks` blocks.
fn request(server: SocketAddr, opcode: u8, name: &[u8], options: &[&str], blocks: usize) -> Answer {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut packet = vec![0, opcode];
    for field in [name, b"octet"].into_iter().chain(options.iter().map(|text| text.as_bytes())) {
        packet.extend_from_slice(field);
        packet.push(0);
    }
    socket.send_to(&packet, server).unwrap();

    let (mut confirmed, mut block_size, mut expect) = (String::new(), 512, 1_u16);
    let mut content = Vec::new();
    let mut packet = [0; 2048];
    for _ in 0..=blocks {
        let (length, from) = socket.recv_from(&mut packet).unwrap();
        assert_ne!(from, server, "a transfer has its own port");
        let (head, data) = packet[..length].split_at(4);
        let number = u16::from_be_bytes([head[2], head[3]]);
        let acknowledge = |block: u16| {
            let [high, low] = block.to_be_bytes();
            socket.send_to(&[0, 4, high, low], from).unwrap();
        };
        match head[1] {
            5 => {
                let text = String::from_utf8_lossy(data).trim_end_matches('\0').into();
                return Answer::Error { code: number, text };
            }
            6 => {
                confirmed = String::from_utf8_lossy(&packet[2..length]).replace('\0', " ");
                let mut words = confirmed.split(' ');
                if words.any(|word| word == "blksize") {
                    block_size = words.next().unwrap().parse().unwrap();
                }
                acknowledge(0);
            }
            3 if number == expect => {
                content.extend_from_slice(data);
                acknowledge(expect);
                expect = expect.wrapping_add(1);
                if data.len() < block_size {
                    break;
                }
            }
            3 => {}
            opcode => panic!("a packet {opcode}"),
        }
    }
    Answer::File { options: confirmed, content }
}

impl Lab {
    #[track_caller]
    fn check_file(&self, size: usize, options: &[&str], expect: &str) {
        let answer = request(self.server, 1, size.to_string().as_bytes(), options, usize::MAX - 1);
        let Answer::File { options, content: got } = answer else { panic!("{answer:?}") };
        assert_eq!(options, expect, "{size}");
        assert!(got == content(size), "{size}: {} bytes, or others", got.len());
    }

    #[track_caller]
    fn check_error(&self, opcode: u8, name: &[u8], expect: (u16, &str)) {
        let started = Instant::now();
        let answer = request(self.server, opcode, name, &["tsize", "0"], 1);
        let (code, text) = (expect.0, expect.1.into());
        assert_eq!(answer, Answer::Error { code, text }, "{}", name.escape_ascii());
        assert!(started.elapsed() < Duration::from_millis(900), "not prompt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_arrive() {
    let lab = Arc::new(Lab::new());
    let client = Arc::clone(&lab);
    spawn_blocking(move || {
        for size in SIZES {
            client.check_file(size, &[], "");
            client.check_file(size, &["blksize", "1468"], "blksize 1468 ");
            let tsize = format!("tsize {size} ");
            client.check_file(size, &["tsize", "0"], &tsize);
        }
        client.check_file(5_000_000, &["blksize", "8192"], "blksize 1468 ");
        client.check_file(5_000_000, &["BLKSIZE", "600", "timeout", "9"], "blksize 600 ");
        client.check_file(1469, &["windowsize", "500"], "windowsize 64 ");
        client.check_file(1469, &["unknown", "1"], "");
    })
    .await
    .unwrap();
    lab.expect_step("1469", "complete").await;
    Arc::into_inner(lab).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_prompt() {
    let lab = Arc::new(Lab::new());
    let client = Arc::clone(&lab);
    spawn_blocking(move || {
        const NOT_FOUND: (u16, &str) = (1, "File not found");
        const DENIED: (u16, &str) = (2, "Permission denied");
        client.check_error(1, b"autoexec.ipxe", NOT_FOUND);
        client.check_error(1, b"", NOT_FOUND);
        client.check_error(1, b"directory", NOT_FOUND);
        client.check_error(1, b"directory/", NOT_FOUND);
        client.check_error(1, b"/etc/passwd", NOT_FOUND);
        client.check_error(1, b"../../../etc/passwd", DENIED);
        client.check_error(1, br"..\..\etc\passwd", DENIED);
        client.check_error(1, b"out", DENIED);
        let away = client.path().with_extension("away");
        fs::rename(client.path(), &away).unwrap();
        client.check_error(1, b"0", NOT_FOUND);
        fs::rename(&away, client.path()).unwrap();
        client.check_file(513, &[], "");
        client.check_error(2, b"new", DENIED);
        assert!(!client.path().join("new").exists());
    })
    .await
    .unwrap();
    lab.expect_step("new", "refused: the server is read-only").await;
    Arc::into_inner(lab).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_from_the_disk() {
    let lab = Arc::new(Lab::new());
    let client = Arc::clone(&lab);
    spawn_blocking(move || {
        let file = fs::File::open(client.path().join("5000000")).unwrap();
        file.sync_all().unwrap();
        for _ in 0..3 {
            // Out of the page cache: where that does nothing, as on tmpfs, this is one more download.
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            client.check_file(5_000_000, &["blksize", "1468"], "blksize 1468 ");
        }
    })
    .await
    .unwrap();
    Arc::into_inner(lab).unwrap().end().await;
}

/// UEFI asks for the size, leaves, and asks again from another port.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_leave() {
    let lab = Lab::new();
    let server = lab.server;
    let probe = spawn_blocking(move || request(server, 1, b"5000000", &["tsize", "0"], 0));
    let Answer::File { options, .. } = probe.await.unwrap() else { panic!("no answer") };
    assert_eq!(options, "tsize 5000000 ");
    lab.expect_step("5000000", "started").await;

    let left = spawn_blocking(move || {
        request(server, 1, b"5000000", &["blksize", "1000", "windowsize", "1"], 10)
    });
    left.await.unwrap();
    // Ten blocks were acknowledged, the eleventh was read.
    lab.expect_step("5000000", "aborted at 11000 of 5000000 bytes").await;
    lab.end().await;
}

/// What runs is finished, what asks is not heard, and what does not end is cut with the future.
#[tokio::test(flavor = "multi_thread")]
async fn transfers_outlive_the_end() {
    let lab = Arc::new(Lab::new());
    let server = lab.server;
    let slow = UdpSocket::bind("127.0.0.1:0").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let step = |from: SocketAddr, acknowledge: u8| {
        slow.send_to(&[0, 4, 0, acknowledge], from).unwrap();
        let mut packet = [0; 600];
        slow.recv(&mut packet).unwrap()
    };
    slow.send_to(b"\0\x011469\0octet\0", server).unwrap();
    let (length, transfer) = slow.recv_from(&mut [0; 600]).unwrap();
    assert_eq!(length, 516);

    lab.cancel.cancel();
    let late = UdpSocket::bind("127.0.0.1:0").unwrap();
    late.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        late.send_to(b"\0\x01none\0octet\0", server).unwrap();
        if late.recv(&mut [0; 600]).is_err() {
            break;
        }
        assert!(Instant::now() < deadline, "requests are heard still");
    }
    assert!(!lab.serving.is_finished());
    assert_eq!(step(transfer, 1), 516);
    assert_eq!(step(transfer, 2), 4 + 1469 - 1024);
    slow.send_to(&[0, 4, 0, 3], transfer).unwrap();
    lab.expect_step("1469", "complete").await;
    Arc::into_inner(lab).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut() {
    let lab = Lab::new();
    let server = lab.server;
    let left = spawn_blocking(move || request(server, 1, b"5000000", &[], 10));
    left.await.unwrap();
    lab.cancel.cancel();
    lab.serving.abort();
    let aborted = Instant::now();
    // Eleven blocks were acknowledged; the twelfth may have been read.
    let results = [6144, 5632].map(|bytes| format!("aborted at {bytes} of 5000000 bytes"));
    lab.expect_one_of("5000000", &results.each_ref().map(String::as_str)).await;
    assert!(aborted.elapsed() < GIVE_UP / 2, "it was not cut, it gave up");
}
