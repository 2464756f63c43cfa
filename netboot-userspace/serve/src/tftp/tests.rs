//! Tests of the TFTP server over loopback.

mod clients;
mod differential;
mod late;
mod limits;
mod requests;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;
use netboot_machines::{
    channel::{Happened, channel},
    event::{EventKind, MachineText, TftpEvent, Transfer, TransferOutcome, TransferRefusal},
};
use netboot_site::model::{Host, Inventory};
use parking_lot::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use self::clients::{Answer, Client, request};
use super::{counters::Counted, sending::GIVE_UP, *};

const MAC: Mac = Mac { octets: [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b] };
/// Around the ends of blocks, of a window, of a chunk; 0xffff blocks would roll over at 32 MiB.
const SIZES: [usize; 12] =
    [0, 1, 511, 512, 513, 1467, 1468, 1469, 1468 * 64, 1468 * 64 + 1, 65536, 5_000_000];

const USUAL: BlockSizes = BlockSizes { all: DEFAULT_BLOCK_SIZE, networks: Vec::new() };

/// A server of a directory with one file of each size, and a machine at 127.0.0.1.
struct Lab {
    directory: tempfile::TempDir,
    server: SocketAddr,
    happened: Mutex<Happened>,
    common: TftpCommon,
    troubles: Arc<Mutex<Vec<Option<String>>>>,
    cancel: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Lab {
    fn new() -> Self {
        Self::with(4, USUAL, admission::TRANSFERS)
    }

    fn with(transfer_sockets: usize, sizes: BlockSizes, transfers: usize) -> Self {
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
        let bind = || {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
            let socket = socket.unwrap();
            prepare(&socket, true).unwrap();
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            UdpSocket::from(socket)
        };
        let sockets = Sockets {
            requests: bind(),
            transfers: (0..transfer_sockets).map(|_| bind()).collect(),
        };
        let server = sockets.requests.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let (teller, happened) = channel();
        let common = TftpCommon::new(Files::new(directory.path()), machines, teller, sizes);
        let common = TftpCommon { transfers, ..common };
        let troubles = Arc::<Mutex<Vec<_>>>::default();
        let heard = Arc::clone(&troubles);
        let tell = move |trouble| heard.lock().push(trouble);
        let serving = serve(vec![sockets], common.clone(), tell, cancel.clone());
        let serving = tokio::spawn(serving);
        let happened = Mutex::new(happened);
        Self { directory, server, happened, common, troubles, cancel, serving }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until it is told that the machine came so far.
    async fn expect(&self, file: &str, is_right: impl Fn(&Transfer) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut told = Vec::new();
        loop {
            while let Some(tftp) = self.told() {
                if tftp.file == MachineText::of(file) && is_right(&tftp.transfer) {
                    return;
                }
                told.push(tftp);
            }
            assert!(Instant::now() < deadline, "{file} is not told of: {told:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What was told next, by now.
    fn told(&self) -> Option<TftpEvent> {
        let event = self.happened.lock().try_next()?;
        let EventKind::Tftp(tftp) = event.what else { panic!("{event:?}") };
        assert_eq!(event.mac, MAC);
        Some(tftp)
    }

    fn counter(&self, event: Counted) -> u64 {
        self.common.counters().get(event)
    }

    /// What was said last may not have been heard.
    async fn expect_counters(&self, expect: &[(Counted, u64)]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let got = expect.iter().map(|(event, _)| (*event, self.counter(*event)));
            let got = got.collect::<Vec<_>>();
            if got == expect {
                return;
            }
            assert!(Instant::now() < deadline, "{got:?} is not {expect:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.cancel.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// A transfer that ended so, after so many bytes.
fn ended(outcome: TransferOutcome, bytes: u64) -> impl Fn(&Transfer) -> bool {
    move |transfer| matches!(transfer, Transfer::Ended(ended) if ended.outcome == outcome && ended.bytes == bytes)
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
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
        client.check_file(5_000_000, &["BLKSIZE", "600", "timeout", "9"], "blksize 600 timeout 9 ");
        client.check_file(1469, &["windowsize", "500"], "windowsize 64 ");
        client.check_file(1469, &["unknown", "1"], "");
    })
    .await
    .unwrap();
    lab.expect("1469", ended(TransferOutcome::Complete, 1469)).await;
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
        // What loaders try is no step.
        for name in [&b"autoexec.ipxe"[..], b"dtb/", br"pxelinux.cfg\C0A8", b"d9780558/start4.elf"]
        {
            client.check_error(1, name, NOT_FOUND);
        }
    })
    .await
    .unwrap();
    lab.expect_counters(&[(Counted::NotFound, 9)]).await;
    let last = std::iter::from_fn(|| lab.told()).last();
    let read_only = Transfer::Refused(TransferRefusal::ReadOnly);
    assert_eq!(last, Some(TftpEvent { file: MachineText::of("new"), transfer: read_only }));
    let client = Arc::clone(&lab);
    spawn_blocking(move || client.check_error(1, b"grub/grub.cfg", (1, "File not found")))
        .await
        .unwrap();
    let not_found = |transfer: &Transfer| *transfer == Transfer::Refused(TransferRefusal::NotFound);
    lab.expect("grub/grub.cfg", not_found).await;
    Arc::into_inner(lab).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_from_the_disk() {
    let lab = Arc::new(Lab::new());
    let client = Arc::clone(&lab);
    spawn_blocking(move || {
        // Larger than what is read into memory.
        let size = 9_000_001;
        fs::write(client.path().join(size.to_string()), content(size)).unwrap();
        let file = fs::File::open(client.path().join(size.to_string())).unwrap();
        file.sync_all().unwrap();
        for _ in 0..3 {
            // Out of the page cache: where that does nothing, as on tmpfs, this is one more download.
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            client.check_file(size, &["blksize", "1468"], "blksize 1468 ");
            let options = ["blksize", "1400", "windowsize", "16"];
            client.check_file(size, &options, "blksize 1400 windowsize 16 ");
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
    let probe = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.ask(b"5000000\0octet\0tsize\x000\0");
        assert_eq!(client.hears(), b"\0\x06tsize\x005000000\0");
        client.says(b"\0\x05\0\x08User aborted the transfer\0");
        client.hears_nothing(Duration::from_millis(1500));
        client.ask(b"5000000\0octet\0blksize\x001000\0windowsize\x004\0");
        assert_eq!(client.hears(), b"\0\x06blksize\x001000\0windowsize\x004\0");
        client.says(b"\0\x04\0\0");
        for block in 1..=4 {
            assert_eq!(client.hears()[..4], [0, 3, 0, block]);
        }
        client.says(b"\0\x04\0\x04");
        assert_eq!(client.hears()[..4], [0, 3, 0, 5]);
        client.says(b"\0\x05\0\0TFTP Aborted\0");
    });
    probe.await.unwrap();
    let aborted = TransferOutcome::Aborted(0, MachineText::of("TFTP Aborted"));
    lab.expect("5000000", ended(aborted, 4000)).await;
    lab.expect_counters(&[(Counted::Probe, 1), (Counted::Aborted, 1), (Counted::Bytes, 4000)])
        .await;
    lab.end().await;
}

/// What is not understood, or not served, is answered at once and counted; what is over is not answered.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_an_answer() {
    let lab = Lab::new();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let check = |says: &[u8], expect: &[u8]| {
            let mut client = Client::new(server);
            client.says(says);
            assert_eq!(
                client.hears().escape_ascii().to_string(),
                expect.escape_ascii().to_string()
            );
        };
        check(b"\0\x01grub/\x82Onboard\0octet\0", b"\0\x05\0\x01File not found\0");
        check(b"\0\x01\xff\0octet\0\xff", b"\0\x05\0\x01File not found\0");
        check(b"\0\x011\xff\0octet\0", b"\0\x03\0\x01\0");
        check(b"\0\x011\0octet", b"\0\x03\0\x01\0");
        check(b"\0\x011\0mail\0", b"\0\x05\0\x04ask in mode octet\0");
        check(b"\0\x011\0", b"\0\x05\0\x04Illegal TFTP operation\0");
        check(b"\0\x03\0\x01", b"\0\x05\0\x04Illegal TFTP operation\0");
        check(b"\0\x09", b"\0\x05\0\x04Illegal TFTP operation\0");
        check(b"\0\x04\0\x01", b"\0\x05\0\x05Unknown transfer ID\0");
        check(b"\0\x02new\0octet\0", b"\0\x05\0\x02Permission denied\0");
        let mut client = Client::new(server);
        client.says(b"\0\x05\0\0");
        client.hears_nothing(Duration::from_millis(100));
        // The end: nothing is sent again. What comes then is late, and its client may wait for another answer.
        client.ask(b"1\0octet\0");
        assert_eq!(client.hears(), b"\0\x03\0\x01\0");
        client.says(b"\0\x04\0\x01");
        client.hears_nothing(Duration::from_millis(1200));
        client.says(b"\0\x04\0\x01");
        client.hears_nothing(Duration::from_millis(100));
    });
    talk.await.unwrap();
    let expect = [
        (Counted::NotFound, 2),
        (Counted::Refused, 2),
        (Counted::Malformed, 3),
        (Counted::Foreign, 3),
        (Counted::Complete, 1),
    ];
    lab.expect_counters(&expect).await;
    lab.end().await;
}

/// All is said on the port of requests; blocks have the size that the client's network takes.
#[tokio::test(flavor = "multi_thread")]
async fn one_port() {
    let networks = ["10.0.0.0/8", "127.0.0.0/8", "127.0.0.0/24"].map(|cidr| cidr.parse().unwrap());
    let networks = networks.into_iter().zip([9000, 1000, 9000]).collect();
    let lab = Lab::with(0, BlockSizes { networks, ..USUAL }, admission::TRANSFERS);
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.is_single_port = true;
        client.ask(b"1469\0octet\0blksize\x001468\0");
        assert_eq!(client.hears(), b"\0\x06blksize\x001000\0");
        client.says(b"\0\x04\0\0");
        assert_eq!(client.hears().len(), 1004);
        client.says(b"\0\x04\0\x01");
        assert_eq!(client.hears().len(), 4 + 469);
        client.says(b"\0\x04\0\x02");
        client.ask(b"none\0octet\0");
        assert_eq!(client.hears(), b"\0\x05\0\x01File not found\0");
        client.says(b"\0\x04\0\x02");
        client.hears_nothing(Duration::from_millis(100));
        let mut stranger = Client::new(server);
        stranger.is_single_port = true;
        stranger.says(b"\0\x04\0\x02");
        assert_eq!(stranger.hears(), b"\0\x05\0\x05Unknown transfer ID\0");
    });
    talk.await.unwrap();
    lab.expect_counters(&[(Counted::Complete, 1), (Counted::Foreign, 2)]).await;
    lab.end().await;
}

/// The mode is tftp-hpa's default: its client takes CR LF for the end of a line.
#[tokio::test(flavor = "multi_thread")]
async fn netascii_is_encoded() {
    let lab = Lab::new();
    fs::write(lab.path().join("text"), "a\nb\rc\r\n").unwrap();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.ask(b"text\0netascii\0tsize\x000\0");
        assert_eq!(client.hears(), b"\0\x03\0\x01a\r\nb\r\0c\r\0\r\n");
        client.says(b"\0\x04\0\x01");
    });
    talk.await.unwrap();
    lab.expect("text", ended(TransferOutcome::Complete, 11)).await;
    lab.end().await;
}

