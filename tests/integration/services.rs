//! Files, scripts and logs: real clients of the daemon's services.

use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket},
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Daemon, Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::Namespace,
    program,
    router::set,
    transfer::{Syslog, atftp, curl, logger, tftp},
    wait::wait_for,
};
use nix::sched::{CloneFlags, setns};

use crate::site::{SCRIPT_URL, Site};

/// The client's side of the wire.
const BRIDGE: &str = "br0";

fn file() -> Vec<u8> {
    // Larger than a window, no multiple of any block.
    let bytes = (0..300_001_u32).map(|at| (at % 251) as u8);
    let mut file = program::uefi(program::X86_64, b"");
    file.extend(bytes.skip(file.len()));
    file
}

fn serve() -> Result<(Lab, Daemon)> {
    let lab = Lab::with_client_address()?;
    let site = Site::new()?.file("ipxe.efi", &file())?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    Ok((lab, daemon))
}

#[test]
fn tftp_clients_get_files() -> Result<()> {
    let (lab, daemon) = serve()?;
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == file(), "tftp-hpa");
    for options in [
        &[] as &[&str],
        &["tsize 0"],
        &["blksize 1468"],
        &["windowsize 4"],
        &["blksize 1468", "windowsize 16", "tsize 0"],
    ] {
        ensure!(atftp(&lab.client, SERVER, "ipxe.efi", options)? == file(), "atftp {options:?}");
    }
    let row = daemon.wait_for_step(&lab.server, CLIENT_MAC, "tftp")?;
    ensure!(row["last"]["file"].as_str().is_some_and(|name| name.contains("ipxe.efi")), "{row}");
    ensure!(tftp(&lab.client, SERVER, "none").is_err(), "tftp-hpa: a file from nowhere");
    ensure!(atftp(&lab.client, SERVER, "../state", &[]).is_err(), "atftp: outside of boot.root");
    daemon.stop()
}

/// PXE ROMs take a file only from the address that they asked.
#[test]
fn tftp_answers_from_the_address_that_was_asked() -> Result<()> {
    const SECOND: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 113);
    let lab = Lab::with_client_address()?;
    lab.server.add_address(INTERFACE, &format!("{SECOND}/24"))?;
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("ipxe.efi"), file())?;
    let tables = format!(
        "[dhcp]\nserver-address = \"{SECOND}\"\n\n[[subnet]]\ncidr = \"192.168.2.0/24\"\n\n\
         [boot]\nroot = \"{}\"\n",
        root.path().display()
    );
    let daemon = Setup::new(Xdp::Off, root, &tables)?.start(&lab.server, INTERFACE)?;
    // The other one is no subnet's, and may come later.
    const THIRD: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 114);
    lab.server.add_address(INTERFACE, &format!("{THIRD}/24"))?;
    for address in [SECOND, THIRD] {
        ensure!(tftp(&lab.client, address, "ipxe.efi")? == file(), "tftp-hpa, {address}");
        for name in ["ipxe.efi", "none"] {
            let from = first_answer_from(&lab.client, address, name)?;
            ensure!(from == address, "{name}: an answer of {from}");
        }
    }

    // It goes and comes back.
    let readyz = |status: u16, text: &str| {
        wait_for(text, Duration::from_secs(20), || {
            let answer = curl(&lab.server, "http://127.0.0.1/readyz", &[])?;
            let body = String::from_utf8(answer.body)?;
            Ok((answer.status == status && body.starts_with(text)).then_some(()))
        })
    };
    let at = format!("{SECOND}/24");
    lab.server.ip(&["address", "del", &at, "dev", INTERFACE])?;
    readyz(503, "server-address\n")?;
    let log = daemon.log();
    ensure!(log.contains("192.168.2.113, where machines find services, is no address"), "{log}");
    lab.server.add_address(INTERFACE, &at)?;
    readyz(200, "ready\n")?;
    ensure!(tftp(&lab.client, SECOND, "ipxe.efi")? == file(), "tftp-hpa, when it is back");
    daemon.stop()
}

