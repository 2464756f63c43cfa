//! The policy on other servers: which are expected.

use std::net::Ipv4Addr;

use netboot_site::model::{Dhcp, DhcpMode};

use serde::{Deserialize, Serialize};

/// What the configuration says of another server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Nobody expects the server: an alarm.
    #[default]
    Unexpected,
    /// The server is one of `dhcp.known-servers`.
    Known,
    /// In the proxy modes another server gives the addresses.
    Expected,
}

impl Expectation {
    pub const ALL: [Self; 3] = [Self::Unexpected, Self::Known, Self::Expected];

    /// The name in status and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Known => "known",
            Self::Expected => "expected",
        }
    }
}

#[derive(Default)]
pub(super) struct Policy {
    known: Vec<Ipv4Addr>,
    /// Of all others.
    others: Expectation,
}

impl Policy {
    pub(super) fn new(dhcp: &Dhcp) -> Self {
        let others = match dhcp.mode {
            DhcpMode::Proxy | DhcpMode::AutoProxy => Expectation::Expected,
            DhcpMode::Reservation | DhcpMode::Off => Expectation::Unexpected,
        };
        Self { known: dhcp.known_servers.clone(), others }
    }

    pub(super) fn standing(&self, server: Ipv4Addr) -> Expectation {
        if self.known.contains(&server) { Expectation::Known } else { self.others }
    }
}
