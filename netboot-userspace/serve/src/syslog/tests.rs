//! The receiver end to end over loopback, with util-linux's `logger` as the sender.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;
use netboot_machines::{
    channel::Happened,
    event::{self, EventKind, MachineText},
};
use netboot_site::model::{Host, Inventory};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;

const MAC: Mac = Mac { octets: [0x52, 0x54, 0, 0xee, 0x0d, 0x0b] };
const FILE: &str = "52-54-00-ee-0d-0b.log";

/// A receiver in which 127.0.0.1 is a known machine; it ends when dropped.
struct Receiver {
    dir: TempDir,
    happened: Arc<Mutex<Happened>>,
    counters: Arc<Counters>,
    limit: Arc<Mutex<LineLimit>>,
    udp: SocketAddr,
    tcp: SocketAddr,
    services: Vec<JoinHandle<()>>,
    cancel: DropGuard,
}

impl Receiver {
    async fn start(prepare: impl FnOnce(&Path)) -> Self {
        // As `logger` has it.
        let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
        let host =
            Host { mac: MAC, ip: Ipv4Addr::LOCALHOST, hostname: Some(hostname), ..Host::default() };
        let machines = Machines::new(Inventory::new([Arc::new(host)]));
        let dir = TempDir::new().unwrap();
        prepare(dir.path());
        let (teller, happened) = netboot_machines::channel::channel();
        let (sink, writer) = channel(machines, teller);
        let (counters, limit) = (sink.counters(), Arc::clone(&sink.limit));
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let cancel = CancellationToken::new();
        let state_dir = dir.path().to_owned();
        let services = vec![
            tokio::spawn(serve_udp(udp, sink.clone(), cancel.clone())),
            tokio::spawn(serve_tcp(tcp, sink, MAX_CONNECTIONS, |_| {}, cancel.clone())),
            tokio::task::spawn_blocking(move || {
                writer.run(&state_dir, &CancellationToken::new(), &|_| {});
            }),
        ];
        let (udp, tcp) = addresses;
        let happened = Arc::new(Mutex::new(happened));
        Self { dir, happened, counters, limit, udp, tcp, services, cancel: cancel.drop_guard() }
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("log").join(file)).unwrap_or_default();
        // Without the time of reception.
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    async fn wait_for(&self, file: &str, line: &str) {
        until(
            || self.lines(file).iter().any(|got| got == line),
            || format!("{line:?} in {file}, which has {:?}", self.lines(file)),
        )
        .await;
    }

    fn count(&self, name: &str) -> u64 {
        self.counters.all().into_iter().find(|(it, _)| *it == name).unwrap().1
    }

    async fn wait_for_count(&self, name: &str, value: u64) {
        until(
            || self.count(name) >= value,
            || format!("{name} {value}: {:?}", self.counters.all()),
        )
        .await;
    }

    /// The next line that is told of.
    async fn told(&self) -> event::SyslogEvent {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(line) = told(&self.happened) {
                return line;
            }
            assert!(Instant::now() < deadline, "no line is told of");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// All that was taken is written when the services have ended.
    async fn stop(self) -> TempDir {
        drop(self.cancel);
        for service in self.services {
            service.await.unwrap();
        }
        self.dir
    }
}

fn told(happened: &Mutex<Happened>) -> Option<event::SyslogEvent> {
    let event = happened.lock().try_next()?;
    let EventKind::Syslog(line) = event.what else { panic!("{event:?}") };
    assert_eq!(event.mac, MAC);
    Some(line)
}

fn line_of(host: Option<&str>, app: &str, line: &str) -> event::SyslogEvent {
    event::SyslogEvent {
        host: host.map(MachineText::of),
        app: Some(MachineText::of(app)),
        line: MachineText::of(line),
    }
}

/// Polls until it is so; fails after half a minute.
async fn until(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "still not: {}", what());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn logger(to: SocketAddr, arguments: &'static [&'static str]) {
    let port = to.port().to_string();
    let status = tokio::task::spawn_blocking(move || {
        Command::new("logger")
            .args(["--server", "127.0.0.1", "--port", &port])
            .args(arguments)
            .status()
            .expect("logger of util-linux")
    });
    assert!(status.await.unwrap().success(), "logger {arguments:?}");
}

