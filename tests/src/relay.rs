use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;

use crate::{
    clients::dhcrelay,
    lab::{CLIENT_MAC, INTERFACE},
    namespace::{Namespace, connect},
    process::{self, Process},
};

/// The node's address, in a network without machines.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 9, 112);
/// The router's address, and the relay's: `giaddr`.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 1);
/// The router's interface to the machines. ISC's relay says its name in option 82.
pub const DOWN: &str = "rack0";
/// The router's interface to the node.
pub const UP: &str = "uplink0";

/// A node, a router and a machine behind it: three namespaces. What the machine broadcasts goes
/// through a relay on the router, what it sends to the node's address is routed.
pub struct RelayedLab {
    // Before the namespaces, which end what still runs in them.
    _relay: Process,
    pub server: Namespace,
    pub router: Namespace,
    pub client: Namespace,
}

impl RelayedLab {
    /// The client has its MAC, and is to get an address.
    pub fn new() -> Result<Self> {
        let [server, router, client] = [Namespace::new()?, Namespace::new()?, Namespace::new()?];
        connect((&server, INTERFACE), (&router, UP))?;
        connect((&client, INTERFACE), (&router, DOWN))?;
        client.set_mac(INTERFACE, CLIENT_MAC)?;
        server.add_address(INTERFACE, &format!("{SERVER}/24"))?;
        router.add_address(UP, "192.168.9.1/24")?;
        router.add_address(DOWN, &format!("{ROUTER}/24"))?;
        server.ip(&["route", "add", "192.168.2.0/24", "via", "192.168.9.1"])?;
        let mut forward = router.command("sh");
        forward.args(["-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
        process::run(forward, Duration::from_secs(20))?;
        let _relay = dhcrelay(&router, DOWN, UP, SERVER)?;
        Ok(Self { _relay, server, router, client })
    }
}
