//! The address at which machines reach a service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address at which machines reach what listens there, on the node that is `server` to them;
/// `None`: they cannot, as if it were off.
#[must_use]
pub fn reach(server: Ipv4Addr, listen: SocketAddr) -> Option<Ipv4Addr> {
    match listen.ip().to_canonical() {
        // [::] takes IPv4 too.
        any if any.is_unspecified() => Some(server).filter(|server| !server.is_unspecified()),
        IpAddr::V4(address) if !address.is_loopback() => Some(address),
        _ => None,
    }
}
