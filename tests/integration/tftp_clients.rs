//! The same real clients fetch the same files from our engine and from async-tftp's own server with our handler: the
//! bytes, what the clients say, and the OACKs and ERRORs on the wire are the same, but where the library is wrong.

use std::{collections::HashSet, fs, thread};

use anyhow::{Result, anyhow, ensure};
use netboot_tests::{
    capture::Capture,
    daemon::{Daemon, Xdp},
    lab::{CLIENT, INTERFACE, Lab, SERVER},
    library_server::LibraryServer,
    tftp_clients::{Client, Fetched},
};

use crate::site::Site;

const OCTET: [Client; 12] = [
    Client::TftpHpa("binary"),
    Client::Atftp(&[]),
    Client::Atftp(&["blksize 1468"]),
    Client::Atftp(&["tsize 0", "timeout 2"]),
    Client::Atftp(&["blksize 1468", "tsize 0", "timeout 3", "windowsize 8"]),
    Client::Atftp(&["blksize 65464", "windowsize 64"]),
    Client::Curl(&[]),
    Client::Curl(&["--tftp-blksize", "1468"]),
    Client::Curl(&["--tftp-no-options"]),
    Client::Busybox(&[]),
    Client::Busybox(&["-b", "1468"]),
    Client::Tftpy(&["blksize", "1468", "tsize", "0"]),
];
const NETASCII: Client = Client::TftpHpa("ascii");

/// Around the ends of blocks, whole blocks only, and 10,000 blocks.
const SIZES: [usize; 7] = [0, 1, 511, 512, 513, 1468 * 10, 5_000_000];
const TEXT: &[u8] = b"a line\nanother\r\nCR \r alone\n\n";
/// Names of a file of 513 bytes.
const NAMES: [&str; 5] = ["/513", "//513", "\\513", "./513", "sub/513"];
/// Names of none, and the ERROR.
const NO_NAMES: [(&str, &str); 3] = [
    ("missing", r"\x00\x05\x00\x01File not found\x00"),
    ("directory", r"\x00\x05\x00\x01File not found\x00"),
    ("directory/../513", r"\x00\x05\x00\x02Permission denied\x00"),
];
const ILL_AS_TEXT: &str = r"\x00\x05\x00\x00not to be had as netascii: ask in mode octet\x00";

/// What a client got, and what it was sent beside blocks.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    fetched: Fetched,
    /// OACKs and ERRORs, each once.
    packets: Vec<String>,
}

/// Our engine and the library's, each in a network of its own, at the same address.
struct Both {
    ours: Lab,
    theirs: Lab,
    daemon: Daemon,
    _library: LibraryServer,
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

impl Both {
    fn new() -> Result<Self> {
        let site = Site::new()?.file("text", TEXT)?;
        for size in SIZES {
            fs::write(site.root().join(size.to_string()), content(size))?;
        }
        for directory in ["sub", "directory"] {
            fs::create_dir(site.root().join(directory))?;
        }
        let site = site.file("sub/513", &content(513))?;
        let (ours, theirs) = (Lab::with_client_address()?, Lab::with_client_address()?);
        let daemon = site.setup(Xdp::Generic)?.start(&ours.server, INTERFACE)?;
        let _library = LibraryServer::start(&theirs.server, SERVER, daemon.setup().boot_root())?;
        Ok(Self { ours, theirs, daemon, _library })
    }

    fn fetch(&self, client: Client, name: &str) -> Result<[Got; 2]> {
        thread::scope(|scope| {
            let theirs = scope.spawn(|| fetch(&self.theirs, client, name));
            let ours = fetch(&self.ours, client, name)?;
            let theirs = theirs.join().map_err(|_| anyhow!("the thread panicked"))??;
            Ok([ours, theirs])
        })
    }

    /// What is the same from both.
    fn same(&self, client: Client, name: &str) -> Result<Got> {
        let [ours, theirs] = self.fetch(client, name)?;
        ensure!(
            ours == theirs,
            "{client:?} {name}: {}\nof the library: {}",
            ours.shown(),
            theirs.shown()
        );
        Ok(ours)
    }
}

fn fetch(lab: &Lab, client: Client, name: &str) -> Result<Got> {
    let mut requests = Capture::start(&lab.server, INTERFACE)?;
    let mut answers = Capture::start(&lab.client, INTERFACE)?;
    let fetched = client.fetch(&lab.client, SERVER, name)?;
    let requests = requests.frames()?.iter().filter_map(|frame| Datagram::of(frame));
    let requests = requests.filter(|datagram| datagram.from == CLIENT.octets());
    let ports: HashSet<u16> = requests.map(|datagram| datagram.ports[0]).collect();
    let mut packets: Vec<String> = Vec::new();
    for Datagram { from, ports: [_, port], payload } in
        answers.frames()?.iter().filter_map(|frame| Datagram::of(frame))
    {
        let packet = payload.escape_ascii().to_string();
        // tftp-hpa acknowledges an ERROR, which we answer as RFC 1350, 4 has it.
        let is_told = packet.starts_with(r"\x00\x06")
            || packet.starts_with(r"\x00\x05") && !packet.starts_with(r"\x00\x05\x00\x05");
        let is_new = !packets.contains(&packet);
        // What a client before has left is sent again: from other ports.
        if from == SERVER.octets() && ports.contains(&port) && is_told && is_new {
            packets.push(packet);
        }
    }
    Ok(Got { fetched, packets })
}

/// UDP behind an IP header without options.
struct Datagram<'f> {
    from: [u8; 4],
    ports: [u16; 2],
    payload: &'f [u8],
}

