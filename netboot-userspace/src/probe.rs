//! Plays a machine against whatever DHCP service is on the wire, up to its first log line, and says what
//! keeps it from booting.
//!
//! It speaks as the machine, with its MAC and the address that it is given, over an IP stack of its own
//! (smoltcp): this node's configuration stays as it is. What is sent over an interface does not come
//! back to this node: servers at its own addresses are asked by itself, and a DHCP server on it is not
//! reached.

mod binary;
mod boot;
mod conflict;
mod dhcp;
mod expected;
mod files;
mod firmware;
mod http;
mod network;
mod progress;
mod reach;
mod remedy;
mod report;
mod script;
mod station;
mod tftp;
mod user_class;
mod wire;

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_ebpf::wire::code;

use self::{
    dhcp::{Exchange, Others, Reply},
    expected::Expected,
    reach::Reach,
    remedy::Lack,
    station::{Lease, Station},
    wire::Wire,
};
pub use self::{
    progress::Progress,
    remedy::Remedy,
    report::{Finding, Report, State},
};
use crate::{
    config::Architecture,
    explain::{Machine, Site},
    export::Server,
    links::{Link, LinkState},
};

/// What is tried.
pub struct Plan {
    /// Where the machine is played.
    pub link: Link,
    /// All addresses of this node.
    pub own: Vec<Ipv4Addr>,
    /// The machine as its firmware starts.
    pub firmware: Machine,
    /// Of the iPXE that it loads.
    pub user_class: String,
    /// For an offer.
    pub patience: Duration,
    /// Whose words remedies are in; `None`: those of all.
    pub server: Option<Server>,
    /// What netboot would answer itself.
    pub site: Option<Site>,
}

/// A probe under way.
struct Probe<'p> {
    plan: &'p Plan,
    wire: Wire,
    expected: Expected<'p>,
    progress: &'p Progress,
    findings: Vec<Finding>,
    /// The machine's, once it has an address that nobody else has.
    lease: Option<Lease>,
    seed: u64,
}

/// Plays the machine.
///
/// # Errors
/// The interface cannot be used so.
pub fn probe(plan: &Plan, progress: &Progress) -> anyhow::Result<Report> {
    let mut probe = Probe {
        plan,
        wire: Wire::open(&plan.link)?,
        expected: Expected::new(plan.site.as_ref()),
        progress,
        findings: Vec::new(),
        lease: None,
        seed: seed(),
    };
    let done = probe.run().with_context(|| format!("{} failed", plan.link.name));
    progress.end();
    done?;
    let code = plan.firmware.code().unwrap_or_default();
    Ok(Report {
        mac: plan.firmware.mac.to_string(),
        architecture: format!("{} ({code})", Architecture::name(code)),
        over: if plan.firmware.is_pxe_firmware() { "tftp" } else { "http" },
        interface: plan.link.name.clone(),
        boots: probe.findings.iter().all(|finding| finding.state != State::Wrong),
        findings: probe.findings,
    })
}

