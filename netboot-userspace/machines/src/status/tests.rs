//! Tests of the state, in JSON and as an operator reads it.

use std::{
    net::Ipv4Addr,
    os::unix::net::UnixListener as StdUnixListener,
    time::{Duration, SystemTime},
};

use netboot_base::format::Format;
use netboot_site::model::Config;
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use super::{
    connection::{Patience, read_within},
    *,
};
use crate::{
    other_servers::{Expectation, ServerKind},
    running::socket_path,
};

const NOW: u64 = 1_792_000_000;

fn status() -> Status {
    let interface = |name: &str, mode: &str, note: Option<&str>| InterfaceStatus {
        name: name.to_owned(),
        mode: mode.to_owned(),
        note: note.map(str::to_owned),
    };
    let service = |name: &str, listen: &str, state: &str, note: Option<&str>| ServiceStatus {
        name: name.to_owned(),
        listen: listen.to_owned(),
        state: state.to_owned(),
        note: note.map(str::to_owned),
    };
    let verdict = |verdict: &str, kernel, userspace| VerdictCount {
        verdict: verdict.to_owned(),
        kernel,
        userspace,
    };
    let machine = |mac: &str, last| MachineStatus {
        mac: mac.to_owned(),
        nic: None,
        ip: Some(Ipv4Addr::new(192, 168, 2, 144)),
        hostname: None,
        known: true,
        last_seen: NOW - 3,
        requests: 7,
        last,
    };
    let step = StepStatus::Dhcp {
        interface: "eth0".to_owned().into(),
        message: "DISCOVER".to_owned(),
        stage: "pxe".to_owned(),
        architecture: Some(7),
        verdict: "offer".to_owned(),
    };
    let unknown = |mac: &str, architecture| UnknownMachine {
        mac: mac.to_owned(),
        architecture,
        last_seen: NOW - 3700,
        requests: 12,
        interface: Some("eth0".to_owned()),
    };
    let router = |interface: &str, router: &str| Ipv6Router {
        interface: interface.to_owned(),
        router: router.to_owned(),
    };
    let line = StepStatus::Syslog { line: "ipxe: a\\x1b[2J \"b\"".to_owned() };
    Status {
        config: Some("/etc/rack.toml".into()),
        version: "0.1.0".to_owned(),
        uptime_seconds: 93_784,
        ready: true,
        interfaces: vec![
            interface("eth0", "native", None),
            interface("bond0", "generic", Some("the driver has no XDP")),
        ],
        verdicts: vec![verdict("offer", 12, 3), verdict("nak", 0, 0), verdict("ack", 0, 1)],
        services: vec![
            service("boot.root", "", "degraded", Some("it is empty")),
            service("tftp", "udp://0.0.0.0:69", "serving", None),
        ],
        machines: vec![
            MachineStatus {
                nic: Some("52:54:00:ee:0d:1b".to_owned()),
                ..machine("52:54:00:ee:0d:0b", step)
            },
            machine("52:54:00:ee:0d:0c", line),
        ],
        quarantined: vec![QuarantinedMachine {
            mac: "52:54:00:ee:0d:0b".to_owned(),
            ip: Some(Ipv4Addr::new(192, 168, 2, 144)),
            seconds_left: 59,
        }],
        unknown: vec![unknown("02:00:00:00:00:01", Some(0)), unknown("02:00:00:00:00:02", None)],
        other_servers: vec![
            OtherServer {
                address: Ipv4Addr::new(192, 168, 2, 1),
                mac: Some("02:00:00:00:00:66".to_owned()),
                interface: "eth0 vlan 100".to_owned(),
                relay: None,
                standing: Expectation::Unexpected,
                kind: ServerKind::Dhcp,
                first_seen: NOW - 3700,
                last_seen: NOW - 3,
                messages: 12,
                machine: Some("52:54:00:ee:0d:0b".to_owned()),
                offered: Some(Ipv4Addr::new(192, 168, 2, 77)),
            },
            OtherServer {
                address: Ipv4Addr::new(192, 168, 3, 1),
                mac: None,
                interface: "eth0".to_owned(),
                relay: Some(Ipv4Addr::new(192, 168, 2, 9)),
                standing: Expectation::Known,
                kind: ServerKind::ProxyDhcp,
                first_seen: NOW - 3,
                last_seen: NOW - 3,
                messages: 1,
                machine: None,
                offered: None,
            },
        ],
        ipv6_routers: vec![
            router("eth0", "none answers"),
            router("eth0 vlan 100", "fe80::1 (02:00:00:00:00:09)"),
        ],
        counters: [("syslog-rate-limited".to_owned(), 5), ("syslog-unwritten".to_owned(), 0)]
            .into(),
    }
}

#[test]
fn tables() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let expect = "\
netboot 0.1.0, up 1day 2h

INTERFACE  XDP      NOTE
eth0       native
bond0      generic  the driver has no XDP

