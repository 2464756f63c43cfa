//! The configuration as far as it could be read, and where its parts stand that are compared with each other.

use std::net::Ipv4Addr;

use netboot_base::sparse::Sparse;
use netboot_ebpf::shared::{Mac, Station, Vlan};

use super::problem::{Place, Placed};
use crate::model::{BootFile, Host, Located, Settings, Subnet};

/// The most MACs of a machine: each is a row that knows all of them.
pub const MAX_MACS: usize = 32;

/// All of the files.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) config: Settings,
    pub(crate) place: Place,
    /// Of `config.subnets`.
    pub(crate) subnets: Vec<SubnetPlace>,
    /// How many of them there were after each file.
    pub(crate) subnets_after: Vec<usize>,
    /// A subnet could not be read: where an address lies cannot be told.
    pub(crate) unread_subnet: bool,
    pub(crate) hosts: Vec<DraftHost>,
    /// Machines were left out because of others or of where their address lies: any change may bring them back.
    pub(crate) left_out: bool,
    pub(crate) inventory: Vec<Placed<String>>,
    /// Of `config.sources`.
    pub(crate) sources: Vec<Place>,
    pub(crate) boot: Place,
    /// Where `boot.root` is given.
    pub(crate) boot_root: Option<Place>,
    pub(crate) boot_files: Vec<Placed<BootFile>>,
}

/// Where a subnet stands.
#[derive(Debug)]
pub(crate) struct SubnetPlace {
    pub(crate) section: Place,
    pub(crate) cidr: Place,
}

/// A host as far as it could be read.
#[derive(Debug)]
pub(crate) struct DraftHost {
    pub(crate) place: Place,
    /// The machine's: none, where they are wrong.
    pub(crate) macs: Vec<Placed<Mac>>,
    pub(crate) ip: Option<Placed<Ipv4Addr>>,
    /// Right or wrong.
    pub(crate) has_ip: bool,
    pub(crate) vlan: Option<Placed<Vlan>>,
    pub(crate) boot_file: Option<Placed<String>>,
    /// The host is of a record of others, which stops no other machine.
    pub(crate) may_be_left_out: bool,
    /// All but the fields above.
    pub(super) rest: Host,
}

impl DraftHost {
    pub(crate) fn new(
        place: Place,
        mac: Option<Placed<Mac>>,
        ip: Option<Placed<Ipv4Addr>>,
        boot_file: Option<Placed<String>>,
        rest: Host,
    ) -> Self {
        let macs = mac.into_iter().collect();
        Self { place, macs, ip, has_ip: true, vlan: None, boot_file, may_be_left_out: false, rest }
    }

    /// The host of each of its MACs, with the VLANs of its subnet where it has none.
    pub(crate) fn finish(self, subnets: &Located<'_>) -> impl Iterator<Item = Host> + use<> {
        let vlan = self.vlan(subnets);
        let macs: Vec<_> = self.macs.iter().map(|mac| mac.value).collect();
        let boot_vlan =
            self.rest.boot_vlan.or_else(|| self.subnet(subnets).and_then(|own| own.boot_vlan));
        let boot_file = self.boot_file.map(|name| name.value);
        // What is wrong or missing is reported.
        let ip = self.ip.map_or(Ipv4Addr::UNSPECIFIED, |ip| ip.value);
        let first = macs.first().copied();
        let nics = if macs.len() > 1 { macs.into() } else { Sparse::default() };
        let host = move |mac| Host { mac, nics, vlan, ip, boot_file, boot_vlan, ..self.rest };
        first.map(host).into_iter().flat_map(Host::for_each_mac)
    }

    /// What its frames show, by MAC, and where that stands.
    pub(crate) fn stations(
        &self,
        subnets: &Located<'_>,
    ) -> impl Iterator<Item = (Station, &Place)> + use<'_> {
        let vlan = self.vlan(subnets);
        self.macs.iter().map(move |mac| (Station { mac: mac.value, vlan }, &mac.place))
    }

    fn vlan(&self, subnets: &Located<'_>) -> Vlan {
        let own = self.vlan.as_ref().map(|vlan| vlan.value);
        let vlan = own.or_else(|| self.subnet(subnets).map(|subnet| subnet.vlan));
        vlan.unwrap_or(Vlan::NONE)
    }

    /// Whether another of the same record is this machine by another NIC.
    pub(crate) fn is_same_machine(&self, other: &Self) -> bool {
        let parts = |host: &Self| {
            let ip = host.ip.as_ref().map(|ip| ip.value);
            (ip, host.boot_file.as_ref().map(|file| file.value.clone()))
        };
        let has = |mac: &Placed<Mac>| self.macs.iter().any(|own| own.value == mac.value);
        self.ip.is_some()
            && self.macs.len() + other.macs.len() <= MAX_MACS
            && parts(self) == parts(other)
            && self.rest == other.rest
            && !other.macs.iter().any(has)
    }

    fn subnet<'s>(&self, subnets: &Located<'s>) -> Option<&'s Subnet> {
        subnets.subnet(self.ip.as_ref()?.value)
    }

    /// All but what stands beside it.
    pub(crate) fn rest(&self) -> &Host {
        &self.rest
    }
}