impl Probe<'_> {
    fn run(&mut self) -> std::io::Result<()> {
        let firmware = self.transaction(&self.plan.firmware);
        let Some((exchange, end)) = self.lease("firmware", &firmware)? else { return Ok(()) };
        self.other_servers(&exchange);
        self.take_address(&end)?;
        let binary = self.firmware(&firmware, &exchange);
        if let Some(url) = &binary {
            self.binary(url, &firmware);
        }
        let scripts = self.user_classes(binary.as_ref())?;
        let mut logged = false;
        for url in scripts {
            logged |= self.script(&url, &end);
        }
        if !logged {
            self.note("log", State::Warning, "no script was read that says where to", None);
        }
        Ok(())
    }

    /// One address and boot, from the first server that offers them.
    fn lease(
        &mut self,
        step: &'static str,
        machine: &Machine,
    ) -> std::io::Result<Option<(Exchange, Reply)>> {
        self.progress.begin(&format!("{step}: DISCOVER of {}", machine.mac));
        let exchange = dhcp::exchange(&mut self.wire, machine, self.plan.patience, Others::All)?;
        let expected = self.expected.answer(machine);
        let lack = Lack::Reservation {
            mac: machine.mac.to_string(),
            address: expected.as_ref().and_then(|answer| answer.yiaddr),
        };
        let Some(offer) = exchange.taken() else {
            let seconds = self.plan.patience.as_secs_f32();
            let mut what = match exchange.offers.first() {
                None if self.plan.link.state != LinkState::Up => {
                    format!("{} has no carrier, or is switched off", self.plan.link.name)
                }
                Some(proxy) => format!(
                    "only {} answers, with something to boot (ProxyDHCP), and nobody with an address",
                    proxy.server()
                ),
                None => format!("nobody answers a DISCOVER in {seconds:.0} s"),
            };
            if std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 67))
                .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
            {
                what += "; a DHCP server on this node is not reached so: probe from another one";
            }
            self.note(step, State::Wrong, what, Some(lack));
            return Ok(None);
        };
        let (server, after) = (offer.server(), offer.after.as_secs_f32());
        match &exchange.end {
            Some(end) if end.kind() == netboot_ebpf::wire::ACK => {}
            Some(end) => {
                let why = end.option(code::MESSAGE).unwrap_or_default();
                let why = crate::printable::printable(&why, 200);
                let what =
                    format!("{server} makes an offer, and refuses the request for it: {why}");
                self.note(step, State::Wrong, what, Some(lack));
                return Ok(None);
            }
            None => {
                let what =
                    format!("{server} makes an offer, and does not answer the request for it");
                self.note(step, State::Wrong, what, Some(lack));
                return Ok(None);
            }
        }
        let Some(end) = exchange.end.clone() else { return Ok(None) };
        let address = end.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        if offer.address() != Some(address) || !is_machines(address) {
            let offered = offer.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let what = if is_machines(address) {
                format!("{server} offers {offered}, and then gives {address}")
            } else {
                format!("{server} gives {address}, which cannot be a machine's")
            };
            self.note(step, State::Wrong, what, Some(lack));
            return Ok(None);
        }
        let boot = exchange.boot().map_or_else(|| "nothing to boot".to_owned(), files::shown);
        let what = format!("{address} by {server} after {after:.2} s; {boot}");
        match expected.and_then(|answer| answer.yiaddr).filter(|own| *own != address) {
            Some(own) => {
                let what = format!(
                    "{what}; netboot knows this machine as {own}, and finds its script and its log by that"
                );
                self.note(step, State::Wrong, what, Some(lack));
            }
            None => self.note(step, State::Right, what, None),
        }
        Ok(Some((exchange, end)))
    }

    /// More than one that gives addresses is a race that each boot may lose.
    fn other_servers(&mut self, exchange: &Exchange) {
        let offers: Vec<_> =
            exchange.offers.iter().filter(|offer| offer.address().is_some()).collect();
        let [first, others @ ..] = offers.as_slice() else { return };
        if others.is_empty() {
            let what = format!("{} alone offers addresses", first.server());
            self.note("servers", State::Right, what, None);
            return;
        }
        let each = offers.iter().map(|offer| {
            let address = offer.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let boot = files::shown(offer);
            format!("{} ({}) offers {address}, {boot}", offer.server(), offer.server_mac())
        });
        let each = each.collect::<Vec<_>>().join("; ");
        let is_same =
            |offer: &&Reply| offer.address() == first.address() && offer.file() == first.file();
        if others.iter().all(is_same) {
            let what = format!("several DHCP servers offer the same: {each}");
            self.note("servers", State::Warning, what, None);
        } else {
            let what = format!(
                "{} DHCP servers offer addresses, and the machine takes one of them: {each}. Stop the others",
                offers.len()
            );
            self.note("servers", State::Wrong, what, None);
        }
    }

    /// The address is the machine's, unless another station has it.
    fn take_address(&mut self, end: &Reply) -> std::io::Result<()> {
        let Some(address) = end.address() else { return Ok(()) };
        let mac = self.plan.firmware.mac;
        self.progress.begin(&format!("who has {address}?"));
        if let Some(owner) = conflict::owner(&mut self.wire, mac, address)? {
            let what = if owner == mac {
                format!("{address} answers: the machine runs, and files are fetched as this node")
            } else {
                format!("{address} is used by {owner}: two machines have one address")
            };
            let state = if owner == mac { State::Warning } else { State::Wrong };
            self.note("address", state, what, None);
            return Ok(());
        }
        let mask = end.addresses(code::SUBNET_MASK).first().copied();
        let network = mask.and_then(|mask| Ipv4Net::with_netmask(address, mask).ok());
        if network.is_none() {
            let what = "it is told no subnet mask (option 1), or one that is none";
            self.note("address", State::Warning, what, None);
        }
        let network = network.or_else(|| Ipv4Net::new(address, 24).ok());
        let router = end.addresses(code::ROUTER).first().copied();
        self.lease = network.map(|address| Lease { mac, address, router });
        Ok(())
    }

    /// The way to servers, as the machine where that is possible.
    fn reach(&mut self) -> Reach<'_> {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let seed = self.seed >> 16;
        let wire = &mut self.wire;
        let station = self.lease.map(|lease| Station::new(wire, lease, seed));
        Reach::new(station, self.plan.own.clone(), self.plan.firmware.mac)
    }

    /// The machine with a transaction's id of its own.
    fn transaction(&mut self, machine: &Machine) -> Machine {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let xid = ((self.seed >> 32) as u32).to_be_bytes();
        Machine { xid, ..machine.clone() }
    }

    fn note(
        &mut self,
        step: &'static str,
        state: State,
        what: impl Into<String>,
        lack: Option<Lack>,
    ) {
        let add = lack.map(|lack| lack.remedies(self.plan.server)).unwrap_or_default();
        self.findings.push(Finding { step, state, what: what.into(), add });
    }
}

/// Reads bytes as each kind of answer that a probe reads: DHCP in its frame, TFTP, HTTP, a boot file, a script.
/// Says how many loads the script has; nothing that a server sends may stop a probe.
#[must_use]
pub fn read_answer(bytes: &[u8]) -> usize {
    let reply = Reply::new(bytes.to_vec(), Duration::ZERO);
    let _ = (files::url(&reply, &script::Settings::firmware()), files::shown(&reply));
    let _ =
        (reply.server(), reply.addresses(code::ROUTER), conflict::claims(bytes, reply.server()));
    let _ = tftp::read(bytes).is_some();
    let _ = http::read(bytes, tftp::Want::All, bytes.len());
    let _ = binary::trouble(bytes, 7);
    let mut settings = script::Settings::default();
    script::follow(&String::from_utf8_lossy(bytes), &mut settings).loads.len()
}

/// Whether a machine can have this address.
fn is_machines(address: Ipv4Addr) -> bool {
    !address.is_multicast()
        && !address.is_broadcast()
        && !address.is_loopback()
        && !address.is_unspecified()
}

/// Two probes at once are two clients.
fn seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos() as u64);
    nanos ^ u64::from(std::process::id()).rotate_left(32)
}
