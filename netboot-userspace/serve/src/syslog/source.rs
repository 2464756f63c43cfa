//! The sender of a line: told by the address that the line came from, never by the name in it.

use std::net::IpAddr;

use netboot_ebpf::shared::Mac;
use netboot_machines::memory::Machines;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSource {
    /// The machine that the address is reserved for.
    Machine { mac: Mac, address: IpAddr },
    /// Anybody: how many of them there are is up to an attacker.
    Stranger(IpAddr),
}

impl LineSource {
    #[must_use]
    pub fn of(address: IpAddr, machines: &Machines) -> Self {
        let address = address.to_canonical();
        match machines.by_address(address) {
            Some(mac) => Self::Machine { mac, address },
            None => Self::Stranger(address),
        }
    }

    #[must_use]
    pub fn address(self) -> IpAddr {
        match self {
            Self::Machine { address, .. } | Self::Stranger(address) => address,
        }
    }

    #[must_use]
    pub fn mac(self) -> Option<Mac> {
        match self {
            Self::Machine { mac, .. } => Some(mac),
            Self::Stranger(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_mapped_into_ipv6_is_the_ipv4_address() {
        let machines = Machines::new(netboot_site::model::Inventory::default());
        let source = LineSource::of("::ffff:10.0.0.1".parse().unwrap(), &machines);
        assert_eq!(source, LineSource::Stranger("10.0.0.1".parse().unwrap()));
    }
}
