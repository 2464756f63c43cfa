//! Tests of the supervisor, with real services on loopback.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use netboot_machines::{channel::channel, memory::Machines, status::Status};
use netboot_site::model::{Config, Inventory, SyslogListen};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::*;
use crate::{descriptors::Shares, health::PartState};

const MTU: Option<u16> = Some(1500);

/// Services on ports of their own, and a boot root with a file `x` that holds its name and place.
struct Lab {
    dir: TempDir,
    config: Config,
    health: Health,
    supervisor: Supervisor,
}

fn root(dir: &Path, name: &str) -> std::path::PathBuf {
    let root = dir.join(name);
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("x"), name.repeat(2000)).unwrap();
    root
}

/// Free a moment ago.
fn port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Lab {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = Config::unconfigured();
        config.boot.root = root(dir.path(), "one");
        config.state_dir = dir.path().join("state");
        config.tftp.listen = Some(port());
        config.http = Some(port());
        config.syslog = vec![SyslogListen::Tcp(port())];
        let machines = Machines::new(Inventory::default());
        let (teller, _happened) = channel();
        let wanted = Wanted::new(&config, &Inventory::default(), Shares::of(1024), &[], MTU);
        let services = Services::new(machines, teller, &wanted);
        let health = Health::default();
        let published = Published { pages: Router::new(), status: Arc::new(Status::default) };
        let supervisor = Supervisor::new(services, published, health.clone());
        Self { dir, config, health, supervisor }
    }

    async fn reconcile(&mut self, mtu: Option<u16>) {
        self.supervisor
            .reconcile(&Wanted::new(
                &self.config,
                &Inventory::default(),
                Shares::of(1024),
                &[],
                mtu,
            ))
            .await;
    }

    /// What is not up.
    fn troubles(&self) -> Vec<String> {
        let list = self.health.list().into_iter();
        let list = list.filter(|(_, state)| *state != PartState::Up);
        list.map(|(part, state)| format!("{}: {}", part.name, state.why().unwrap_or(""))).collect()
    }

    #[track_caller]
    fn check(&self, expect: &[&str]) {
        let troubles = self.troubles();
        assert_eq!(troubles.len(), expect.len(), "{troubles:?}");
        for (trouble, expect) in troubles.iter().zip(expect) {
            assert!(trouble.contains(expect), "{trouble} has no {expect}");
        }
    }

    async fn wait_for(&self, expect: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.troubles().len() != expect.len() {
            assert!(Instant::now() < deadline, "{:?} is not {expect:?}", self.troubles());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.check(expect);
    }
}

/// Asks for `x` on a connection that stays open.
fn get(connection: &mut TcpStream) -> (u16, String) {
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    connection.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = connection.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return (head[9..12].parse().unwrap(), body.to_owned());
        }
    }
}

/// A transfer of `x` that waits for its acknowledgements.
struct Transfer {
    socket: UdpSocket,
    got: Vec<u8>,
}

impl Transfer {
    fn begin(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.send_to(b"\0\x01x\0octet\0", server).unwrap();
        Self { socket, got: Vec::new() }
    }

