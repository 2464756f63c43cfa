//! One service fails, the others serve, and `/readyz` names it until it is well.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Build, Daemon, Setup, Xdp, wait_until_ready},
    lab::{CLIENT, INTERFACE, Lab, SERVER},
    process::{self, Process},
    transfer::{Syslog, curl, logger, tftp},
    wait::wait_for,
};
use nix::sys::signal::Signal;

use crate::site::{Site, uefi_file};

const DEADLINE: Duration = Duration::from_secs(30);
const SYSLOG: SocketAddrV4 = SocketAddrV4::new(SERVER, 514);

/// A socket that somebody else has.
enum Taken {
    Udp(u16),
    Tcp(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Dhcp,
    Tftp,
    Http,
    SyslogUdp,
    SyslogTcp,
}

const SERVICES: [Service; 5] =
    [Service::Dhcp, Service::Tftp, Service::Http, Service::SyslogUdp, Service::SyslogTcp];

/// A client gets what it asks for.
fn use_service(lab: &Lab, service: Service) -> Result<()> {
    match service {
        Service::Dhcp => {
            let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
            ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
        }
        Service::Tftp => ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == uefi_file(), "tftp"),
        Service::Http => {
            let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
            ensure!(answer.status == 200 && answer.body == uefi_file(), "{}", answer.status);
        }
        Service::SyslogUdp => logger(&lab.client, SYSLOG, Syslog::Udp, "a line")?,
        Service::SyslogTcp => logger(&lab.client, SYSLOG, Syslog::Tcp, "a line")?,
    }
    Ok(())
}

pub(crate) fn readyz(lab: &Lab) -> Result<(u16, String)> {
    let answer = curl(&lab.server, &format!("http://{SERVER}/readyz"), &[])?;
    Ok((answer.status, String::from_utf8(answer.body)?))
}

/// Waits for a page that is, or is not, about this.
pub(crate) fn wait_for_page(
    lab: &Lab,
    status: u16,
    is_right: impl Fn(&str) -> bool,
) -> Result<String> {
    wait_for(&format!("/readyz with {status}"), DEADLINE, || {
        let (got, text) = readyz(lab)?;
        Ok((got == status && is_right(&text)).then_some(text))
    })
    .with_context(|| format!("{:?}", readyz(lab)))
}

/// Waits until `/readyz` names a part, and `netboot status` says why.
pub(crate) fn wait_for_trouble(
    lab: &Lab,
    setup: &Setup,
    status: u16,
    part: &str,
    why: &str,
) -> Result<()> {
    let page = wait_for_page(lab, status, |page| {
        page.lines().any(|line| line.trim_start_matches("degraded: ") == part)
    })?;
    ensure!(!page.contains(why), "the network is told why: {page}");
    wait_for_note(lab, setup, part, why)
}

/// Waits until `netboot status` says this of a part.
pub(crate) fn wait_for_note(lab: &Lab, setup: &Setup, part: &str, why: &str) -> Result<()> {
    let mut last = String::new();
    wait_for(&format!("{part}: {why} in the status"), DEADLINE, || {
        last = process::run(setup.command(&lab.server, &["status", "--json"])?, DEADLINE)?;
        let status: serde_json::Value = serde_json::from_str(&last)?;
        let services = status["services"].as_array().context("services")?;
        let is_said = services.iter().any(|row| {
            row["name"] == part && row["note"].as_str().is_some_and(|note| note.contains(why))
        });
        Ok(is_said.then_some(()))
    })
    .with_context(|| last)
}

fn counter(lab: &Lab, setup: &Setup, name: &str) -> Result<u64> {
    let text = process::run(setup.command(&lab.server, &["status", "--json"])?, DEADLINE)?;
    let status: serde_json::Value = serde_json::from_str(&text)?;
    status["counters"][name].as_u64().with_context(|| format!("no {name}: {status}"))
}

/// The daemon in a mount namespace of its own, whose state directory is a disk of one MiB.
fn start_on_small_disk(lab: &Lab, setup: Setup) -> Result<Daemon> {
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";
    let state = setup.state_dir().display().to_string();
    let words = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", mount, &state];
    setup.start_through(&lab.server, &words, Build::This)
}