/// All that a client gets is one version of the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_while_it_is_sent() {
    let lab = Lab::new();
    let (server, path) = (lab.server, lab.path().join("513"));
    let talk = spawn_blocking(move || {
        let mut client = Client::new(server);
        client.ask(b"513\0octet\0");
        assert_eq!(client.hears()[4..], content(513)[..512]);
        fs::write(path, "new").unwrap();
        client.says(b"\0\x04\0\x01");
        // The rest of what it was, if it was in memory by then; never of what it is.
        let rest = client.hears();
        let is_old = rest[..4] == [0, 3, 0, 2] && rest[4..] == content(513)[512..];
        assert!(is_old || rest.starts_with(b"\0\x05\0\0the file was changed"), "{rest:?}");
        let mut client = Client::new(server);
        client.ask(b"513\0octet\0");
        assert_eq!(client.hears(), b"\0\x03\0\x01new");
    });
    talk.await.unwrap();
    lab.cancel.cancel();
    lab.serving.abort();
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
    lab.expect("1469", ended(TransferOutcome::Complete, 1469)).await;
    Arc::into_inner(lab).unwrap().end().await;
}

/// Nobody will hear what they say.
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_of_the_end() {
    let lab = Lab::new();
    let server = lab.server;
    let begins = move || {
        let mut client = Client::new(server);
        client.ask(b"1469\0octet\0");
        client.hears();
        client.says(b"\0\x04\0\x01");
        assert_eq!(client.hears()[..4], *b"\0\x03\0\x02");
        client
    };
    let client = spawn_blocking(begins).await.unwrap();
    lab.cancel.cancel();
    lab.common.cut().cancel();
    let heard = spawn_blocking(move || client.hears_all(Duration::from_secs(1))).await.unwrap();
    assert_eq!(heard.last().unwrap(), b"\0\x05\0\0the server ends: ask again\0");
    lab.end().await;
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
    // The last acknowledgement may not have been heard.
    let cut = [5632, 5120].map(|bytes| ended(TransferOutcome::Cut, bytes));
    lab.expect("5000000", |transfer| cut.iter().any(|cut| cut(transfer))).await;
    assert!(aborted.elapsed() < GIVE_UP / 2, "it was not cut, it gave up");
    assert_eq!(lab.counter(Counted::Cut), 1);
}
