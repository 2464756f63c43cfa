//! Tests of the HTTP server over loopback.

mod connections;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use netboot_ebpf::{client::Stage, shared::Vlan, verdict::Verdict, wire::REQUEST};
use netboot_machines::{
    channel::{Happened, channel},
    event::{DecidedBy, DhcpEvent, Event, EventKind, HttpEvent, MachineText, Segment},
};
use netboot_site::model::{HostScript, Inventory};
use parking_lot::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::connections::ConnectionLimits;

const CONTENT: &str = "0123456789";
const LIMITS: ConnectionLimits = ConnectionLimits { all: 200, of_source: 64 };

fn mac(last: u8) -> Mac {
    Mac { octets: [0x52, 0x54, 0, 0, 0, last] }
}

/// A header line as GRUB 2.06 knows it: it compares names with their case.
fn in_title_case(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap();
    let title = |word: &str| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..]);
    let name: Vec<_> = name.split('-').map(title).collect();
    format!("{}:{value}", name.join("-"))
}

fn host(last: u8, ip: Ipv4Addr) -> Host {
    Host {
        mac: mac(last),
        ip,
        hostname: Some(format!("machine{last}")),
        script: Some(HostScript::Text(format!("#!ipxe\necho machine{last}\n"))),
        ..Host::default()
    }
}

fn asked(machine: u8, path: &str, status: u16) -> (Mac, EventKind) {
    (mac(machine), HttpEvent { path: MachineText::of(path), status }.into())
}

async fn panics_always() -> &'static str {
    panic!("as asked")
}

/// A server; machine 1 has the address that requests come from, machine 3 may not boot.
struct Lab {
    directory: tempfile::TempDir,
    server: SocketAddr,
    machines: Machines,
    happened: Mutex<Happened>,
    counters: Arc<Counters>,
    /// Of the service, as it was told.
    said: Arc<Mutex<Vec<Option<String>>>>,
    cancel: CancellationToken,
    serving: JoinHandle<()>,
}

impl Lab {
    async fn new() -> Self {
        Self::with([
            host(1, Ipv4Addr::LOCALHOST),
            host(2, [10, 0, 0, 2].into()),
            Host { netboot: false, ..host(3, [10, 0, 0, 3].into()) },
            Host { script: None, ..host(4, [10, 0, 0, 4].into()) },
        ])
        .await
    }

    async fn with(hosts: impl IntoIterator<Item = Host>) -> Self {
        Self::start(PATIENCE, hosts, Strangers::Refused).await
    }