/// Another program has the port at another address.
#[test]
fn tftp_stands_beside_another_server() -> Result<()> {
    const OTHERS: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 113);
    let lab = Lab::with_client_address()?;
    lab.server.add_address(INTERFACE, &format!("{OTHERS}/24"))?;
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("ipxe.efi"), "theirs")?;
    let root_option = format!("--tftp-root={}", root.path().display());
    let listen = format!("--listen-address={OTHERS}");
    let theirs = lab.server.spawn(
        "dnsmasq",
        &[
            "--no-daemon",
            "--conf-file=/dev/null",
            "--user=root",
            "--port=0",
            "--enable-tftp",
            "--bind-interfaces",
            &root_option,
            &listen,
        ],
    )?;
    wait_for("dnsmasq's TFTP", Duration::from_secs(10), || {
        Ok(theirs.stderr().contains("TFTP root is").then_some(()))
    })?;
    let daemon = Site::new()?.file("ipxe.efi", &file())?.setup(Xdp::Off)?;
    let daemon = daemon.start(&lab.server, INTERFACE)?;
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == file(), "ours");
    ensure!(tftp(&lab.client, OTHERS, "ipxe.efi")? == b"theirs", "theirs");
    ensure!(first_answer_from(&lab.client, SERVER, "none")? == SERVER);
    let body = curl(&lab.server, "http://127.0.0.1/readyz", &[])?.body;
    ensure!(String::from_utf8(body)?.starts_with("ready\ndegraded: tftp\n"), "it is not told");
    let log = daemon.log();
    ensure!(log.contains("another program has UDP port 69"), "{log}");
    daemon.stop()
}

/// One socket serves both address families.
#[test]
fn tftp_over_ipv6() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let address = "fd00:2::112";
    for namespace in [&lab.server, &lab.client] {
        set(namespace, &format!("{INTERFACE}/disable_ipv6"), "0")?;
    }
    lab.server.ip(&["address", "add", &format!("{address}/64"), "dev", INTERFACE, "nodad"])?;
    lab.client.ip(&["address", "add", "fd00:2::3/64", "dev", INTERFACE, "nodad"])?;
    let site = Site::new()?.file("ipxe.efi", &file())?;
    let setup = site.setup(Xdp::Off)?;
    let path = setup.path();
    let text = fs::read_to_string(&path)? + "\n[tftp]\nlisten = \"[::]:69\"\n";
    fs::write(path, text)?;
    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(tftp(&lab.client, SERVER, "ipxe.efi")? == file(), "over IPv4");
    ensure!(first_answer_from(&lab.client, SERVER, "none")? == SERVER);
    let url = format!("tftp://[{address}]/ipxe.efi");
    ensure!(curl(&lab.client, &url, &["--tftp-blksize", "1428"])?.body == file(), "over IPv6");
    daemon.stop()
}

/// Whose address is on the answer to a request: tftp-hpa, atftp and curl take it from any.
fn first_answer_from(client: &Namespace, server: Ipv4Addr, file: &str) -> Result<IpAddr> {
    within(client, || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.send_to(format!("\0\x01{file}\0octet\0").as_bytes(), (server, 69))?;
        Ok(socket.recv_from(&mut [0; 1500])?.1.ip())
    })
}