fn check_taken(taken: &Taken, service: Service, word: &str) -> Result<()> {
    let lab = Lab::with_client_address()?;
    let holder = lab.server.enter(|| {
        Ok(match *taken {
            Taken::Udp(port) => (Some(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?), None),
            Taken::Tcp(port) => (None, Some(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?)),
        })
    })?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    for other in SERVICES.into_iter().filter(|other| *other != service) {
        use_service(&lab, other).with_context(|| format!("{other:?} beside {service:?}"))?;
    }
    let status = daemon.status(&lab.server)?;
    let down: Vec<_> = status["services"]
        .as_array()
        .context("services")?
        .iter()
        .filter(|row| row["state"] == "down")
        .collect();
    ensure!(down.len() == 1, "{status}");
    let why = down[0]["note"].as_str().unwrap_or_default().to_owned();
    ensure!(why.contains(word) && why.contains("`ss -ln"), "{why}");
    ensure!(daemon.log().matches(word).count() == 1, "said once:\n{}", daemon.log());
    if service != Service::Http {
        let (code, page) = readyz(&lab)?;
        let name = down[0]["name"].as_str().unwrap_or_default();
        ensure!(code == 503 && page.lines().next() == Some(name), "{code} {page}");
        ensure!(!page.contains(word), "the network is told why: {page}");
        let metrics = curl(&lab.client, &format!("http://{SERVER}/metrics"), &[])?;
        let line = format!("netboot_up{{name=\"{name}\"}} 0");
        ensure!(String::from_utf8(metrics.body)?.contains(&line), "no {line}");
    }
    drop(holder);
    wait_for(&format!("{service:?}"), DEADLINE, || Ok(use_service(&lab, service).ok()))?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    daemon.stop()
}

#[test]
fn a_taken_tftp_port_stops_nothing_else() -> Result<()> {
    check_taken(&Taken::Udp(69), Service::Tftp, "cannot listen on UDP 0.0.0.0:69")
}

#[test]
fn a_taken_http_port_stops_nothing_else() -> Result<()> {
    check_taken(&Taken::Tcp(80), Service::Http, "cannot listen on TCP 0.0.0.0:80")
}

#[test]
fn taken_syslog_ports_stop_nothing_else() -> Result<()> {
    check_taken(&Taken::Udp(514), Service::SyslogUdp, "cannot listen on UDP 0.0.0.0:514")?;
    check_taken(&Taken::Tcp(514), Service::SyslogTcp, "cannot listen on TCP 0.0.0.0:514")
}

#[test]
fn a_full_disk_costs_log_lines_only() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let daemon = start_on_small_disk(&lab, Site::new()?.setup(Xdp::Generic)?)?;
    // Where the daemon sees it.
    let root = Path::new("/proc").join(daemon.process().id().to_string()).join("root");
    let disk = root.join(daemon.setup().state_dir().strip_prefix("/")?);
    let status = || -> Result<(u64, String)> {
        let text = curl(&lab.client, &format!("http://{SERVER}/metrics"), &[])?.body;
        let text = String::from_utf8(text)?;
        let name = "netboot_events_total{name=\"syslog-unwritten\"} ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Ok((line.context("no counter")?.parse()?, text))
    };
    let mut filler = File::create(disk.join("filler"))?;
    while filler.write_all(&[0; 4096]).is_ok() {}
    for _ in 0..3 {
        for service in SERVICES {
            use_service(&lab, service).with_context(|| format!("{service:?}"))?;
        }
    }
    wait_for("lines that are counted", DEADLINE, || Ok((status()?.0 >= 6).then_some(())))?;
    let page = wait_for_page(&lab, 200, |page| page.contains("degraded: syslog\n"))?;
    ensure!(!page.contains("No space left on device"), "the network is told why: {page}");
    ensure!(daemon.log().contains("No space left on device"), "{}", daemon.log());
    let warnings = daemon.log().matches("cannot write syslog files").count();
    ensure!(warnings == 1, "{warnings} warnings:\n{}", daemon.log());

    drop(filler);
    fs::remove_file(disk.join("filler"))?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    let before = status()?.0;
    logger(&lab.client, SYSLOG, Syslog::Udp, "there is room")?;
    let file = disk.join("log/52-54-00-ee-0d-0b.log");
    wait_for("the line", DEADLINE, || {
        Ok(fs::read_to_string(&file).unwrap_or_default().contains("there is room").then_some(()))
    })?;
    ensure!(status()?.0 == before, "it was counted too");
    daemon.stop()
}