#[tokio::test]
async fn logger_in_every_form() {
    let receiver = Receiver::start(|_| {}).await;
    let (udp, tcp) = (receiver.udp, receiver.tcp);
    let check = async |to, arguments, expect| {
        logger(to, arguments).await;
        receiver.wait_for(FILE, expect).await;
    };
    check(udp, &["-d", "--rfc5424=notq", "-t", "app", "udp"], "notice app: udp").await;
    check(udp, &["-d", "--rfc3164", "-t", "app", "udp 3164"], "notice app: udp 3164").await;
    check(
        udp,
        &["-d", "--rfc5424=notq", "-t", "app", "-p", "auth.err", "udp 5424"],
        "err app: udp 5424",
    )
    .await;
    check(
        udp,
        &["-d", "--rfc5424=notime,notq,nohost", "-t", "app", "--id=42", "udp bare"],
        "notice app[42]: udp bare",
    )
    .await;
    check(
        udp,
        &[
            "-d",
            "--rfc5424=notq",
            "--sd-id",
            "x@1",
            "--sd-param",
            "a=\"1\"",
            "-t",
            "app",
            "udp data",
        ],
        "notice app: [x@1 a=\"1\"] udp data",
    )
    .await;
    check(tcp, &["-T", "--rfc5424=notq", "-t", "app", "tcp"], "notice app: tcp").await;
    check(tcp, &["-T", "--rfc3164", "-t", "app", "tcp 3164"], "notice app: tcp 3164").await;
    check(
        tcp,
        &["-T", "--octet-count", "--rfc5424=notq", "-t", "app", "counted"],
        "notice app: counted",
    )
    .await;
    check(
        tcp,
        &["-T", "--octet-count", "--rfc3164", "-t", "app", "counted 3164"],
        "notice app: counted 3164",
    )
    .await;

    assert_eq!(receiver.count("received"), 9);
    let happened = Arc::clone(&receiver.happened);
    receiver.stop().await;
    let lines: Vec<_> = std::iter::from_fn(|| told(&happened)).collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines.last(), Some(&line_of(None, "app", "counted 3164")));
}

#[tokio::test]
async fn ipxe_and_strangers_are_told_by_address() {
    let receiver = Receiver::start(|_| {}).await;
    let machine = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    machine.send_to(b"<6>liar.example ipxe: up\n<0>forged", receiver.udp).await.unwrap();
    receiver.wait_for(FILE, "info host=liar.example ipxe: up\\n<0>forged").await;
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    stranger.send_to(b"<6>52-54-00-ee-0d-0b ipxe: me", receiver.udp).await.unwrap();
    receiver.wait_for("127.0.0.2.log", "info host=52-54-00-ee-0d-0b ipxe: me").await;
    assert_eq!(receiver.lines(FILE).len(), 1);
    let long = [b"<6>a: ".as_slice(), &[b'x'; 20_000]].concat();
    stranger.send_to(&long, receiver.udp).await.unwrap();
    let kept = format!("info a: {}...", "x".repeat(MAX_MESSAGE - 9));
    receiver.wait_for("127.0.0.2.log", &kept).await;
    assert_eq!(receiver.count("truncated"), 1);
}