INTERFACE      IPV6 ROUTER
eth0           none answers
eth0 vlan 100  fe80::1 (02:00:00:00:00:09)

SERVICE    LISTEN            STATE     NOTE
boot.root  -                 degraded  it is empty
tftp       udp://0.0.0.0:69  serving

VERDICT  KERNEL  USERSPACE
offer        12          3
ack           0          1

COUNTER              COUNT
syslog-rate-limited      5

MACHINE            ADDRESS        HOSTNAME  SEEN    LAST STEP
52:54:00:ee:0d:0b  192.168.2.144  -         3s ago  dhcp: DISCOVER pxe x86_64-uefi: offer (by 52:54:00:ee:0d:1b)
52:54:00:ee:0d:0c  192.168.2.144  -         3s ago  syslog: ipxe: a\\x1b[2J \"b\"

DECLINED BY        ADDRESS        HELD BACK FOR
52:54:00:ee:0d:0b  192.168.2.144  59s

OTHER SERVER  STATE            MAC                INTERFACE                MESSAGES  SEEN    FIRST      MACHINE            OFFERED
192.168.2.1   unexpected       02:00:00:00:00:66  eth0 vlan 100                  12  3s ago  1h 1m ago  52:54:00:ee:0d:0b  192.168.2.77
192.168.3.1   known ProxyDHCP  -                  eth0 behind 192.168.2.9         1  3s ago  3s ago     -                  -

UNKNOWN MACHINE    ARCHITECTURE  INTERFACE  REQUESTS  SEEN
02:00:00:00:00:01  x86-bios      eth0             12  1h 1m ago
02:00:00:00:00:02  -             eth0             12  1h 1m ago

To add one, with an address of its subnet in place of ADDRESS:
  netboot host add --mac 02:00:00:00:00:01 --ip ADDRESS --config /etc/rack.toml
  netboot host add --mac 02:00:00:00:00:02 --ip ADDRESS --config /etc/rack.toml
";
    assert_eq!(table::render(&status(), now), expect);
    let nothing = Status { version: "1".to_owned(), ..Status::default() };
    assert_eq!(table::render(&nothing, now), "netboot 1, up 0s\n");
}

fn config(state_dir: &Path) -> Config {
    let mut config = Config::unconfigured();
    config.state_dir = state_dir.to_owned();
    config.xdp.pin_path = state_dir.join("pins").into();
    config
}

#[test]
fn without_a_daemon() {
    let dir = TempDir::new().unwrap();
    for format in [Format::Json, Format::Text] {
        let error = super::print(&config(dir.path()), None, format).unwrap_err();
        assert!(error.is::<NotRunning>(), "{error:#}");
        assert!(error.to_string().starts_with("no netboot daemon is running on /"), "{error:#}");
    }
    let long = dir.path().join("x".repeat(200));
    let error = super::print(&config(&long), None, Format::Json).unwrap_err().to_string();
    assert!(error.ends_with("is too long for a socket"), "{error}");
}

#[test]
fn another_version_is_told() {
    let dir = TempDir::new().unwrap();
    let listener = StdUnixListener::bind(socket_path(dir.path())).unwrap();
    let server = std::thread::spawn(move || {
        std::io::Write::write_all(&mut listener.accept().unwrap().0, b"{\"version\":1}").unwrap();
    });
    let error = super::print(&config(dir.path()), None, Format::Text).unwrap_err().to_string();
    server.join().unwrap();
    assert!(error.contains("of another version"), "{error}");
}

const HASTE: Patience =
    Patience { silence: Duration::from_millis(300), whole: Duration::from_millis(900) };

/// A daemon that hangs, one that says a byte at a time, and one that takes no connection.
#[test]
fn a_daemon_that_hangs_is_named_and_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(socket_path(dir.path())).unwrap()).unwrap();
    listener.listen(1).unwrap();
    let error = format!("{:#}", read_within(&socket_path(dir.path()), HASTE).unwrap_err());
    let own = std::process::id();
    assert!(error.contains(&format!("(process {own}) does not answer: 0 bytes came")), "{error}");
    // Until the queue is full.
    let waiting: Vec<_> = (0..500)
        .map_while(|_| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let address = SockAddr::unix(socket_path(dir.path())).unwrap();
            socket.connect(&address).ok().map(|()| socket)
        })
        .collect();
    let error = read_within(&socket_path(dir.path()), HASTE).unwrap_err().to_string();
    assert!(error.ends_with("it took no connection in 300ms, and others wait, too"), "{error}");
    drop((waiting, listener));
}

#[test]
fn a_daemon_that_never_ends_its_answer_is_given_up() {
    let dir = TempDir::new().unwrap();
    let listener = StdUnixListener::bind(socket_path(dir.path())).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while std::io::Write::write_all(&mut stream, b" ").is_ok() {
            std::thread::sleep(HASTE.silence / 3);
        }
    });
    let error = read_within(&socket_path(dir.path()), HASTE).unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    server.join().unwrap();
}
