//! Daemons without XDP at one end of a wire, and raw sockets at the other.

use std::{
    collections::BTreeMap,
    io::Read as _,
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use netboot_machines::{running::socket_path, status::Status};
use netboot_test_kit::Ask;

use super::{
    site::{INTERFACE_MAC, OTHER_SERVER, SENTINEL, SERVER},
    wire::{self, Wire},
};
use crate::{
    daemon::{Daemon, Setup},
    namespace::{Namespace, connect},
};

const INTERFACE: &str = "eth0";

/// An answer comes within this, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(10);
/// One that is late on purpose, once all others are there.
const LATE: Duration = Duration::from_secs(1);
/// After the first of two was counted.
const SOON: Duration = Duration::from_millis(50);

/// Two namespaces and a wire between them, for one daemon after the other.
pub(super) struct Ground {
    server: Namespace,
    wire: Wire,
    _client: Namespace,
}

/// The daemon, and the wire to it.
pub(super) struct Node<'g> {
    daemon: Daemon,
    wire: &'g Wire,
    status: PathBuf,
    counted: BTreeMap<String, u64>,
    sentinels: u32,
}

/// What the daemon made of a frame.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// Each verdict that it counted, as often as it did.
    pub(super) counted: Vec<String>,
    pub(super) answers: Vec<Vec<u8>>,
}

impl Ground {
    /// The server has the addresses of the site's node; the client sees these outer tags.
    pub(super) fn new(outer: &[[u8; 4]]) -> Result<Self> {
        let (server, client) = (Namespace::new()?, Namespace::new()?);
        connect((&server, INTERFACE), (&client, INTERFACE))?;
        server.set_mac(INTERFACE, &INTERFACE_MAC.map(|octet| format!("{octet:02x}")).join(":"))?;
        for address in [SERVER, OTHER_SERVER].map(Ipv4Addr::from) {
            server.add_address(INTERFACE, &format!("{address}/24"))?;
        }
        let wire = Wire::open(&client, INTERFACE, outer)?;
        Ok(Self { server, wire, _client: client })
    }

    /// Starts a daemon.
    pub(super) fn start(&self, setup: Setup) -> Result<Node<'_>> {
        let state = setup.path().parent().context("the configuration's directory")?.join("state");
        let daemon = setup.start(&self.server, INTERFACE)?;
        let mut node = Node {
            daemon: daemon.quiet(),
            wire: &self.wire,
            status: socket_path(&state),
            counted: BTreeMap::new(),
            sentinels: 0,
        };
        node.counted = node.verdicts()?;
        Ok(node)
    }
}

impl Node<'_> {
    /// Sends a frame, and takes what comes until this many answers are there and everything that was sent
    /// is dealt with: the daemon answers one machine after the other, and the last one is known to be
    /// answered.
    pub(super) fn exchange(&mut self, frame: &[u8], answers: usize) -> Result<Exchange> {
        self.sentinels += 1;
        let [a, b, c, d] = self.sentinels.to_be_bytes();
        let xid = [a | 0x5e, b, c, d];
        let sentinel = Ask { xid, ..Ask::discover() }.mac(SENTINEL).pxe(0).broadcast_flag();
        self.wire.send(frame)?;
        self.wire.send(&sentinel.frame())?;
        let received = self.answers(xid, answers);
        // Also where answers are missing: the next exchange counts its own.
        let mut counted = self.counted()?;
        // An answer is sent before it is counted; not every frame is.
        let start = Instant::now();
        let wait = |counted: &[String]| match counted {
            [] => LATE,
            [_] => SOON,
            _ => Duration::ZERO,
        };
        while start.elapsed() < wait(&counted) {
            counted.extend(self.counted()?);
        }
        let answers = received.with_context(|| format!("it counted {counted:?}"))?;
        let Some(own) = counted.iter().position(|verdict| verdict == "offer") else {
            bail!("the last machine was not counted: {counted:?}");
        };
        counted.remove(own);
        Ok(Exchange { counted, answers })
    }

    /// What comes until the machine with this xid is answered, and so many others.
    fn answers(&self, xid: [u8; 4], due: usize) -> Result<Vec<Vec<u8>>> {
        let mut answers = Vec::new();
        let mut last = false;
        while !last || answers.len() < due {
            let deadline = if last { LATE } else { DEADLINE };
            let frame = self
                .wire
                .receive(deadline)
                .with_context(|| format!("{} answers of {due}", answers.len()))?;
            match wire::answer(&frame) {
                Some(seen) if seen == xid => last = true,
                Some(_) => answers.push(frame),
                None => {}
            }
        }
        Ok(answers)
    }

    /// What was counted since the last time.
    fn counted(&mut self) -> Result<Vec<String>> {
        let now = self.verdicts()?;
        let before = std::mem::replace(&mut self.counted, now.clone());
        let more = now.into_iter().flat_map(|(verdict, count)| {
            let times = count - before.get(&verdict).copied().unwrap_or_default();
            std::iter::repeat_n(verdict, times.try_into().unwrap_or(usize::MAX))
        });
        Ok(more.collect())
    }

    fn verdicts(&self) -> Result<BTreeMap<String, u64>> {
        let mut text = String::new();
        UnixStream::connect(&self.status)
            .and_then(|mut socket| socket.read_to_string(&mut text))
            .with_context(|| format!("the status socket {}", self.status.display()))?;
        let status: Status = serde_json::from_str(&text).context("the daemon's status")?;
        Ok(status.verdicts.into_iter().map(|row| (row.verdict, row.userspace)).collect())
    }

    /// Ends the daemon, which must end well.
    pub(super) fn stop(self) -> Result<()> {
        self.daemon.stop()
    }
}
