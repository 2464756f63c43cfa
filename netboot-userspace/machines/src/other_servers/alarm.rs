//! The warning of another server.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::Mac;
use tracing::field;

use super::ServerKind;

pub(super) struct Alarm {
    pub(super) server: Ipv4Addr,
    pub(super) mac: Option<Mac>,
    pub(super) interface: String,
    pub(super) relay: Option<Ipv4Addr>,
    pub(super) kind: ServerKind,
    pub(super) machine: Option<Mac>,
    pub(super) offered: Option<Ipv4Addr>,
    pub(super) seen: &'static str,
    /// Alarms that were not given, since there were too many.
    pub(super) left_out: u64,
}

impl Alarm {
    pub(super) fn tell(self) {
        let Self { server, mac, interface, relay, kind, machine, offered, seen, left_out } = self;
        let words = match kind {
            ServerKind::Dhcp => {
                "another DHCP server answers machines here, which may then boot nothing: stop it, name it in \
                 dhcp.known-servers, or let it give the addresses (dhcp.mode)"
            }
            ServerKind::ProxyDhcp => {
                "another ProxyDHCP server tells machines here what to boot: stop it, or name it in \
                 dhcp.known-servers"
            }
        };
        tracing::warn!(
            %server,
            mac = mac.map(field::display),
            interface,
            relay = relay.map(field::display),
            machine = machine.map(field::display),
            seen,
            offered = offered.map(field::display),
            left_out = (left_out > 0).then_some(left_out),
            "{words}"
        );
    }
}
