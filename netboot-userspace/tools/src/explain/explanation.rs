//! The explanation of one request, with its names in JSON.

use std::net::Ipv4Addr;

use netboot_dhcp::show::ShownOption;
use netboot_ebpf::verdict::Verdict;
use serde::{Serialize, Serializer};

use super::quirk::Quirk;

/// A request, what becomes of it, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Where the request is from: `assumed request`, `frame 12`.
    pub source: String,
    pub request: RequestFields,
    pub reservation: Option<Reserved>,
    pub stage: Because<&'static str>,
    pub boot: BootFields,
    /// What the machine's firmware needs otherwise than others.
    pub quirks: Vec<Quirk>,
    #[serde(serialize_with = "verdict_name")]
    pub verdict: Verdict,
    /// The kernel's own verdict, which may be to leave it to the daemon.
    #[serde(serialize_with = "verdict_name")]
    pub kernel_verdict: Verdict,
    pub answered_by: AnsweredBy,
    /// Why, in words.
    pub why: String,
    /// What to do.
    pub advice: Option<String>,
    pub answer: Option<AnswerFields>,
    /// What the program of the running daemon does with it; `None`: there is none, or it was not asked.
    pub running: Option<Running>,
    /// What is odd beside.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    Kernel,
    Daemon,
    /// The server that gives the addresses, in the proxy modes.
    OtherServer,
    Nobody,
}

/// What is asked, as its options say it.
#[derive(Clone, Debug, Serialize)]
pub struct RequestFields {
    pub message: &'static str,
    pub mac: String,
    pub interface: String,
    /// 67, or 4011 of ProxyDHCP.
    pub port: u16,
    pub vlans: Vec<u16>,
    pub relay: Option<Ipv4Addr>,
    /// Option 50.
    pub requested: Option<Ipv4Addr>,
    /// The address that the machine has.
    pub ciaddr: Option<Ipv4Addr>,
    /// Option 54.
    pub server: Option<Ipv4Addr>,
    pub vendor_class: Option<String>,
    pub user_class: Option<String>,
    /// The first code of option 93.
    pub architecture: Option<u16>,
    pub architecture_name: Option<&'static str>,
}

/// The machine's reservation.
#[derive(Clone, Debug, Serialize)]
pub struct Reserved {
    pub ip: Ipv4Addr,
    /// All of the machine's, where it has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<String>,
    pub hostname: Option<String>,
    pub netboot: bool,
    /// Where the host is configured: `netboot.toml:27`.
    pub origin: Option<String>,
    pub subnet: String,
    /// The interface on the subnet's link; `None`: reached through relays.
    pub interface: Option<String>,
    pub server: Ipv4Addr,
}

/// A fact, and what made it so.
#[derive(Clone, Debug, Serialize)]
pub struct Because<T> {
    pub name: T,
    pub because: String,
}

/// What the machine is told to load.
#[derive(Clone, Debug, Serialize)]
pub struct BootFields {
    pub file: Option<String>,
    pub next_server: Option<Ipv4Addr>,
    pub because: String,
}

/// The answer's fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerFields {
    pub message: &'static str,
    pub yiaddr: Option<Ipv4Addr>,
    pub siaddr: Option<Ipv4Addr>,
    pub file: Option<String>,
    pub to_mac: String,
    pub to: Ipv4Addr,
    pub port: u16,
    /// Bytes of the DHCP message.
    pub length: usize,
    pub options: Vec<ShownOption>,
}

/// What the running program says.
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    pub same: bool,
    #[serde(serialize_with = "verdict_name")]
    pub verdict: Verdict,
    /// How the program's answer differs, and why.
    pub note: String,
}

impl Explanation {
    /// Whether the machine waits for an answer that nobody gives.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.answered_by == AnsweredBy::Nobody && super::VerdictText::wants_answer(self.verdict)
    }

    /// Whether the running daemon does something else than this configuration says.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.same)
    }
}

fn verdict_name<S: Serializer>(verdict: &Verdict, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(verdict.as_str())
}