/// Runs in a thread of this namespace.
fn within<T: Send>(namespace: &Namespace, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let path = namespace.path();
    thread::scope(|scope| {
        let work = || {
            setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        scope.spawn(work).join().map_err(|_panic| anyhow!("the thread panicked"))?
    })
}

/// Around the ends of blocks, of a window, and of what is read at once.
#[test]
fn files_of_any_size_arrive() -> Result<()> {
    const SIZES: [usize; 11] =
        [0, 1, 511, 512, 513, 1467, 1468, 1469, 1468 * 64, 1468 * 64 + 1, 5_000_000];
    let content = |size: usize| -> Vec<u8> { (0..size).map(|at| (at % 249) as u8).collect() };
    let lab = Lab::with_client_address()?;
    let mut site = Site::new()?;
    for size in SIZES {
        site = site.file(&size.to_string(), &content(size))?;
    }
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    for size in SIZES {
        let name = size.to_string();
        ensure!(tftp(&lab.client, SERVER, &name)? == content(size), "tftp-hpa: {size}");
        let options = ["blksize 1468", "windowsize 8"];
        ensure!(atftp(&lab.client, SERVER, &name, &options)? == content(size), "atftp: {size}");
    }
    daemon.stop()
}

#[test]
fn http_clients_get_files() -> Result<()> {
    let (lab, daemon) = serve()?;
    let url = format!("http://{SERVER}");
    for path in ["/ipxe.efi", "/ipxe/ipxe.efi"] {
        let answer = curl(&lab.client, &format!("{url}{path}"), &[])?;
        ensure!(answer.status == 200 && answer.body == file(), "{path}: {}", answer.status);
    }
    let answer = curl(&lab.client, &format!("{url}/ipxe.efi"), &["--head"])?;
    let headers = answer.headers.to_lowercase();
    ensure!(answer.status == 200 && headers.contains("content-length: 300001"), "{headers}");
    let answer = curl(&lab.client, &format!("{url}/ipxe.efi"), &["--range", "1000-1999"])?;
    ensure!(answer.status == 206 && file().get(1000..2000) == Some(&answer.body), "a range");
    for path in ["/none", "/../state/status.sock"] {
        let answer = curl(&lab.client, &format!("{url}{path}"), &["--path-as-is"])?;
        ensure!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    daemon.stop()
}

#[test]
fn the_script_is_the_machines_own() -> Result<()> {
    let (lab, daemon) = serve()?;
    let by_mac = format!("http://{SERVER}/{CLIENT_MAC}/auto.ipxe");
    for url in [SCRIPT_URL, &by_mac] {
        let answer = curl(&lab.client, url, &[])?;
        let script = String::from_utf8(answer.body)?;
        ensure!(answer.status == 200 && script.starts_with("#!ipxe\n"), "{url}: {script}");
        ensure!(script.contains("vmlinuz-x86_64") && script.contains(CLIENT_MAC), "{script}");
    }
    let row = daemon.wait_for_step(&lab.server, CLIENT_MAC, "http")?;
    ensure!(row["last"]["status"] == 200, "{row}");

    // Another machine, by its address.
    lab.client.add_address(INTERFACE, "192.168.2.200/24")?;
    let answer = curl(&lab.client, SCRIPT_URL, &["--interface", "192.168.2.200"])?;
    let script = String::from_utf8(answer.body)?;
    ensure!(answer.status == 200 && script.starts_with("#!ipxe\n"), "{script}");
    ensure!(script.contains("192.168.2.200") && !script.contains("vmlinuz"), "{script}");
    daemon.stop()
}

/// The first MAC, then the second, each with a lease by a real client: one machine.
fn check_two_nics(xdp: Xdp) -> Result<()> {
    const SECOND: &str = "02:00:00:ee:0d:0c";
    const NIC: &str = "nic1";
    let lab = Lab::with_tap()?;
    // The first NIC is the bridge on the client's side, the second a port of it.
    lab.client.set_mac(BRIDGE, CLIENT_MAC)?;
    lab.client.ip(&["link", "add", NIC, "type", "veth", "peer", "name", "port1"])?;
    lab.client.ip(&["link", "set", "port1", "master", BRIDGE, "up"])?;
    lab.client.ip(&["link", "set", NIC, "address", SECOND, "up"])?;
    let setup = Site::empty()?.host(CLIENT_MAC, &CLIENT.to_string(), "machine1").setup(xdp)?;
    let (path, state) = (setup.path(), setup.state_dir());
    let one = format!("mac = \"{CLIENT_MAC}\"");
    let both = format!("mac = [\"{CLIENT_MAC}\", \"{SECOND}\"]");
    let text = fs::read_to_string(&path)?;
    ensure!(text.contains(&one), "{text}");
    fs::write(&path, text.replace(&one, &both))?;
    let daemon = setup.start(&lab.server, INTERFACE)?;

    let mut requests = 0;
    for (interface, mac) in [(BRIDGE, CLIENT_MAC), (NIC, SECOND), (BRIDGE, CLIENT_MAC)] {
        let lease = udhcpc(&lab.client, interface, Identity::default())?;
        ensure!(lease.address == CLIENT.to_string() && lease.hostname == "machine1", "{lease:?}");
        let row = wait_for(mac, Duration::from_secs(10), || {
            let row = daemon.machine_at(&lab.server, CLIENT_MAC, "dhcp")?;
            Ok(row.filter(|row| row["nic"] == mac && row["last"]["verdict"] == "ack"))
        })?;
        ensure!(row["ip"] == CLIENT.to_string() && row["hostname"] == "machine1", "{row}");
        ensure!(row["requests"].as_u64().is_some_and(|count| count > requests), "{row}");
        requests = row["requests"].as_u64().unwrap_or_default();
        // The address is that of the NIC that has the lease, as is the script.
        let address = format!("{CLIENT}/24");
        lab.client.add_address(interface, &address)?;
        // What the server knows of the address is the other one's MAC.
        lab.server.ip(&["neighbour", "flush", "dev", INTERFACE])?;
        let answer = curl(&lab.client, SCRIPT_URL, &["--interface", interface])?;
        let script = String::from_utf8(answer.body)?;
        for words in [format!("worker_id={CLIENT_MAC}"), format!("hw_addr={mac}")] {
            ensure!(script.contains(&words), "no {words} in {script}");
        }
        logger(&lab.client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, &format!("by {mac}"))?;
        daemon.wait_for_step(&lab.server, CLIENT_MAC, "syslog")?;
        lab.client.ip(&["address", "del", &address, "dev", interface])?;
    }
    let status = daemon.status(&lab.server)?;
    let rows = |key: &str| status[key].as_array().map_or(0, Vec::len);
    ensure!((rows("machines"), rows("unknown")) == (1, 0), "{status}");
    let mut logs = Vec::new();
    for entry in fs::read_dir(state.join("log"))? {
        logs.push(entry?.file_name().into_string().unwrap_or_default());
    }
    logs.retain(|name| !name.starts_with('.'));
    ensure!(logs == [format!("{}.log", CLIENT_MAC.replace(':', "-"))], "{logs:?}");
    daemon.stop()
}

#[test]
fn either_nic_is_the_machine_in_generic_mode() -> Result<()> {
    check_two_nics(Xdp::Generic)
}

#[test]
fn either_nic_is_the_machine_without_xdp() -> Result<()> {
    check_two_nics(Xdp::Off)
}

#[test]
fn the_daemon_tells_how_it_is() -> Result<()> {
    let (lab, daemon) = serve()?;
    for path in ["healthz", "readyz", "metrics"] {
        let answer = curl(&lab.client, &format!("http://{SERVER}/{path}"), &[])?;
        ensure!(answer.status == 200, "/{path}: {}", answer.status);
    }
    daemon.stop()
}

#[test]
fn syslog_clients_are_heard() -> Result<()> {
    let (lab, daemon) = serve()?;
    let server = SocketAddrV4::new(SERVER, 514);
    for (transport, line) in
        [(Syslog::Udp, "a line in a datagram"), (Syslog::Tcp, "a line in a stream")]
    {
        logger(&lab.client, server, transport, line)?;
        let row = daemon.wait_for_step(&lab.server, CLIENT_MAC, "syslog")?;
        ensure!(row["ip"] == "192.168.2.144" && row["known"] == true, "{row}");
        wait_for(line, Duration::from_secs(10), || {
            let row = daemon.machine_at(&lab.server, CLIENT_MAC, "syslog")?;
            Ok(row.filter(|row| row["last"]["line"].as_str().is_some_and(|it| it.contains(line))))
        })?;
    }
    daemon.stop()
}
