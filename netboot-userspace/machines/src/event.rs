//! Events: what can happen to a machine, as values. Whoever shows an event makes the words.

mod text;
mod transfer;

use std::{fmt, net::Ipv4Addr, sync::Arc, time::Instant};

use netboot_dhcp::message_type;
use netboot_ebpf::{
    client::Stage,
    shared::{Mac, Vlan},
    verdict::Verdict,
};

pub use self::{
    text::MachineText,
    transfer::{EndedTransfer, Transfer, TransferOutcome, TransferRefusal},
};

/// What happened to a machine, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Instant,
    /// The machine, by whichever of its MACs.
    pub mac: Mac,
    pub what: EventKind,
}

impl Event {
    /// An event of this moment.
    #[must_use]
    pub fn now(mac: Mac, what: impl Into<EventKind>) -> Self {
        Self { at: Instant::now(), mac, what: what.into() }
    }
}

/// What can happen to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    Dhcp(DhcpEvent),
    Tftp(TftpEvent),
    Http(HttpEvent),
    Syslog(SyslogEvent),
}

/// A DHCP message of a machine, and what became of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpEvent {
    pub by: DecidedBy,
    pub segment: Segment,
    /// The relay that the message came through.
    pub relay: Option<Ipv4Addr>,
    /// Option 53.
    pub message: u8,
    pub stage: Stage,
    /// The first code of option 93.
    pub architecture: Option<u16>,
    pub verdict: Verdict,
}

impl DhcpEvent {
    /// The name of the message's type.
    #[must_use]
    pub fn message_name(&self) -> &'static str {
        message_type::lower(self.message)
    }
}

/// Who decided what became of a DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    Kernel,
    Userspace,
}

/// Where a message came in: an interface, and the VLAN there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The interface's name.
    pub interface: Arc<str>,
    pub vlan: Vlan,
}

/// `eth0`, or `eth0 vlan 100`.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, vlan } = self;
        if *vlan == Vlan::NONE {
            f.write_str(interface)
        } else {
            write!(f, "{interface} vlan {vlan}")
        }
    }
}

/// A file that a machine asked for over TFTP, and how far the transfer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TftpEvent {
    pub file: MachineText,
    pub transfer: Transfer,
}

/// An HTTP request of a machine, and the status of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpEvent {
    pub path: MachineText,
    pub status: u16,
}

/// A line of a machine's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogEvent {
    /// The host that the line names, where that is another one than the sender.
    pub host: Option<MachineText>,
    pub app: Option<MachineText>,
    pub line: MachineText,
}

/// `host=web-1 app: a line`.
impl fmt::Display for SyslogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "host={host} ")?;
        }
        if let Some(app) = &self.app {
            write!(f, "{app}: ")?;
        }
        write!(f, "{}", self.line)
    }
}

impl From<DhcpEvent> for EventKind {
    fn from(dhcp: DhcpEvent) -> Self {
        Self::Dhcp(dhcp)
    }
}

impl From<TftpEvent> for EventKind {
    fn from(tftp: TftpEvent) -> Self {
        Self::Tftp(tftp)
    }
}

impl From<HttpEvent> for EventKind {
    fn from(http: HttpEvent) -> Self {
        Self::Http(http)
    }
}

impl From<SyslogEvent> for EventKind {
    fn from(syslog: SyslogEvent) -> Self {
        Self::Syslog(syslog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        let check = |ids, expect: &str| {
            let segment = Segment { interface: "eth0".into(), vlan: Vlan { ids } };
            assert_eq!(segment.to_string(), expect);
        };
        check([0, 0], "eth0");
        check([100, 0], "eth0 vlan 100");
        check([200, 100], "eth0 vlan 200.100");
    }

    #[test]
    fn lines() {
        let check = |host: Option<&str>, app: Option<&str>, expect: &str| {
            let text = |text: &str| MachineText::of(text);
            let line = SyslogEvent { host: host.map(text), app: app.map(text), line: text("up") };
            assert_eq!(line.to_string(), expect);
        };
        check(None, None, "up");
        check(None, Some("app"), "app: up");
        check(Some("web-1"), Some("app"), "host=web-1 app: up");
    }
}
