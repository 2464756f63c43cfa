use std::net::Ipv4Addr;

use anyhow::Result;

use crate::namespace::{Namespace, connect};

/// The interface on both sides.
pub const INTERFACE: &str = "eth0";
/// The TAP interface of [`Lab::with_tap`].
pub const TAP: &str = "tap0";
/// The server's address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 112);
/// The client's MAC and reserved address.
pub const CLIENT_MAC: &str = "52:54:00:ee:0d:0b";
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 144);

/// A node and a machine on one wire: two namespaces.
pub struct Lab {
    pub server: Namespace,
    pub client: Namespace,
}

impl Lab {
    /// The server has its address; the client has its MAC, and is to get an address.
    pub fn new() -> Result<Self> {
        let lab = Self::bare()?;
        lab.client.set_mac(INTERFACE, CLIENT_MAC)?;
        Ok(lab)
    }

    /// The client has its address already.
    pub fn with_client_address() -> Result<Self> {
        let lab = Self::new()?;
        lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
        Ok(lab)
    }

    /// On the client's side there is a TAP interface for a virtual machine, bridged to the wire.
    pub fn with_tap() -> Result<Self> {
        let lab = Self::bare()?;
        lab.client.add_bridge("br0", &[INTERFACE])?;
        lab.client.add_tap(TAP, "br0")?;
        Ok(lab)
    }

    /// There is a TAP interface that nothing joins to the wire yet.
    pub fn with_loose_tap() -> Result<Self> {
        let lab = Self::bare()?;
        lab.client.ip(&["tuntap", "add", TAP, "mode", "tap"])?;
        lab.client.ip(&["link", "set", TAP, "up"])?;
        Ok(lab)
    }

    fn bare() -> Result<Self> {
        let lab = Self { server: Namespace::new()?, client: Namespace::new()? };
        connect((&lab.server, INTERFACE), (&lab.client, INTERFACE))?;
        lab.server.add_address(INTERFACE, &format!("{SERVER}/24"))?;
        Ok(lab)
    }
}
