//! perfdhcp as a generator of load: several at once, each a relay of its own with machines of its own.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result};

use crate::{interrupt, lab::INTERFACE, namespace::Namespace, process::Process, wait::wait_for};

/// Answers are awaited as long after the last request.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// perfdhcp ends by itself; this is for one that does not.
const SLACK: Duration = Duration::from_secs(30);

/// The offered load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Exchanges a second, of all generators.
    pub rate: u32,
    pub seconds: u32,
    /// Of all generators.
    pub machines: u32,
    pub generators: u8,
}

/// Load that is being offered.
pub struct Running {
    generators: Vec<Process>,
    deadline: Duration,
}

/// What perfdhcp counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exchanges {
    pub discovers: u64,
    pub offers: u64,
    pub requests: u64,
    pub acks: u64,
    /// Of OFFERs, in milliseconds.
    pub average_ms: f64,
    /// Of OFFERs and ACKs.
    pub longest_ms: f64,
}

impl Load {
    /// The relay address of a generator, and its MACs' first five octets but the last two.
    #[must_use]
    pub fn relay(generator: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, 0, 2 + generator)
    }

    /// Every machine with its address.
    pub fn machines(&self) -> impl Iterator<Item = (String, Ipv4Addr)> {
        let each = self.machines_each();
        (0..self.generators).flat_map(move |generator| {
            (0..each).map(move |index| {
                let [.., high, low] = index.to_be_bytes();
                // perfdhcp adds without carry: the last octets begin at zero.
                let mac = format!("02:00:00:{generator:02x}:{high:02x}:{low:02x}");
                let at = u32::from(generator) * each + index;
                (mac, Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 99, 16, 0)) + at))
            })
        })
    }

    /// Asks for the first machine: does the server complete an exchange?
    pub fn probe(namespace: &Namespace, server: Ipv4Addr) -> Result<bool> {
        // Without a rate it sends thousands, and without a wait it is gone before the answers.
        // One exchange alone may end before its answers are read: ten take a second.
        let arguments = ["-g", "single", "-n", "10", "-R", "1", "-r", "10", "-W", "1000000"];
        let process = spawn(namespace, server, 0, &arguments)?;
        // Its status also speaks of further requests that it sends beyond the one.
        let output = process.finish(SLACK)?;
        Ok(parse(&output.stdout).is_some_and(|counted| counted.acks > 0))
    }

    /// Offers the load; the sum of what the generators counted.
    pub fn run(&self, namespace: &Namespace, server: Ipv4Addr) -> Result<Exchanges> {
        self.start(namespace, server)?.finish()
    }

    /// Begins to offer the load.
    pub fn start(&self, namespace: &Namespace, server: Ipv4Addr) -> Result<Running> {
        let rate = (self.rate / u32::from(self.generators)).to_string();
        let machines = self.machines_each().to_string();
        let seconds = self.seconds.to_string();
        let wait = LAST_WAIT.as_micros().to_string();
        // One thread: with more of them than cores, its own sending and receiving get in each
        // other's way.
        let arguments = ["-g", "single", "-r", &rate, "-p", &seconds, "-R", &machines, "-W", &wait];
        let generators = (0..self.generators)
            .map(|generator| spawn(namespace, server, generator, &arguments))
            .collect::<Result<_>>()?;
        let deadline = Duration::from_secs(self.seconds.into()) + LAST_WAIT + SLACK;
        Ok(Running { generators, deadline })
    }

    fn machines_each(&self) -> u32 {
        self.machines / u32::from(self.generators)
    }
}

impl Running {
    /// Whether no generator has ended yet.
    pub fn is_running(&mut self) -> Result<bool> {
        for generator in &mut self.generators {
            if generator.ended()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until the load was offered; the sum of what the generators counted.
    pub fn finish(self) -> Result<Exchanges> {
        let mut sum = Exchanges::default();
        for mut process in self.generators {
            wait_for("the end of perfdhcp", self.deadline, || {
                interrupt::check()?;
                process.ended()
            })?;
            let report = process.stdout();
            let counted = parse(&report).with_context(|| {
                format!("perfdhcp's report is another than expected: {report}{}", process.stderr())
            })?;
            sum = sum.and(counted);
        }
        Ok(sum)
    }
}

impl Exchanges {
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (mine, theirs) = (self.offers as f64, other.offers as f64);
        let weighted = self.average_ms * mine + other.average_ms * theirs;
        Self {
            discovers: self.discovers + other.discovers,
            offers: self.offers + other.offers,
            requests: self.requests + other.requests,
            acks: self.acks + other.acks,
            average_ms: if mine + theirs > 0.0 { weighted / (mine + theirs) } else { 0.0 },
            longest_ms: self.longest_ms.max(other.longest_ms),
        }
    }

    /// Requests, of both kinds, that no answer came to.
    #[must_use]
    pub fn lost(&self) -> u64 {
        (self.discovers + self.requests).saturating_sub(self.offers + self.acks)
    }

    #[must_use]
    pub fn sent(&self) -> u64 {
        self.discovers + self.requests
    }
}

fn spawn(
    namespace: &Namespace,
    server: Ipv4Addr,
    generator: u8,
    arguments: &[&str],
) -> Result<Process> {
    let mut command = namespace.command("perfdhcp");
    command.arg("-4").args(arguments);
    command.args(["-b", &format!("mac=02:00:00:{generator:02x}:00:00")]);
    command.args(["-l", &Load::relay(generator).to_string()]);
    // "Tinkerbell" on x86-64 UEFI.
    command.args(["-o", "77,54696e6b657262656c6c", "-o", "93,0007"]);
    command.arg(server.to_string());
    Process::spawn(command)
        .map(Process::quiet)
        .with_context(|| format!("perfdhcp on {INTERFACE} (Debian's package is kea-admin)"))
}

/// The report has each line twice: for DISCOVER and OFFER, then for REQUEST and ACK. A delay is not a
/// number where nothing was answered.
fn parse(report: &str) -> Option<Exchanges> {
    let values = |name: &str| -> Vec<f64> {
        let lines = report.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.map(|value| value.trim_end_matches(" ms").trim().parse().unwrap_or(0.0)).collect()
    };
    let pair = |name: &str| <[f64; 2]>::try_from(values(name)).ok();
    let [discovers, requests] = pair("sent packets")?;
    let [offers, acks] = pair("received packets")?;
    let average_ms = values("avg delay").first().copied().unwrap_or(0.0);
    let longest_ms = values("max delay").into_iter().fold(0.0, f64::max);
    let [discovers, requests, offers, acks] =
        [discovers, requests, offers, acks].map(|count| count as u64);
    Some(Exchanges { discovers, offers, requests, acks, average_ms, longest_ms })
}
