use std::{net::Ipv4Addr, path::Path};

use anyhow::Result;

use crate::{
    lab::{INTERFACE, TAP},
    load::Load,
    namespace::{Namespace, connect},
};

/// The server's address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// The MACs of the server and of the generators.
pub const MACS: [&str; 2] = ["02:ff:00:00:00:01", "02:ff:00:00:00:02"];

const BRIDGE: &str = "br0";

/// A server and generators of load on one wire: two namespaces.
///
/// They know each other's MAC, as in the middle of a day: thousands of requests that wait for the
/// first ARP answer would be a loss of the start alone.
pub struct Wire {
    pub server: Namespace,
    pub client: Namespace,
    /// Where the client has its addresses.
    pub client_interface: &'static str,
    generators: u8,
}

impl Wire {
    /// Room for so many generators.
    pub fn new(generators: u8) -> Result<Self> {
        let wire = Self::between(INTERFACE, generators)?;
        connect((&wire.server, INTERFACE), (&wire.client, INTERFACE))?;
        wire.client.set_mac(INTERFACE, MACS[1])?;
        wire.address_client()?;
        wire.address_server()?;
        Ok(wire)
    }

    /// The client's addresses are at a bridge: they stay where the wire is cut.
    pub fn with_bridge(generators: u8) -> Result<Self> {
        let wire = Self::between(BRIDGE, generators)?;
        wire.client.add_bridge(BRIDGE, &[])?;
        wire.client.set_mac(BRIDGE, MACS[1])?;
        wire.address_client()?;
        wire.mend()?;
        Ok(wire)
    }

    fn between(client_interface: &'static str, generators: u8) -> Result<Self> {
        let (server, client) = (Namespace::new()?, Namespace::new()?);
        Ok(Self { server, client, client_interface, generators })
    }

    /// Adds a TAP interface for a virtual machine to a [`Self::with_bridge`].
    pub fn add_tap(&self) -> Result<()> {
        self.client.add_tap(TAP, BRIDGE)
    }

    /// Removes the interfaces of both ends.
    pub fn cut(&self) -> Result<()> {
        self.server.ip(&["link", "delete", INTERFACE]).map(drop)
    }

    /// Puts interfaces where those of a [`Self::with_bridge`] were.
    pub fn mend(&self) -> Result<()> {
        connect((&self.server, INTERFACE), (&self.client, INTERFACE))?;
        self.client.ip(&["link", "set", INTERFACE, "master", BRIDGE])?;
        self.address_server()
    }

    fn address_client(&self) -> Result<()> {
        for generator in 0..self.generators {
            let address = format!("{}/16", Load::relay(generator));
            self.client.add_address(self.client_interface, &address)?;
        }
        knows(&self.client, self.client_interface, SERVER, MACS[0])
    }

    fn address_server(&self) -> Result<()> {
        self.server.set_mac(INTERFACE, MACS[0])?;
        self.server.add_address(INTERFACE, &format!("{SERVER}/16"))?;
        for generator in 0..self.generators {
            knows(&self.server, INTERFACE, Load::relay(generator), MACS[1])?;
        }
        Ok(())
    }
}

/// A daemon's configuration from `[dhcp]` to `[boot]`, with further lines of both.
#[must_use]
pub fn configuration(root: &Path, dhcp: &str, boot: &str) -> String {
    format!(
        r#"[dhcp]
server-address = "{SERVER}"
lease-time = "24h"
machine-rate = 0
{dhcp}
[[subnet]]
cidr = "10.99.0.0/16"
routers = ["{SERVER}"]
dns = ["8.8.8.8", "1.1.1.1"]

[boot]
root = "{root}"
{boot}
"#,
        root = root.display(),
    )
}

fn knows(namespace: &Namespace, interface: &str, address: Ipv4Addr, mac: &str) -> Result<()> {
    let address = address.to_string();
    let entry = ["neigh", "replace", &address, "lladdr", mac, "dev", interface, "nud", "permanent"];
    namespace.ip(&entry).map(drop)
}