    async fn start(
        patience: Duration,
        hosts: impl IntoIterator<Item = Host>,
        strangers: Strangers,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let names = ["ipxe.efi", "ipxe.efi.signed", "debian.iso", "disk.img", "loader"];
        for name in names.into_iter().chain(["boot.ipxe", "vmlinuz-x86_64", "a b"]) {
            fs::write(root.join(name), CONTENT).unwrap();
        }
        fs::write(root.join("empty"), "").unwrap();
        fs::write(root.join("shim"), "MZ 4567890").unwrap();
        fs::create_dir(root.join("pxelinux.cfg")).unwrap();
        fs::write(root.join("pxelinux.cfg/01-52-54-00-ee-0d-0b"), CONTENT).unwrap();
        fs::write(root.join("large"), vec![7; 3_000_000]).unwrap();
        fs::create_dir(root.join("directory")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("out")).unwrap();
        let file = fs::File::options().write(true).open(root.join("ipxe.efi")).unwrap();
        let date = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(date).unwrap();

        let machines = Machines::new(Inventory::new(hosts.into_iter().map(Arc::new)));
        let (teller, happened) = channel();
        let script =
            model::Script { consoles: Vec::new(), ..model::Settings::unconfigured().script };
        let settings = HttpSettings { script, strangers, uefi_files: ["loader".into()].into() };
        let counters: Arc<Counters> = Arc::default();
        let site = HttpSite {
            files: Files::new(root),
            machines: machines.clone(),
            teller,
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            counters: Arc::clone(&counters),
            more: Router::new()
                .route("/metrics", get("figures\n"))
                .route("/panic", get(panics_always)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let lines = LogBudget::new("http");
        let (router, counters) = (router(site, &lines), Arc::clone(&counters));
        let door = Acceptor { router, lines, counters, patience, cancel: cancel.clone() };
        let (said, counters) = (Arc::<Mutex<Vec<_>>>::default(), Arc::clone(&door.counters));
        let tell = {
            let said = Arc::clone(&said);
            move |why: Option<&str>| said.lock().push(why.map(str::to_owned))
        };
        let serving = tokio::spawn(door.open(listener, LIMITS, tell));
        let happened = Mutex::new(happened);
        Self { directory, server, machines, happened, counters, said, cancel, serving }
    }

    /// The answer to these request lines, as it came.
    async fn ask(&self, request: &str) -> String {
        let server = self.server;
        let request = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        spawn_blocking(move || {
            let mut stream = TcpStream::connect(server).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap()
    }

    /// `expect` is the status, header lines that must be there, and, behind an empty line, the whole body.
    async fn check(&self, request: &str, expect: &str) {
        let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
        let mut lines = format!("{line} HTTP/1.1\nHost: 127.0.0.1\nConnection: close");
        if !headers.is_empty() {
            lines = format!("{lines}\n{headers}");
        }
        let answer = self.ask(&lines).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (expect_head, expect_body) = expect.split_once("\n\n").unwrap_or((expect, ""));
        let mut expect_head = expect_head.lines();
        let status = format!("HTTP/1.1 {} ", expect_head.next().unwrap());
        assert!(head.starts_with(&status), "{request}: no {status:?} in\n{answer}");
        for line in expect_head {
            let line = in_title_case(line);
            assert!(head.lines().any(|found| found == line), "{request}: no {line:?} in\n{answer}");
        }
        assert_eq!(body, expect_body, "{request}");
        assert!(!head.to_ascii_lowercase().contains("\r\nlocation:"), "{answer}");
    }

    /// What was told since this was asked last.
    fn told(&self) -> Vec<(Mac, EventKind)> {
        let mut happened = self.happened.lock();
        std::iter::from_fn(|| happened.try_next()).map(|event| (event.mac, event.what)).collect()
    }

    async fn end(self) {
        self.cancel.cancel();
        self.serving.await.unwrap();
    }
}

#[tokio::test]
async fn files() {
    let lab = Lab::new().await;
    lab.check(
        "GET /ipxe.efi",
        "200\ncontent-type: application/efi\ncontent-length: 10\naccept-ranges: bytes\n\
         last-modified: Sun, 09 Sep 2001 01:46:40 GMT\n\n0123456789",
    )
    .await;
    lab.check("HEAD /ipxe.efi", "200\ncontent-type: application/efi\ncontent-length: 10").await;
    lab.check("GET /boot.ipxe", "200\ncontent-type: text/plain; charset=utf-8\n\n0123456789").await;
    let binary = "200\ncontent-type: application/octet-stream\n\n0123456789";
    lab.check("GET /vmlinuz-x86_64?x=y", binary).await;
    lab.check("GET /ipxe/vmlinuz-x86_64", binary).await;
    lab.check("GET //vmlinuz-x86_64", binary).await;
    lab.check("GET /52:54:00:00:00:02/vmlinuz-x86_64", binary).await;
    lab.check("GET /ipxe/binary/52:54:00:00:00:02/vmlinuz-x86_64", binary).await;
    lab.check("GET /a%20b", binary).await;
    for (path, media_type, content) in [
        ("/ipxe.efi.signed", "application/efi", CONTENT),
        ("/ipxe/loader", "application/efi", CONTENT),
        ("/52:54:00:00:00:02/loader", "application/efi", CONTENT),
        ("/shim", "application/efi", "MZ 4567890"),
        ("/debian.iso", "application/vnd.efi-iso", CONTENT),
        ("/disk.img", "application/vnd.efi-img", CONTENT),
    ] {
        let expect = format!("200\ncontent-type: {media_type}\ncontent-length: 10");
        lab.check(&format!("HEAD {path}"), &expect).await;
        lab.check(&format!("GET {path}"), &format!("{expect}\n\n{content}")).await;
    }
    for mac in ["52-54-00-ee-0d-0b", "52-54-00-EE-0D-0B"] {
        lab.check(&format!("GET /pxelinux.cfg/01-{mac}"), binary).await;
    }
    lab.check("GET /empty", "200\ncontent-length: 0").await;
    lab.check("GET /large", &format!("200\n\n{}", "\u{7}".repeat(3_000_000))).await;

    lab.check("GET /none", "404\n\n# there is no such file\n").await;
    lab.check("GET /", "404\n\n# there is no such file\n").await;
    lab.check("GET /directory", "404\n\n# there is no such file\n").await;
    lab.check("HEAD /none", "404\ncontent-length: 24").await;
    lab.check("GET /out", "403\n\n# an absolute symlink, or one that leads out of boot.root\n")
        .await;
    lab.check("GET /../etc/passwd", "403\n\n# `..` in the name\n").await;
    lab.check("GET /%2e%2e%2fetc/passwd", "403\n\n# `..` in the name\n").await;
    lab.check(r"GET /..%5cetc%5cpasswd", "403\n\n# `..` in the name\n").await;
    lab.check("GET /ipxe.efi%00", "403\n\n# a NUL in the name\n").await;
    for method in ["POST", "PUT", "DELETE"] {
        let text =
            format!("405\nallow: GET,HEAD\n\n# {method} is not possible here: GET and HEAD are\n");
        lab.check(&format!("{method} /ipxe.efi"), &text).await;
    }

    for path in ["/healthz", "/healthcheck"] {
        lab.check(&format!("GET {path}"), "200\n\nok\n").await;
        let text = "405\nallow: GET,HEAD\n\n# PUT is not possible here: GET and HEAD are\n";
        lab.check(&format!("PUT {path}"), text).await;
    }
    lab.check("GET /metrics", "200\n\nfigures\n").await;

    fs::remove_dir_all(lab.directory.path()).unwrap();
    let text = "503\n\n# the file cannot be read: the server's log says why\n";
    lab.check("GET /ipxe.efi", text).await;
    lab.end().await;
}

#[tokio::test]
async fn one_host_is_named() {
    let lab = Lab::new().await;
    let refused = "# a request of HTTP/1.1 has one field Host: send it once\n";
    for (version, hosts, expect) in [
        ("1.1", &[][..], 400),
        ("1.1", &["x"], 200),
        ("1.1", &[""], 200),
        ("1.1", &["x", "x"], 400),
        ("1.1", &["x", "y"], 400),
        ("1.0", &[], 200),
        ("1.0", &["x"], 200),
        ("1.0", &["x", "y"], 400),
    ] {
        for (path, body) in
            [("/ipxe.efi", CONTENT), ("/healthz", "ok\n"), ("/metrics", "figures\n")]
        {
            let hosts: String = hosts.iter().map(|host| format!("Host: {host}\n")).collect();
            let request = format!("GET {path} HTTP/{version}\n{hosts}Connection: close");
            let answer = lab.ask(&request).await;
            let (head, got) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/{version} {expect} ")), "{request}:\n{answer}");
            assert_eq!(got, if expect == 200 { body } else { refused }, "{request}");
        }
    }
    assert!(lab.told().contains(&asked(1, "/ipxe.efi", 400)));
    lab.end().await;
}

#[tokio::test]
async fn a_panic_fails_one_answer() {
    let lab = Lab::new().await;
    for count in 1..=3 {
        let text = "500\n\n# a mistake of the server: see its log\n";
        lab.check("GET /panic", text).await;
        assert_eq!(lab.counters.panics.load(Relaxed), count);
        lab.check("GET /metrics", "200\n\nfigures\n").await;
    }
    lab.end().await;
}

#[tokio::test]
async fn ranges_and_conditions() {
    let lab = Lab::new().await;
    const ALL: &str = "200\ncontent-length: 10\n\n0123456789";
    let get = |headers: &str| format!("GET /ipxe.efi\n{headers}");

    for (range, expect, body) in [
        ("0-0", "0-0", "0"),
        ("2-4", "2-4", "234"),
        ("7-", "7-9", "789"),
        ("-3", "7-9", "789"),
        ("-100", "0-9", CONTENT),
        ("8-100", "8-9", "89"),
    ] {
        let length = body.len();
        lab.check(
            &get(&format!("Range: bytes={range}")),
            &format!("206\ncontent-range: bytes {expect}/10\ncontent-length: {length}\n\n{body}"),
        )
        .await;
    }
    for range in ["10-", "10-12", "100-"] {
        lab.check(
            &get(&format!("Range: bytes={range}")),
            "416\ncontent-range: bytes */10\n\n# the file has 10 bytes, none of them in that range\n",
        )
        .await;
    }
    for range in ["bytes=0-1,3-4", "lines=1-2", "bytes=x"] {
        lab.check(&get(&format!("Range: {range}")), ALL).await;
    }
    lab.check(
        "GET /empty\nRange: bytes=0-",
        "416\ncontent-range: bytes */0\n\n# the file has 0 bytes, none of them in that range\n",
    )
    .await;
    for range in ["2-4", "10-", "x"] {
        let head = format!("HEAD /ipxe.efi\nRange: bytes={range}");
        lab.check(&head, "200\ncontent-length: 10").await;
    }

    let answer = lab.ask("HEAD /ipxe.efi HTTP/1.1\nHost: x\nConnection: close").await;
    let tag = answer.lines().find_map(|line| line.strip_prefix("Etag: ")).unwrap().to_owned();
    const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const EARLIER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    let part = "206\n\n01";
    lab.check(&get(&format!("If-None-Match: {tag}")), "304").await;
    lab.check(&get("If-None-Match: \"other\""), ALL).await;
    lab.check(&get(&format!("If-Modified-Since: {DATE}")), "304").await;
    lab.check(&get(&format!("If-Modified-Since: {EARLIER}")), ALL).await;
    let both = format!("If-None-Match: \"other\"\nIf-Modified-Since: {DATE}");
    lab.check(&get(&both), ALL).await;
    lab.check(&get(&format!("Range: bytes=0-1\nIf-Range: {tag}")), part).await;
    lab.check(&get("Range: bytes=0-1\nIf-Range: \"other\""), ALL).await;
    lab.check(&get(&format!("Range: bytes=0-1\nIf-Range: {DATE}")), part).await;
    const LATER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";
    let unquoted = tag.trim_matches('"');
    let weak = format!("W/{tag}");
    for other in [EARLIER, LATER, "garbage", unquoted, &weak] {
        lab.check(&get(&format!("Range: bytes=0-1\nIf-Range: {other}")), ALL).await;
    }
    let failed = "412\n\n# the file is another one here\n";
    lab.check(&get("If-Match: \"other\""), failed).await;
    lab.check(&get(&format!("If-Match: {tag}")), ALL).await;
    lab.check(&get(&format!("If-Unmodified-Since: {EARLIER}")), failed).await;
    lab.end().await;
}

#[tokio::test]
async fn scripts() {
    let lab = Lab::new().await;
    let own = |machine: u8| {
        format!("200\ncontent-type: text/plain; charset=utf-8\n\n#!ipxe\necho machine{machine}\n")
    };
    lab.check("GET /auto.ipxe", &own(1)).await;
    lab.check("GET /52:54:00:00:00:02/auto.ipxe", &own(2)).await;
    lab.check("GET /52-54-00-00-00-02/auto.ipxe", &own(2)).await;
    lab.check("GET /5254.0000.0002/auto.ipxe", &own(2)).await;
    lab.check("GET /ipxe/script/525400000002/auto.ipxe", &own(2)).await;
    lab.check("GET /auto.ipxe\nX-Forwarded-For: 10.0.0.2", &own(1)).await;
    lab.check("HEAD /auto.ipxe", "200\ncontent-length: 21").await;
    lab.check("POST /auto.ipxe", "405\n\n# POST is not possible here: GET and HEAD are\n").await;

    let refused = |reason: &str| format!("200\n\n{}", script::refusal(reason));
    lab.check(
        "GET /52:54:00:00:00:03/auto.ipxe",
        &refused("machine3 (52:54:00:00:00:03) has `netboot = false` in the inventory"),
    )
    .await;
    lab.check(
        "GET /52:54:00:00:00:99/auto.ipxe",
        &refused("no host has the MAC 52:54:00:00:00:99: add the machine to the inventory"),
    )
    .await;

    let hook = lab.ask("GET /525400000004/auto.ipxe HTTP/1.1\nHost: x\nConnection: close").await;
    let line = format!("set download-url http://{}", lab.server);
    assert!(hook.lines().any(|found| found == line), "no {line:?} in\n{hook}");
    lab.end().await;

    let lab = Lab::with([]).await;
    lab.check(
        "GET /auto.ipxe",
        &refused("no host has the address 127.0.0.1: add the machine to the inventory"),
    )
    .await;
    lab.end().await;
}

/// As in mode `auto-proxy`.
#[tokio::test]
async fn scripts_of_strangers() {
    let refused = Host { netboot: false, ..host(3, [10, 0, 0, 3].into()) };
    let lab = Lab::start(PATIENCE, [refused], Strangers::Boot).await;
    let answer = lab.ask("GET /52:54:00:00:00:99/auto.ipxe HTTP/1.1\nHost: x\nConnection: close");
    let answer = answer.await;
    assert!(answer.contains("worker_id=52:54:00:00:00:99"), "{answer}");
    // Who it is must be said.
    let reason = "no host has the address 127.0.0.1: ask for /MAC/auto.ipxe with the machine's MAC, as the script's \
                  URL in the DHCP answer has it";
    let expect = format!("200\n\n{}", script::refusal(reason));
    lab.check("GET /auto.ipxe", &expect).await;
    let reason = "machine3 (52:54:00:00:00:03) has `netboot = false` in the inventory";
    let expect = format!("200\n\n{}", script::refusal(reason));
    lab.check("GET /52:54:00:00:00:03/auto.ipxe", &expect).await;
    lab.end().await;
}

/// Whichever of its MACs asks: the script is the machine's, of the one that has its address.
#[tokio::test]
async fn scripts_of_several_macs() {
    let one = host(1, Ipv4Addr::LOCALHOST);
    let nics = [1, 2].map(|last| host(last, Ipv4Addr::LOCALHOST).mac).to_vec();
    let machine = Host { script: None, nics: nics.clone().into(), ..one };
    let lab = Lab::with(machine.for_each_mac()).await;
    let check = async |path: &str, nic: u8| {
        let answer = lab.ask(&format!("GET {path} HTTP/1.1\nHost: x\nConnection: close")).await;
        for expect in
            ["worker_id=52:54:00:00:00:01".to_owned(), format!("hw_addr=52:54:00:00:00:0{nic}")]
        {
            assert!(answer.contains(&expect), "no {expect} in {answer}");
        }
    };
    check("/auto.ipxe", 1).await;
    check("/52:54:00:00:00:02/auto.ipxe", 2).await;
    let asks = DhcpEvent {
        by: DecidedBy::Kernel,
        segment: Segment { interface: "eth0".into(), vlan: Vlan::NONE },
        relay: None,
        message: REQUEST,
        stage: Stage::Script,
        architecture: None,
        verdict: Verdict::Ack,
    };
    lab.machines.note(Event::now(nics[1], asks));
    check("/auto.ipxe", 2).await;
    let [machine] = &lab.machines.snapshot()[..] else { panic!("{:?}", lab.machines.snapshot()) };
    assert_eq!((machine.mac, machine.nic), (nics[0], Some(nics[1])));
    lab.end().await;
}

#[tokio::test]
async fn machines_are_noted() {
    let lab = Lab::new().await;
    lab.check("GET /auto.ipxe", "200\n\n#!ipxe\necho machine1\n").await;
    assert_eq!(lab.told(), [asked(1, "/auto.ipxe", 200)]);
    lab.check("GET /none", "404\n\n# there is no such file\n").await;
    assert_eq!(lab.told(), [asked(1, "/none", 404)]);
    // What loaders try is no step.
    for path in ["/ipxe/autoexec.ipxe", "/grub/x86_64-efi/fs.lst", "/dtb/"] {
        lab.check(&format!("GET {path}"), "404\n\n# there is no such file\n").await;
        assert_eq!(lab.told(), [], "{path}");
    }
    lab.check("HEAD /525400000002/ipxe.efi", "200").await;
    assert_eq!(lab.told(), [asked(2, "/525400000002/ipxe.efi", 200)]);
    lab.check("GET /healthz", "200\n\nok\n").await;
    assert_eq!(lab.told(), []);
    lab.end().await;
}