/// A forwarder's lines go to its own file, and say whom they are of.
#[tokio::test]
async fn originators_are_shown() {
    let receiver = Receiver::start(|_| {}).await;
    let mut stream = TcpStream::connect(receiver.tcp).await.unwrap();
    for (line, app, content) in [
        ("<13>Oct 11 22:14:15 web-1 app[7]: up\n", "app[7]", "up"),
        ("<13>Oct 11 22:14:15 web-2 app[7]: up\0", "app[7]", "up"),
        ("<13>1 - web-3 app - - [x a=\"1\"] up\n", "app", "[x a=\"1\"] up"),
        ("<13>1 - web-4 app - - [x a=\"1\"]\n", "app", "[x a=\"1\"]"),
        ("<13>1 - 127.0.0.1 app - - - own\n", "app", "own"),
    ] {
        stream.write_all(line.as_bytes()).await.unwrap();
        let host = line.split_once("web-").map(|(_, rest)| format!("web-{}", &rest[..1]));
        let shown = host.as_ref().map(|host| format!("host={host} ")).unwrap_or_default();
        receiver.wait_for(FILE, &format!("notice {shown}{app}: {content}")).await;
        assert_eq!(receiver.told().await, line_of(host.as_deref(), "app", content));
    }
}

#[tokio::test]
async fn nothing_is_no_line_and_no_end_is_needed() {
    let receiver = Receiver::start(|_| {}).await;
    let machine = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for nothing in [&b""[..], b"\n", b"\0", b" \r\n\0"] {
        machine.send_to(nothing, receiver.udp).await.unwrap();
    }
    receiver.wait_for_count("empty", 4).await;
    let mut stream = TcpStream::connect(receiver.tcp).await.unwrap();
    stream.write_all(b"\n<6>a: 1\n\r\n\n7 <6>a: 2\n\0<6>a: 3\0\0<6>a: 4").await.unwrap();
    stream.shutdown().await.unwrap();
    for line in ["info a: 1", "info a: 2", "info a: 3", "info a: 4"] {
        receiver.wait_for(FILE, line).await;
    }
    assert_eq!(receiver.lines(FILE).len(), 4);
    assert_eq!((receiver.count("received"), receiver.count("empty")), (4, 8));
}

#[tokio::test]
async fn a_flood_is_dropped_and_counted_and_the_others_are_heard() {
    let receiver = Receiver::start(|_| {}).await;
    let flood = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let source = LineSource::Stranger(flood.local_addr().unwrap().ip());
    // The source's bucket is empty for an hour, however slow this test runs.
    let later = Instant::now() + Duration::from_secs(3600);
    while receiver.limit.lock().admit(source, later).is_ok() {}
    for _ in 0..100 {
        flood.send_to(b"<6>flood: x", receiver.udp).await.unwrap();
    }
    receiver.wait_for_count("rate-limited", 100).await;
    logger(receiver.udp, &["-d", "--rfc5424=notq", "-t", "app", "heard"]).await;
    receiver.wait_for(FILE, "notice app: heard").await;
    assert_eq!(receiver.count("received"), 101);
    let dir = receiver.stop().await;
    assert!(!dir.path().join("log/127.0.0.2.log").exists());
}

#[tokio::test]
async fn a_slow_writer_drops_and_counts_and_nobody_waits() {
    let dir = TempDir::new().unwrap();
    let (sink, writer) =
        channel(Machines::new(Inventory::default()), netboot_machines::channel::channel().0);
    let from = Ipv4Addr::LOCALHOST.into();
    let dropped = (0..QUEUE + 10).filter(|_| sink.offer(from, b"<6>a: b").is_err()).count();
    assert_eq!(dropped, 10);
    assert!(sink.counters().all().contains(&("queue-full", 10)));
    let state_dir = dir.path().to_owned();
    let (cancel, writing) = (CancellationToken::new(), writer.clone());
    cancel.cancel();
    let run = move || writing.run(&state_dir, &cancel, &|_| {});
    tokio::task::spawn_blocking(run).await.unwrap();
    let written = fs::read_to_string(dir.path().join("log/127.0.0.1.log")).unwrap();
    assert_eq!(written.lines().count(), QUEUE);

    // Another directory, and the end of all senders.
    sink.offer(from, b"<6>a: c").unwrap();
    drop(sink);
    let other = TempDir::new().unwrap();
    let state_dir = other.path().to_owned();
    let run = move || writer.run(&state_dir, &CancellationToken::new(), &|_| {});
    tokio::task::spawn_blocking(run).await.unwrap();
    let written = fs::read_to_string(other.path().join("log/127.0.0.1.log")).unwrap();
    assert!(written.ends_with("a: c\n"), "{written}");
}

