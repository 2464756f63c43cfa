//! A machine as the status shows it, in printable texts.

use std::{fmt, net::Ipv4Addr};

use netboot_base::printable::printable;
use netboot_site::model::Architecture;
use serde::{Deserialize, Serialize};

use crate::{event::EventKind, memory};

/// Bytes of a text.
const MAX_TEXT: usize = 256;

/// A machine and its last step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineStatus {
    /// The first of its MACs, where it has several.
    pub mac: String,
    /// Which of them asked last (DHCP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nic: Option<String>,
    pub ip: Option<Ipv4Addr>,
    pub hostname: Option<String>,
    /// The machine has a reservation.
    pub known: bool,
    /// Seconds since 1970.
    pub last_seen: u64,
    /// Of DHCP.
    pub requests: u64,
    pub last: StepStatus,
}

/// A step of a boot, as an operator reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum StepStatus {
    /// A DHCP request and what became of it: names of `Verdict`, `Stage` and the architecture.
    Dhcp {
        interface: SegmentStatus,
        message: String,
        stage: String,
        architecture: Option<u16>,
        verdict: String,
    },
    Tftp {
        file: String,
        result: String,
    },
    Http {
        path: String,
        status: u16,
    },
    Syslog {
        line: String,
    },
}

/// An interface and the VLAN there: in the document `eth0`, or `eth0 vlan 100`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SegmentStatus {
    pub interface: String,
    pub vlan: Option<String>,
}

/// As the table has it.
impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp { interface, message, stage, architecture: code, verdict } => {
                write!(f, "dhcp: {message} {stage}")?;
                if let Some(code) = code {
                    write!(f, " {}", architecture(*code))?;
                }
                if let Some(vlan) = &interface.vlan {
                    write!(f, " in vlan {vlan}")?;
                }
                write!(f, ": {verdict}")
            }
            Self::Tftp { file, result } => write!(f, "tftp: {file}: {result}"),
            Self::Http { path, status } => write!(f, "http: {path}: {status}"),
            Self::Syslog { line } => write!(f, "syslog: {line}"),
        }
    }
}

/// The name of an architecture's code.
pub(super) fn architecture(code: u16) -> String {
    let named = Architecture::NAMED.iter().find(|(_, _, codes)| codes.contains(&code));
    named.map_or_else(|| format!("code {code}"), |(_, name, _)| (*name).to_owned())
}

const VLAN: &str = " vlan ";

impl From<String> for SegmentStatus {
    fn from(text: String) -> Self {
        match text.split_once(VLAN) {
            Some((interface, vlan)) => {
                Self { interface: interface.to_owned(), vlan: Some(vlan.to_owned()) }
            }
            None => Self { interface: text, vlan: None },
        }
    }
}

impl From<SegmentStatus> for String {
    fn from(segment: SegmentStatus) -> Self {
        segment.to_string()
    }
}

impl fmt::Display for SegmentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.interface)?;
        self.vlan.as_ref().map_or(Ok(()), |vlan| write!(f, "{VLAN}{vlan}"))
    }
}

impl From<memory::RememberedMachine> for MachineStatus {
    fn from(machine: memory::RememberedMachine) -> Self {
        let memory::RememberedMachine { mac, nic, ip, hostname, known, last_seen, requests, last } =
            machine;
        Self {
            mac: mac.to_string(),
            nic: nic.as_ref().map(ToString::to_string),
            ip,
            hostname,
            known,
            last_seen,
            requests,
            last: StepStatus::from(&last),
        }
    }
}

impl From<&EventKind> for StepStatus {
    fn from(what: &EventKind) -> Self {
        let text = |text: &dyn fmt::Display| printable(text.to_string().as_bytes(), MAX_TEXT);
        match what {
            EventKind::Dhcp(dhcp) => Self::Dhcp {
                interface: SegmentStatus::from(text(&dhcp.segment)),
                message: dhcp.message_name().to_owned(),
                stage: dhcp.stage.as_str().to_owned(),
                architecture: dhcp.architecture,
                verdict: dhcp.verdict.as_str().to_owned(),
            },
            EventKind::Tftp(tftp) => {
                Self::Tftp { file: text(&tftp.file), result: text(&tftp.transfer) }
            }
            EventKind::Http(http) => Self::Http { path: text(&http.path), status: http.status },
            EventKind::Syslog(syslog) => Self::Syslog { line: text(syslog) },
        }
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::{client::Stage, shared::Vlan, verdict::Verdict, wire::DISCOVER};
    use serde_json::{Value, json};

    use super::*;
    use crate::event::{
        DecidedBy, DhcpEvent, HttpEvent, MachineText, Segment as Where, SyslogEvent, TftpEvent,
        Transfer, TransferRefusal,
    };

    #[track_caller]
    fn check(what: impl Into<EventKind>, expect: Value) {
        let step = StepStatus::from(&what.into());
        let document = serde_json::to_value(&step).unwrap();
        assert_eq!(document, expect);
        assert_eq!(serde_json::from_value::<StepStatus>(document).unwrap(), step);
    }

    #[test]
    fn steps_in_the_document() {
        let dhcp = |ids, architecture| DhcpEvent {
            by: DecidedBy::Kernel,
            segment: Where { interface: "eth0".into(), vlan: Vlan { ids } },
            relay: None,
            message: DISCOVER,
            stage: Stage::Pxe,
            architecture,
            verdict: Verdict::Offer,
        };
        let expect = |interface: &str, architecture: Value| {
            json!({
                "step": "dhcp", "interface": interface, "message": "discover", "stage": "pxe",
                "architecture": architecture, "verdict": "offer",
            })
        };
        check(dhcp([0, 0], None), expect("eth0", Value::Null));
        check(dhcp([200, 100], Some(7)), expect("eth0 vlan 200.100", 7.into()));
        let tftp = |file: &str| TftpEvent {
            file: MachineText::of(file),
            transfer: Transfer::Refused(TransferRefusal::NotFound),
        };
        let expect = |file: &str| json!({"step": "tftp", "file": file, "result": "not found"});
        check(tftp("a\x1b[2J\nb"), expect("a\\x1b[2J\\nb"));
        check(tftp(&"x".repeat(5000)), expect(&format!("{}...", "x".repeat(253))));
        let http = HttpEvent { path: MachineText::of("/\r"), status: 404 };
        check(http, json!({"step": "http", "path": "/\\r", "status": 404}));
        let long = "y".repeat(300);
        let line = SyslogEvent {
            host: None,
            app: Some(MachineText::of("ipxe")),
            line: MachineText::of(&long),
        };
        let expect = format!("ipxe: {}...", "y".repeat(247));
        check(line, json!({"step": "syslog", "line": expect}));
    }
}
