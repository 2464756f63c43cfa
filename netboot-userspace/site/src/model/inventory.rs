//! The machines that are known: reservations by MAC and by address.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use netboot_base::sparse::{Sparse, Usual};
use netboot_ebpf::shared::{Mac, Station, Vlan};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::model::{DhcpOption, Difference, NetworkOverrides, Quirks, ScriptClasses};

/// `[[host]]`: a machine and its reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub mac: Mac,
    /// All MACs of the machine, where it has several; each is a host of its own, with all else in common.
    pub nics: Sparse<Vec<Mac>>,
    /// The VLAN that its frames arrive in.
    pub vlan: Vlan,
    /// 0.0.0.0: none is known, where another server gives the addresses.
    pub ip: Ipv4Addr,
    pub hostname: Option<String>,
    /// `false`: the machine gets its lease, but nothing to boot.
    pub netboot: bool,
    /// What the machine gets instead of the default script.
    pub script: Option<HostScript>,
    /// What the default script has for this machine.
    pub script_settings: Sparse<ScriptSettings>,
    /// Instead of the architecture's binary: a name under `boot.root`.
    pub boot_file: Option<String>,
    /// Instead of the subnet's or `boot.script-url`, in the DHCP answer itself.
    pub script_url: Option<String>,
    /// Instead of the subnet's or `boot.script-user-classes`.
    pub script_classes: Sparse<ScriptClasses>,
    /// The VLAN that iPXE is told to boot over (option 43.116), and the kernel's `vlan_id`.
    pub boot_vlan: Option<u16>,
    pub lease_time: Option<Duration>,
    /// Instead of the subnet's.
    pub network: Sparse<NetworkOverrides>,
    /// Before those of its MAC's manufacturer.
    pub quirks: Sparse<Quirks>,
    pub options: Vec<DhcpOption>,
}

impl Default for Host {
    /// Boots, and has nothing of its own.
    fn default() -> Self {
        Self {
            mac: Mac::default(),
            nics: Sparse::default(),
            vlan: Vlan::NONE,
            ip: Ipv4Addr::UNSPECIFIED,
            hostname: None,
            netboot: true,
            script: None,
            script_settings: Sparse::default(),
            boot_file: None,
            script_url: None,
            script_classes: Sparse::default(),
            boot_vlan: None,
            lease_time: None,
            network: Sparse::default(),
            quirks: Sparse::default(),
            options: Vec::new(),
        }
    }
}

impl Host {
    #[must_use]
    pub const fn station(&self) -> Station {
        Station { mac: self.mac, vlan: self.vlan }
    }

    /// All MACs of the machine.
    #[must_use]
    pub fn macs(&self) -> &[Mac] {
        if self.nics.is_empty() { std::slice::from_ref(&self.mac) } else { &self.nics }
    }

    /// What the machine is known by: its first MAC.
    #[must_use]
    pub fn machine(&self) -> Mac {
        self.macs().first().copied().unwrap_or(self.mac)
    }

    /// Whether the host stands for its machine: one of the hosts with its address does.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.machine() == self.mac
    }

    /// What the frames of all its MACs show.
    pub fn stations(&self) -> impl Iterator<Item = Station> + '_ {
        self.macs().iter().map(|mac| Station { mac: *mac, vlan: self.vlan })
    }

    /// The machine as [`Inventory`] and the tables have it: one for each MAC.
    pub fn for_each_mac(self) -> impl Iterator<Item = Self> {
        let macs = self.macs().to_vec();
        macs.into_iter().map(move |mac| Self { mac, ..self.clone() })
    }

    /// The address that it has, as far as it is known.
    #[must_use]
    pub fn address(&self) -> Option<Ipv4Addr> {
        (!self.ip.is_unspecified()).then_some(self.ip)
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
    pub tink_worker_image: Option<String>,
    pub consoles: Option<Vec<String>>,
    /// After those of `[script]`: the kernel takes the last.
    pub kernel_params: Vec<String>,
}

impl Usual for ScriptSettings {
    const USUAL: &'static Self = &Self {
        download_url: None,
        arch: None,
        kernel: None,
        initrd: None,
        facility: None,
        worker_id: None,
        tink_worker_image: None,
        consoles: None,
        kernel_params: Vec::new(),
    };
}

/// Who looks a machine up waits for so many to be changed, and no more.
const MOST_AT_ONCE: usize = 1000;

/// All known machines. Cheap to clone: what is changed in one is changed in all.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    hosts: Arc<RwLock<Hosts>>,
}

#[derive(Clone, Debug, Default)]
struct Hosts {
    by_station: BTreeMap<Station, Arc<Host>>,
    by_ip: HashMap<Ipv4Addr, Station>,
    /// By the boot file that they have of their own: a few names, mostly.
    by_boot_file: BTreeMap<String, BTreeSet<Station>>,
}

/// A boot file of hosts' own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    pub name: String,
    /// A machine that has it.
    pub machine: Mac,
    /// How many more have it.
    pub others: usize,
}