#[test]
fn an_unusable_state_directory_is_no_reason_to_stop() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let state = setup.state_dir();
    fs::remove_dir(&state)?;
    fs::write(&state, "in the way")?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    for round in ["at the start", "while it runs"] {
        for service in SERVICES {
            use_service(&lab, service).with_context(|| format!("{service:?} {round}"))?;
        }
        wait_for_page(&lab, 200, |page| {
            page.contains("degraded: status\n") && page.contains("degraded: syslog\n")
        })
        .context(round)?;
        fs::remove_file(&state)?;
        wait_for_page(&lab, 200, |page| page == "ready\n").context(round)?;
        ensure!(counter(&lab, daemon.setup(), "syslog-unwritten")? > 0, "{round}");
        fs::remove_dir_all(&state)?;
        fs::write(&state, "in the way again")?;
    }
    daemon.stop()
}

#[test]
fn boot_root_may_go_and_come() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let site = Site::new()?;
    let root = site.root().to_owned();
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let away = root.with_extension("away");
    fs::rename(&root, &away)?;
    wait_for_page(&lab, 200, |page| page.contains("degraded: boot.root\n"))?;
    let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
    ensure!(answer.status == 503, "{}", answer.status);
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi").is_err(), "a file from nowhere");
    use_service(&lab, Service::Dhcp)?;
    fs::rename(&away, &root)?;
    use_service(&lab, Service::Tftp)?;
    use_service(&lab, Service::Http)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    daemon.stop()
}

/// A daemon that runs without its files must start without them.
#[test]
fn a_start_without_boot_files() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let site = Site::new()?;
    let root = site.root().to_owned();
    let setup = site.setup(Xdp::Generic)?;
    let away = root.with_extension("away");
    fs::rename(&root, &away)?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(daemon.log().contains("create the directory, or name another"), "{}", daemon.log());
    use_service(&lab, Service::Dhcp)?;
    wait_for_page(&lab, 200, |page| page.contains("degraded: boot.root\n"))?;
    fs::rename(&away, &root)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    use_service(&lab, Service::Tftp)?;

    fs::remove_file(root.join("undionly.kpxe"))?;
    let check = process::output(daemon.setup().command(&lab.server, &["check"])?, DEADLINE)?;
    ensure!(!check.status.success() && check.stderr.contains("undionly.kpxe: no such file"));
    daemon.process().signal(Signal::SIGKILL)?;
    let mut second = daemon.setup().spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut second)?;
    let words = "undionly.kpxe: no such file or directory; put it there, or correct the name";
    ensure!(second.stderr().contains(words), "{}", second.stderr());
    for service in SERVICES {
        use_service(&lab, service).with_context(|| format!("{service:?}"))?;
    }
    ensure!(second.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// The daemon's log goes to a pipe, which is full at once.
struct Pipe {
    dir: tempfile::TempDir,
    reader: File,
}

impl Pipe {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("log");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU)?;
        // For writing too: otherwise opening it would wait for a writer.
        let reader = File::options().read(true).write(true).open(path)?;
        Ok(Self { dir, reader })
    }

    fn spawn(&self, lab: &Lab, setup: &Setup) -> Result<Process> {
        let log = self.dir.path().join("log").display().to_string();
        let words = ["sh", "-c", "exec \"$@\" 2>\"$0\"", &log];
        Process::spawn(setup.run_through(&lab.server, &words, Build::This)?)
    }
}

