//! A machine played against whatever DHCP service is on the wire, up to its first log line: the probe says what
//! keeps it from booting.
//!
//! The probe speaks as the machine, with its MAC and the address that it is given, over an IP stack of its own
//! (smoltcp): this node's configuration stays as it is. What is sent over an interface does not come
//! back to this node: servers at its own addresses are asked by itself, and a DHCP server on it is not
//! reached.

mod address;
mod boot_url;
mod conflict;
mod default_route;
mod dhcp;
mod expected;
mod fetch;
mod firmware;
mod http;
mod progress;
mod remedy;
mod report;
mod script;
mod script_and_log;
mod station;
mod tftp;
mod transport;
mod user_class;
mod wire;

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use netboot_base::{clock, links::Link};
use netboot_ebpf::wire::code;
use netboot_site::{boot_program, model::Architecture};

use self::{
    dhcp::Reply,
    fetch::Fetcher,
    remedy::Omission,
    station::{Lease, Station},
    wire::Wire,
};
pub use self::{
    progress::Progress,
    remedy::Remedy,
    report::{Finding, Grade, ProbeReport},
};
use crate::{
    explain::{Machine, Site},
    export::ServerKind,
};

/// For one machine, whatever the servers do.
const WHOLE: Duration = Duration::from_secs(120);

/// What is tried.
pub struct ProbePlan {
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
    pub server: Option<ServerKind>,
    /// What netboot would answer itself.
    pub site: Option<Site>,
}

/// A probe under way.
struct Probe<'p> {
    plan: &'p ProbePlan,
    wire: Wire,
    progress: &'p Progress,
    findings: Vec<Finding>,
    /// The machine's, once it has an address that nobody else has.
    lease: Option<Lease>,
    /// What its firmware is told as option 3.
    routers: Vec<Ipv4Addr>,
    seed: u64,
    end: Instant,
}

/// Plays the machine.
///
/// # Errors
/// The interface cannot be used so.
pub fn probe(plan: &ProbePlan, progress: &Progress) -> anyhow::Result<ProbeReport> {
    let mut probe = Probe {
        plan,
        wire: Wire::open(&plan.link)?,
        progress,
        findings: Vec::new(),
        lease: None,
        routers: Vec::new(),
        seed: seed(),
        end: Instant::now() + WHOLE,
    };
    let done = probe.run().with_context(|| format!("{} failed", plan.link.name));
    progress.end();
    done?;
    let code = plan.firmware.code().unwrap_or_default();
    Ok(ProbeReport {
        mac: plan.firmware.mac.to_string(),
        architecture: format!("{} ({code})", Architecture::name(code)),
        over: if plan.firmware.is_pxe_firmware() { "tftp" } else { "http" },
        interface: plan.link.name.clone(),
        boots: probe.findings.iter().all(|finding| finding.state != Grade::Wrong),
        findings: probe.findings,
    })
}

impl Probe<'_> {
    fn run(&mut self) -> std::io::Result<()> {
        let firmware = self.transaction(&self.plan.firmware);
        let Some((exchange, end)) = self.address(&firmware)? else { return Ok(()) };
        self.other_servers(&exchange);
        self.take_address(&end)?;
        self.routers = end.addresses(code::ROUTER);
        let binary = self.firmware(&firmware, &exchange);
        if let Some(url) = binary.as_ref().filter(|_| !self.is_over()) {
            self.binary(url, &firmware);
        }
        let scripts = self.user_classes(binary.as_ref())?;
        let mut logged = false;
        for url in scripts {
            if self.is_over() {
                break;
            }
            logged |= self.script(&url, &end);
        }
        if self.is_over() {
            let what = format!(
                "it took longer than {} s: the rest is not tried; see which server is slow",
                WHOLE.as_secs()
            );
            self.note("time", Grade::Wrong, what, None);
        } else if !logged {
            self.note("log", Grade::Warning, "no script was read that says where to", None);
        }
        Ok(())
    }

    /// Whether there is no time left.
    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// The way to servers, as the machine where that is possible.
    fn reach(&mut self) -> Fetcher<'_> {
        let seed = self.random();
        let wire = &mut self.wire;
        let station = self.lease.map(|lease| Station::new(wire, lease, seed));
        Fetcher::new(station, self.plan.own.clone(), self.plan.firmware.mac, self.end)
    }

    /// The machine with a transaction's id of its own.
    fn transaction(&mut self, machine: &Machine) -> Machine {
        let xid = (self.random() as u32).to_be_bytes();
        Machine { xid, ..machine.clone() }
    }

    /// Another number each time, for what is not to be the same twice.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed >> 16
    }

    fn note(
        &mut self,
        step: &'static str,
        state: Grade,
        what: impl Into<String>,
        lack: Option<Omission>,
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
    let _ = (boot_url::url(&reply, None), boot_url::shown(&reply));
    let _ =
        (reply.server(), reply.addresses(code::ROUTER), conflict::claims(bytes, reply.server()));
    let _ = tftp::read(bytes).is_some();
    let _ = http::read(bytes, tftp::Want::All, bytes.len());
    let _ = boot_program::trouble(bytes, bytes.len() as u64, 7);
    let mut settings = script::IpxeSettings::default();
    script::follow(&String::from_utf8_lossy(bytes), &mut settings).loads.len()
}

/// Two probes at once are two clients.
fn seed() -> u64 {
    let nanos = clock::since_1970().as_nanos() as u64;
    nanos ^ u64::from(std::process::id()).rotate_left(32)
}
