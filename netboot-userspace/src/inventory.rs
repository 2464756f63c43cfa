//! The machines that are known: reservations by MAC and by address.

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    time::Duration,
};

use netboot_ebpf::shared::{Mac, Station, Vlan};

use crate::config::{DhcpOption, NetworkOverrides, Quirks};

/// `[[host]]`: a machine and its reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub mac: Mac,
    /// The VLAN that its frames arrive in.
    pub vlan: Vlan,
    pub ip: Ipv4Addr,
    pub hostname: Option<String>,
    /// `false`: the machine gets its lease, but nothing to boot.
    pub netboot: bool,
    /// What the machine gets instead of the default script.
    pub script: Option<HostScript>,
    /// What the default script has for this machine.
    pub script_settings: ScriptSettings,
    /// Instead of the architecture's binary: a name under `boot.root`.
    pub boot_file: Option<String>,
    /// Instead of the subnet's or `boot.script-url`, in the DHCP answer itself.
    pub script_url: Option<String>,
    /// The VLAN that iPXE is told to boot over (option 43.116), and the kernel's `vlan_id`.
    pub boot_vlan: Option<u16>,
    pub lease_time: Option<Duration>,
    /// Instead of the subnet's.
    pub network: NetworkOverrides,
    /// Before those of its MAC's manufacturer.
    pub quirks: Quirks,
    pub options: Vec<DhcpOption>,
}

impl Default for Host {
    /// Boots, and has nothing of its own.
    fn default() -> Self {
        Self {
            mac: Mac::default(),
            vlan: Vlan::NONE,
            ip: Ipv4Addr::UNSPECIFIED,
            hostname: None,
            netboot: true,
            script: None,
            script_settings: ScriptSettings::default(),
            boot_file: None,
            script_url: None,
            boot_vlan: None,
            lease_time: None,
            network: NetworkOverrides::default(),
            quirks: Quirks::default(),
            options: Vec::new(),
        }
    }
}

impl Host {
    #[must_use]
    pub const fn station(&self) -> Station {
        Station { mac: self.mac, vlan: self.vlan }
    }
}

/// `script` of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostScript {
    /// `http://...` or `https://...`: chained to.
    Url(String),
    /// An iPXE script.
    Text(String),
}

/// `script-settings` of a host: what goes before `[script]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptSettings {
    pub download_url: Option<String>,
    pub arch: Option<String>,
    pub kernel: Option<String>,
    pub initrd: Option<String>,
    pub facility: Option<String>,
    /// Kernel argument `worker_id`; default: the MAC.
    pub worker_id: Option<String>,
    pub consoles: Option<Vec<String>>,
    /// After those of `[script]`: the kernel takes the last.
    pub kernel_params: Vec<String>,
}

/// All known machines.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    hosts: BTreeMap<Station, Host>,
    by_ip: HashMap<Ipv4Addr, Station>,
}

impl Inventory {
    /// Of hosts with unique stations and addresses, as the configuration checks.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        let hosts: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.station(), host)).collect();
        let by_ip = hosts.values().map(|host| (host.ip, host.station())).collect();
        Self { hosts, by_ip }
    }

    #[must_use]
    pub fn by_station(&self, station: Station) -> Option<&Host> {
        self.hosts.get(&station)
    }

    /// The host without VLAN first, where the machine is in several.
    #[must_use]
    pub fn by_mac(&self, mac: Mac) -> Option<&Host> {
        let (station, host) = self.hosts.range(Station::untagged(mac)..).next()?;
        (station.mac == mac).then_some(host)
    }

    #[must_use]
    pub fn by_ip(&self, ip: Ipv4Addr) -> Option<&Host> {
        self.hosts.get(self.by_ip.get(&ip)?)
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }
}