#[tokio::test]
async fn trouble_with_files_is_told_and_its_end_without_a_line() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log"), "in the way").unwrap();
    let (_sink, writer) =
        channel(Machines::new(Inventory::default()), netboot_machines::channel::channel().0);
    let told = Arc::new(Mutex::new(Vec::new()));
    let cancel = CancellationToken::new();
    let (state_dir, tell, end) = (dir.path().to_owned(), Arc::clone(&told), cancel.clone());
    let writing = tokio::task::spawn_blocking(move || {
        writer.run(&state_dir, &end, &|why| tell.lock().push(why.map(str::to_owned)));
    });
    let told = || told.lock().clone();
    until(|| told().len() == 1, || "the trouble".to_owned()).await;
    assert!(told()[0].as_deref().is_some_and(|why| why.starts_with("cannot write to /")));
    fs::remove_file(dir.path().join("log")).unwrap();
    until(|| told().len() == 2, || "its end".to_owned()).await;
    assert_eq!(told()[1], None);
    cancel.cancel();
    writing.await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join("log")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_unwritable_directory_is_counted_and_reception_goes_on() {
    let receiver = Receiver::start(|state| fs::write(state.join("log"), "").unwrap()).await;
    logger(receiver.udp, &["-d", "-t", "app", "lost"]).await;
    receiver.wait_for_count("unwritten", 1).await;
    assert_eq!(receiver.told().await.app, Some(MachineText::of("app")));
    fs::remove_file(receiver.dir.path().join("log")).unwrap();
    logger(receiver.tcp, &["-T", "--rfc5424=notq", "-t", "app", "kept"]).await;
    receiver.wait_for(FILE, "notice app: kept").await;
    assert_eq!(receiver.count("unwritten"), 1);
}

#[tokio::test]
async fn tcp_connections_are_bounded_per_source() {
    let receiver = Receiver::start(|_| {}).await;
    let mut open = Vec::new();
    for number in 0..16 {
        let mut stream = TcpStream::connect(receiver.tcp).await.unwrap();
        stream.write_all(format!("<6>c: {number}\n").as_bytes()).await.unwrap();
        receiver.wait_for(FILE, &format!("info c: {number}")).await;
        open.push(stream);
    }
    let mut refused = TcpStream::connect(receiver.tcp).await.unwrap();
    assert_eq!(refused.read(&mut [0]).await.unwrap_or(0), 0);
    receiver.wait_for_count("connections-refused", 1).await;

    let connect_other = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        socket.connect(receiver.tcp).await.unwrap()
    };
    let mut other = connect_other().await;
    other.write_all(b"<6>other: x").await.unwrap();
    other.shutdown().await.unwrap();
    receiver.wait_for("127.0.0.2.log", "info other: x").await;
    let broken = connect_other().await;
    broken.set_zero_linger().unwrap();
    drop(broken);
    receiver.wait_for_count("connections-broken", 1).await;

    drop(open);
    for _attempt in 0..1000 {
        let mut stream = TcpStream::connect(receiver.tcp).await.unwrap();
        // A connection that was refused may be reset at once.
        let _ = stream.write_all(b"<6>again: x\n").await;
        let _ = stream.shutdown().await;
        let _ = stream.read(&mut [0]).await;
        if receiver.count("received") == 18 {
            break;
        }
    }
    receiver.wait_for(FILE, "info again: x").await;
}
