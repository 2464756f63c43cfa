//! The fetcher of files by their URLs, from wherever they are reached.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use netboot_ebpf::shared::Mac;
use url::{Host, Url};

use super::{
    http::{self, HttpAnswer},
    station::Station,
    tftp::{self, Got, Want},
    transport::{ThisNode, Transport},
};

/// For one file, wherever it has moved; a kernel's length is asked for only.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_MOVES: u32 = 5;

/// The machine's way to servers, and this node's own.
pub(super) struct Fetcher<'w> {
    /// `None`: the machine's address is another's now.
    station: Option<Station<'w>>,
    node: ThisNode,
    /// This node's addresses: what the machine sent there would not come back from the wire.
    own: Vec<Ipv4Addr>,
    mac: Mac,
    /// Of the whole probe.
    end: Instant,
}

/// What came, and how it was asked for where that was not as the machine does.
pub(super) struct Fetched {
    pub(super) got: Got,
    /// Where the file was at last.
    pub(super) url: Url,
    pub(super) note: Option<String>,
}

impl<'w> Fetcher<'w> {
    pub(super) fn new(
        station: Option<Station<'w>>,
        own: Vec<Ipv4Addr>,
        mac: Mac,
        end: Instant,
    ) -> Self {
        Self { station, node: ThisNode::default(), own, mac, end }
    }

    /// Whether this node itself is asked, in the machine's stead.
    fn is_by_node(&self, server: Ipv4Addr) -> bool {
        self.station.is_none() || self.own.contains(&server)
    }

    /// The way to a server.
    pub(super) fn to(&mut self, server: Ipv4Addr) -> &mut dyn Transport {
        let is_by_node = self.is_by_node(server);
        match &mut self.station {
            Some(station) if !is_by_node => station,
            _ => &mut self.node,
        }
    }

    /// Fetches a file, of at most `limit` bytes.
    ///
    /// # Errors
    /// The file is not there, or its server cannot be reached.
    pub(super) fn fetch(&mut self, url: &Url, want: Want, limit: usize) -> anyhow::Result<Fetched> {
        let mut url = url.clone();
        let mut note = None;
        let until = self.end.min(Instant::now() + PATIENCE);
        for _ in 0..MOST_MOVES {
            let server = address(&url)?;
            match url.scheme() {
                "tftp" => {
                    ensure!(
                        url.port().is_none_or(|port| port == tftp::PORT),
                        "TFTP is asked at port {} only",
                        tftp::PORT
                    );
                    let ip = *server.ip();
                    let got = tftp::fetch(self.to(ip), ip, &name(&url), want, limit, until)?;
                    return Ok(Fetched { got, url, note });
                }
                "http" => {
                    let mut asked = url.clone();
                    if self.is_by_node(*server.ip()) && url.path() == "/auto.ipxe" {
                        asked.set_path(&format!("/{}/auto.ipxe", self.mac));
                        note = Some(format!(
                            "asked for as {}, since this node does so in the machine's stead",
                            asked.path()
                        ));
                    }
                    let network = self.to(*server.ip());
                    match http::fetch(network, server, &asked, want, limit, until)? {
                        HttpAnswer::Got(got) => return Ok(Fetched { got, url, note }),
                        HttpAnswer::Moved(place) => {
                            url =
                                url.join(&place).with_context(|| format!("moved to {place:?}"))?;
                        }
                    }
                }
                scheme => bail!("{scheme} is not tried: fetch it with another client"),
            }
        }
        bail!("moved {MOST_MOVES} times")
    }
}

/// The path as a name under the server's root.
fn name(url: &Url) -> String {
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The address of the server, by this node's resolver where it is a name.
fn address(url: &Url) -> anyhow::Result<SocketAddrV4> {
    let port = url.port_or_known_default().unwrap_or(tftp::PORT);
    match url.host().context("the URL names no server")? {
        Host::Ipv4(address) => Ok(SocketAddrV4::new(address, port)),
        Host::Ipv6(address) => bail!("{address} is an IPv6 address"),
        // `url` knows no addresses in URLs of other schemes than the Web's.
        Host::Domain(name) => {
            let mut found = (name, port)
                .to_socket_addrs()
                .with_context(|| format!("this node finds no address of {name}"))?;
            let first = found.find_map(|address| match address {
                SocketAddr::V4(address) => Some(address),
                SocketAddr::V6(_) => None,
            });
            first.with_context(|| format!("{name} has no IPv4 address"))
        }
    }
}