impl Inventory {
    /// Of hosts with unique stations, and of addresses that are one machine's, as the configuration checks.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = Arc<Host>>) -> Self {
        let by_station: BTreeMap<_, _> =
            hosts.into_iter().map(|host| (host.station(), host)).collect();
        let by_ip = by_station.values().filter_map(|host| by_address(host)).collect();
        let mut hosts = Hosts { by_ip, ..Hosts::default() };
        by_station.values().for_each(|host| hosts.add_boot_file(host));
        Self { hosts: Arc::new(RwLock::new(Hosts { by_station, ..hosts })) }
    }

    #[must_use]
    pub fn by_station(&self, station: Station) -> Option<Arc<Host>> {
        self.read().by_station.get(&station).cloned()
    }

    /// The host without VLAN first, where the machine is in several.
    #[must_use]
    pub fn by_mac(&self, mac: Mac) -> Option<Arc<Host>> {
        let hosts = self.read();
        let (station, host) = hosts.by_station.range(Station::untagged(mac)..).next()?;
        (station.mac == mac).then(|| Arc::clone(host))
    }

    /// What a machine is known by: its first MAC; any other's is its own.
    #[must_use]
    pub fn machine(&self, mac: Mac) -> Mac {
        // In another VLAN that one may be another machine's: each step leads to a lower VLAN, or ends.
        let mut machine = mac;
        while let Some(host) = self.by_mac(machine).filter(|host| !host.is_first()) {
            machine = host.machine();
        }
        machine
    }

    /// The host of a machine's first MAC.
    #[must_use]
    pub fn by_ip(&self, ip: Ipv4Addr) -> Option<Arc<Host>> {
        let hosts = self.read();
        hosts.by_station.get(hosts.by_ip.get(&ip)?).cloned()
    }

    /// All of them, by MAC and VLAN.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Host>> {
        self.read().by_station.values().cloned().collect()
    }

    /// All MACs and VLANs.
    #[must_use]
    pub fn stations(&self) -> Vec<Station> {
        self.read().by_station.keys().copied().collect()
    }

    /// The boot files of hosts' own, by name.
    pub fn own_files(&self) -> Vec<OwnFile> {
        let hosts = self.read();
        let files = hosts.by_boot_file.iter().filter_map(|(name, stations)| {
            let machine = hosts.by_station.get(stations.first()?)?.machine();
            Some(OwnFile { name: name.clone(), machine, others: stations.len() - 1 })
        });
        files.collect()
    }

    /// The hosts as they will be, in an inventory of their own.
    fn after(&self, difference: &Difference) -> Self {
        let mut hosts = self.read().clone();
        hosts.apply(difference);
        Self { hosts: Arc::new(RwLock::new(hosts)) }
    }

    /// Puts another's hosts in place of all.
    pub fn replace(&self, other: Self) {
        let mut hosts = std::mem::take(&mut *other.write());
        std::mem::swap(&mut *self.write(), &mut hosts);
        // The old ones go when nobody waits for the lock.
    }

    /// Changes some of the hosts.
    pub fn apply(&self, difference: &Difference) {
        if difference.hosts() > MOST_AT_ONCE {
            self.replace(self.after(difference));
        } else {
            self.write().apply(difference);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Hosts> {
        self.hosts.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Hosts> {
        self.hosts.write()
    }
}

impl Hosts {
    fn apply(&mut self, difference: &Difference) {
        for before in difference.unset() {
            let station = before.station();
            let Some(old) = self.by_station.remove(&station) else { continue };
            if self.by_ip.get(&old.ip) == Some(&station) {
                self.by_ip.remove(&old.ip);
            }
            self.remove_boot_file(&old);
        }
        for host in difference.set() {
            self.by_ip.extend(by_address(host));
            self.add_boot_file(host);
            self.by_station.insert(host.station(), Arc::clone(host));
        }
    }

    /// Of a machine with several MACs once.
    fn add_boot_file(&mut self, host: &Host) {
        if let Some(name) = host.boot_file.as_ref().filter(|_| host.is_first()) {
            self.by_boot_file.entry(name.clone()).or_default().insert(host.station());
        }
    }

    fn remove_boot_file(&mut self, host: &Host) {
        let Some(name) = &host.boot_file else { return };
        if let Some(stations) = self.by_boot_file.get_mut(name) {
            stations.remove(&host.station());
            if stations.is_empty() {
                self.by_boot_file.remove(name);
            }
        }
    }
}

/// Who has its address.
fn by_address(host: &Host) -> Option<(Ipv4Addr, Station)> {
    Some((host.address().filter(|_| host.is_first())?, host.station()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(mac: u8, ip: u8) -> Arc<Host> {
        let mac = Mac { octets: [2, 0, 0, 0, 0, mac] };
        Arc::new(Host { mac, ip: Ipv4Addr::new(192, 0, 2, ip), ..Host::default() })
    }

    /// Takes these hosts in the place of the hosts with their MACs, and leaves some out.
    fn change(inventory: &Inventory, mut set: Vec<Arc<Host>>, removed: Vec<Station>) {
        inventory.apply(&Difference::between(inventory, &removed, &mut set));
    }

    #[test]
    fn differences_change_what_they_name() {
        let inventory = Inventory::new([host(1, 1), host(2, 2), host(3, 3)]);
        let removed = vec![host(3, 3).station()];
        // Two machines change their addresses for each other's.
        let shown = inventory.clone();
        change(&inventory, vec![host(1, 2), host(2, 1), host(4, 4)], removed);
        let check = |mac: u8, ip: u8, expect: bool| {
            let wanted = host(mac, ip);
            let found = shown.by_station(wanted.station());
            assert_eq!(found.as_ref() == Some(&wanted), expect, "{mac}");
            assert_eq!(shown.by_ip(wanted.ip).as_ref() == Some(&wanted), expect, "{ip}");
        };
        check(1, 2, true);
        check(2, 1, true);
        check(3, 3, false);
        check(4, 4, true);
        // Hosts without an address are nobody's clients.
        let bare = |mac| Arc::new(Host { ip: Ipv4Addr::UNSPECIFIED, ..(*host(mac, 0)).clone() });
        for inventory in [Inventory::new([bare(6), bare(7)]), Inventory::default()] {
            change(&inventory, vec![bare(6), bare(8)], Vec::new());
            assert_eq!(inventory.by_station(bare(6).station()), Some(bare(6)));
            assert_eq!(inventory.by_ip(Ipv4Addr::UNSPECIFIED), None);
        }
        shown.replace(Inventory::new([host(5, 5)]));
        assert!(inventory.by_mac(host(5, 5).mac).is_some());
        assert!(inventory.by_mac(host(1, 2).mac).is_none());
    }

    #[test]
    fn a_machine_has_one_address_by_all_its_macs() {
        let mac = |last: u8| Mac { octets: [2, 0, 0, 0, 0, last] };
        let with = |macs: &[u8], ip: u8| {
            let nics: Vec<_> = macs.iter().map(|last| mac(*last)).collect();
            let host = Host { nics: nics.into(), ..(*host(macs[0], ip)).clone() };
            host.for_each_mac().map(Arc::new).collect::<Vec<_>>()
        };
        let inventory = Inventory::new(with(&[2, 1], 1).into_iter().chain([host(3, 3)]));
        let check = |ip: u8, expect: Option<u8>, machines: [u8; 3]| {
            let found = inventory.by_ip(Ipv4Addr::new(192, 0, 2, ip)).map(|host| host.mac);
            assert_eq!(found, expect.map(mac), "{ip}");
            assert_eq!([1, 2, 3].map(|last| inventory.machine(mac(last))), machines.map(mac));
        };
        check(1, Some(2), [2, 2, 3]);
        // Another comes first; one more; one less; another address.
        for (macs, ip, machines) in [
            (&[1, 2][..], 1, [1, 1, 3]),
            (&[1, 2, 4], 1, [1, 1, 3]),
            (&[1, 2], 2, [1, 1, 3]),
            (&[2, 1], 2, [2, 2, 3]),
        ] {
            let set = with(macs, ip);
            let removed = [mac(4)].into_iter().filter(|mac| !set.iter().any(|own| own.mac == *mac));
            let removed = removed.map(Station::untagged).collect();
            change(&inventory, set, removed);
            check(ip, Some(macs[0]), machines);
        }
        check(1, None, [2, 2, 3]);
        change(&inventory, with(&[1], 2), vec![host(2, 0).station()]);
        check(2, Some(1), [1, 2, 3]);
    }

    #[test]
    fn boot_files_of_their_own() {
        let with = |last: u8, file: &str| {
            let boot_file = (!file.is_empty()).then(|| file.to_owned());
            Arc::new(Host { boot_file, ..(*host(last, last)).clone() })
        };
        let inventory = Inventory::new([with(1, "a"), with(2, "a"), with(3, ""), with(4, "b")]);
        let check = |expect: &[(&str, u8, usize)]| {
            let found = inventory.own_files();
            let found = found.iter().map(|own| (&*own.name, own.machine.octets[5], own.others));
            assert_eq!(found.collect::<Vec<_>>(), expect);
        };
        check(&[("a", 1, 1), ("b", 4, 0)]);
        let removed = vec![with(4, "").station()];
        change(&inventory, vec![with(1, "c"), with(3, "c")], removed);
        check(&[("a", 2, 0), ("c", 1, 1)]);
        change(&inventory, vec![with(1, ""), with(2, ""), with(3, "")], Vec::new());
        check(&[]);
    }

    #[test]
    fn machines_in_several_vlans() {
        let mac = |last: u8| Mac { octets: [2, 0, 0, 0, 0, last] };
        let in_vlan = |vlan: u16, macs: [u8; 2]| {
            let nics = macs.map(mac).to_vec();
            let vlan = Vlan { ids: [vlan, 0] };
            let host = Host { mac: nics[0], nics: nics.into(), vlan, ..Host::default() };
            host.for_each_mac().map(Arc::new).collect::<Vec<_>>()
        };
        let inventory = Inventory::new([in_vlan(7, [2, 3]), in_vlan(5, [1, 2])].concat());
        assert_eq!([1, 2, 3].map(|last| inventory.machine(mac(last))), [1; 3].map(mac));
    }
}