    /// Blocks up to the last one, or just the next.
    fn go_on(mut self, blocks: usize) -> Self {
        for _ in 0..blocks {
            let mut packet = [0; 1500];
            let (length, from) = self.socket.recv_from(&mut packet).unwrap();
            assert_eq!(packet[1], 3, "{:?}", &packet[..length]);
            let block = u16::from_be_bytes([packet[2], packet[3]]);
            self.socket.send_to(&[0, 4, packet[2], packet[3]], from).unwrap();
            if usize::from(block) == self.got.len() / 512 + 1 {
                self.got.extend_from_slice(&packet[4..length]);
            }
            if length < 516 {
                break;
            }
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_wanted_otherwise_is_started_anew() {
    let mut lab = Lab::new();
    lab.reconcile(MTU).await;
    lab.check(&[]);
    let (tftp, http) = (lab.config.tftp.listen.unwrap(), lab.config.http.unwrap());
    let (mut connection, transfer) = spawn_blocking(move || {
        let mut connection = TcpStream::connect(http).unwrap();
        assert_eq!(get(&mut connection), (200, "one".repeat(2000)));
        (connection, Transfer::begin(tftp).go_on(2))
    })
    .await
    .unwrap();

    // TFTP gets other blocks, and all another root.
    lab.config.boot.root = root(lab.dir.path(), "two");
    lab.reconcile(Some(9000)).await;
    lab.check(&[]);
    spawn_blocking(move || {
        let under_way = String::from_utf8(transfer.go_on(50).got).unwrap();
        assert!(under_way == "one".repeat(2000), "{} bytes", under_way.len());
        let next = Transfer::begin(tftp).go_on(50).got;
        assert!(next == "two".repeat(2000).as_bytes(), "{} bytes", next.len());
        assert_eq!(get(&mut connection), (200, "two".repeat(2000)), "the same connection");
    })
    .await
    .unwrap();

    // The same port at all addresses.
    lab.config.http = Some(SocketAddr::from(([0, 0, 0, 0], http.port())));
    lab.config.tftp.listen = Some(SocketAddr::from(([0, 0, 0, 0], tftp.port())));
    lab.reconcile(Some(9000)).await;
    lab.check(&[]);
    spawn_blocking(move || {
        assert_eq!(get(&mut TcpStream::connect(http).unwrap()).0, 200);
        assert_eq!(Transfer::begin(tftp).go_on(50).got.len(), 6000);
    })
    .await
    .unwrap();

    lab.config.http = None;
    lab.reconcile(Some(9000)).await;
    assert!(!lab.health.list().iter().any(|(part, _)| part.name == "http"));
    let refused = || TcpStream::connect(http).is_err();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !refused() {
        assert!(Instant::now() < deadline, "it still listens");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let socket = lab.config.state_dir.join("status.sock");
    assert!(socket.exists());
    tokio::time::timeout(Duration::from_secs(10), lab.supervisor.shutdown()).await.unwrap();
    assert!(!socket.exists(), "the status socket stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_named_until_it_is_free() {
    let mut lab = Lab::new();
    let tftp = UdpSocket::bind(lab.config.tftp.listen.unwrap()).unwrap();
    let http = TcpListener::bind(lab.config.http.unwrap()).unwrap();
    // Our own: who is first has it.
    let own = lab.config.http.unwrap();
    lab.config.syslog.push(SyslogListen::Tcp(own));
    lab.reconcile(MTU).await;
    lab.check(&["cannot listen on TCP", "cannot listen on TCP", "cannot listen on UDP"]);
    assert!(!lab.health.is_ready());
    drop(tftp);
    lab.wait_for(&["cannot listen on TCP", "cannot listen on TCP"]).await;
    drop(http);
    lab.wait_for(&["cannot listen on TCP"]).await;
    lab.config.syslog.pop();
    lab.reconcile(MTU).await;
    lab.wait_for(&[]).await;
    assert!(lab.health.is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_go_are_named_until_they_come() {
    let mut lab = Lab::new();
    let root = lab.config.boot.root.clone();
    let away = root.with_extension("away");
    fs::rename(&root, &away).unwrap();
    fs::write(&lab.config.state_dir, "in the way").unwrap();
    lab.reconcile(MTU).await;
    let both = ["cannot be read: No such", "cannot make the state directory", "cannot write to"];
    lab.wait_for(&both).await;
    assert!(lab.health.is_ready(), "machines boot all the same");
    fs::rename(&away, &root).unwrap();
    fs::remove_file(&lab.config.state_dir).unwrap();
    lab.wait_for(&[]).await;

    // It is gone while they run.
    fs::remove_dir_all(&lab.config.state_dir).unwrap();
    let socket = lab.config.state_dir.join("status.sock");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "there is no status socket: {:?}", lab.troubles());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fs::remove_file(root.join("x")).unwrap();
    lab.wait_for(&["is empty"]).await;
}