impl<'f> Datagram<'f> {
    fn of(frame: &'f [u8]) -> Option<Self> {
        let is_udp = frame.get(14) == Some(&0x45) && frame.get(23) == Some(&17);
        let port = |at: usize| Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
        let from = frame.get(26..30)?.try_into().ok()?;
        let ports = [port(34)?, port(36)?];
        frame.get(42..).filter(|_| is_udp).map(|payload| Self { from, ports, payload })
    }
}

impl Got {
    fn shown(&self) -> String {
        let Self { fetched: Fetched { content, status, said }, packets } = self;
        let length = content.as_ref().map(Vec::len);
        format!("{length:?} bytes, status {status:?}, {said:?}, {packets:?}")
    }

    fn is_file(&self, content: &[u8]) -> bool {
        self.fetched.content.as_deref() == Some(content)
    }
}

/// What an OACK has to name, of what the client asks for.
fn confirmed(client: Client) -> &'static [&'static str] {
    match client {
        Client::TftpHpa(_) | Client::Atftp([]) | Client::Curl(["--tftp-no-options"]) => &[],
        Client::Atftp(["blksize 1468"]) => &["blksize"],
        Client::Atftp(["tsize 0", ..]) => &["timeout", "tsize"],
        Client::Atftp(["blksize 65464", ..]) => &["blksize", "windowsize"],
        Client::Atftp(_) => &["blksize", "timeout", "tsize", "windowsize"],
        Client::Curl(_) => &["blksize", "timeout", "tsize"],
        Client::Busybox([]) => &["tsize"],
        Client::Busybox(_) | Client::Tftpy(_) => &["blksize", "tsize"],
    }
}

#[test]
fn clients_get_files() -> Result<()> {
    let both = Both::new()?;
    let files = SIZES.map(|size| (size.to_string(), content(size)));
    let names = NAMES.map(|name| (name.to_owned(), content(513)));
    let files = files.into_iter().chain(names).chain([("text".to_owned(), TEXT.to_vec())]);
    for (name, content) in files {
        for client in OCTET {
            let got = both.same(client, &name)?;
            let is_refused =
                name == "0" && matches!(client, Client::Curl([] | ["--tftp-blksize", _]));
            // curl takes no OACK with a size of 0 (71 is CURLE_TFTP_ILLEGAL).
            let is_right = if is_refused {
                got.fetched.status == Some(71)
            } else {
                got.is_file(&content) && got.fetched.status == Some(0)
            };
            ensure!(is_right, "{client:?} {name}: {}", got.shown());
            // The first one stands behind the operation's byte.
            let words = got.packets.iter().flat_map(|packet| packet.split(r"\x00"));
            let words = words.map(|word| word.trim_start_matches(r"\x06"));
            let is_name = |word: &&str| word.ends_with("size") || *word == "timeout";
            let named: Vec<_> = words.filter(is_name).collect();
            ensure!(named == confirmed(client), "{client:?} {name}: {}", got.shown());
        }
    }
    both.daemon.stop()
}

#[test]
fn clients_are_refused() -> Result<()> {
    let both = Both::new()?;
    for (name, error) in NO_NAMES {
        for client in OCTET.into_iter().chain([NETASCII]) {
            let got = both.same(client, name)?;
            ensure!(got.packets == [error], "{client:?} {name}: {}", got.shown());
            let is_empty = got.fetched.content.is_none_or(|content| content.is_empty());
            ensure!(is_empty, "{client:?} {name}: it has a file");
        }
    }
    both.daemon.stop()
}

/// The library takes netascii for octet: the client, which looks for CR LF and CR NUL, alters a file with CR.
#[test]
fn netascii_clients_get_texts() -> Result<()> {
    let both = Both::new()?;
    for (name, content) in SIZES.map(|size| (size.to_string(), content(size))) {
        // Too large to be encoded at once.
        let is_refused = name == "5000000";
        let [ours, theirs] = both.fetch(NETASCII, &name)?;
        if is_refused {
            ensure!(ours.packets == [ILL_AS_TEXT], "{name}: {}", ours.shown());
        } else {
            ensure!(ours.is_file(&content) && ours.packets.is_empty(), "{name}: {}", ours.shown());
        }
        let is_altered = name == "14680" || is_refused;
        ensure!(theirs.is_file(&content) != is_altered, "{name}, the library: {}", theirs.shown());
    }
    let [ours, theirs] = both.fetch(NETASCII, "text")?;
    ensure!(ours.is_file(TEXT), "text: {}", ours.shown());
    ensure!(!theirs.is_file(TEXT), "text, the library: {}", theirs.shown());
    both.daemon.stop()
}