/// Lines of a machine, faster than anybody types.
fn say_much(lab: &Lab) -> Result<()> {
    lab.client.enter(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        for number in 0..1000 {
            socket.send_to(format!("<6>app: {number}").as_bytes(), SYSLOG)?;
        }
        Ok(())
    })
}

#[test]
fn nobody_need_read_the_log() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let pipe = Pipe::new()?;
    let daemon = pipe.spawn(&lab, &setup)?;
    wait_for("the status", DEADLINE, || Ok(counter(&lab, &setup, "log-lines-lost").ok()))?;
    wait_for("lines that are lost", DEADLINE * 2, || {
        say_much(&lab)?;
        Ok((counter(&lab, &setup, "log-lines-lost")? > 0).then_some(()))
    })?;
    for service in SERVICES {
        use_service(&lab, service).with_context(|| format!("{service:?}, the pipe is full"))?;
    }

    drop(pipe.reader);
    let before = counter(&lab, &setup, "log-lines-lost")?;
    for service in SERVICES {
        use_service(&lab, service).with_context(|| format!("{service:?}, the pipe is closed"))?;
    }
    wait_for("lines that cannot be written", DEADLINE, || {
        use_service(&lab, Service::Http)?;
        Ok((counter(&lab, &setup, "log-lines-lost")? > before).then_some(()))
    })?;
    ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
    Ok(())
}

/// 16 descriptors more than the daemon itself has, and more connections than that.
#[test]
fn descriptors_may_run_out() -> Result<()> {
    const SPARE: usize = 16;
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.file("large", &vec![7; 100_000])?.setup(Xdp::Generic)?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    let id = daemon.process().id();
    let taken = || anyhow::Ok(fs::read_dir(format!("/proc/{id}/fd"))?.count());
    let most = taken()? + SPARE;
    let mut limit = Command::new("prlimit");
    limit.args(["--pid", &id.to_string(), &format!("--nofile={most}:{most}")]);
    process::run(limit, DEADLINE)?;
    let connections = lab.client.enter(|| {
        let connect = |port| TcpStream::connect((SERVER, port));
        Ok([80, 514].repeat(16).into_iter().map(connect).collect::<Vec<_>>())
    })?;
    wait_for("a line on descriptors", DEADLINE, || {
        Ok(daemon.log().contains("Too many open files").then_some(()))
    })?;
    use_service(&lab, Service::Dhcp)?;
    drop(connections);
    for service in SERVICES {
        wait_for(&format!("{service:?}"), DEADLINE, || Ok(use_service(&lab, service).ok()))?;
    }
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    ensure!(counter(&lab, daemon.setup(), "service-failures")? == 0, "{}", daemon.log());
    daemon.stop()
}

/// Modes are the same whatever the umask, and the socket goes with the daemon.
#[test]
fn the_state_is_for_the_daemons_group() -> Result<()> {
    for umask in ["000", "077"] {
        let lab = Lab::with_client_address()?;
        let setup = Site::new()?.setup(Xdp::Off)?;
        let state = setup.state_dir();
        fs::remove_dir(&state)?;
        let words = ["sh", "-c", "umask \"$0\" && exec \"$@\"", umask];
        let mut daemon = Process::spawn(setup.run_through(&lab.server, &words, Build::This)?)?;
        wait_until_ready(&mut daemon)?;
        logger(&lab.client, SYSLOG, Syslog::Udp, "a line")?;
        let file = state.join("log/52-54-00-ee-0d-0b.log");
        wait_for("the log", DEADLINE, || Ok(file.exists().then_some(())))?;
        let socket = state.join("status.sock");
        let log = state.join("log");
        for (path, expect) in [(&state, 0o750), (&log, 0o750), (&file, 0o640), (&socket, 0o660)] {
            wait_for(&format!("{} {expect:o} {umask}", path.display()), DEADLINE, || {
                let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
                Ok((mode == expect).then_some(()))
            })?;
        }
        ensure!(daemon.terminate(DEADLINE)?.status.success(), "it did not end well");
        ensure!(!socket.exists(), "the status socket stays behind");
    }
    Ok(())
}
