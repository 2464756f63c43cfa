//! The rows of all tables, which the loader writes into the BPF maps, and the slow path decides on.

pub mod patch;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use netboot_base::clock;
use netboot_ebpf::{
    shared::{
        BootFile, ClassFlags, Interface, Mac, Reservation, Settings, Station, Subnet, UserClass,
        Vlan,
    },
    tables::{Asked, AtLink},
    verdict::Verdict,
};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::quarantine::Quarantine;

/// How requests of a link come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// Over an interface, in a VLAN.
    Interface(u32, Vlan),
    /// Through a relay, from a subnet with this network and mask.
    Relay([u8; 4], [u8; 4]),
}

/// By way and the boot set of a reservation.
pub type AtLinks = HashMap<(Arrival, u32), AtLink>;

/// By way and OUI.
pub type Anybody = HashMap<(Arrival, Option<[u8; 3]>), Reservation>;

/// Encoded options that have no room in rows: the daemon sends them, the kernel leaves their machines to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// By row of `SUBNETS`.
    pub of_rows: BTreeMap<u32, Vec<u8>>,
    pub of_hosts: BTreeMap<Station, Vec<u8>>,
}

impl More {
    fn is_empty(&self) -> bool {
        self.of_rows.is_empty() && self.of_hosts.is_empty()
    }
}

/// One consistent set of rows; by default none.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub settings: Settings,
    pub interfaces: HashMap<u32, Interface>,
    pub user_classes: HashMap<UserClass, ClassFlags>,
    pub subnets: Vec<Subnet>,
    pub more: More,
    pub boot_files: Vec<BootFile>,
    pub reservations: BTreeMap<Station, Reservation>,
    pub quarantine: Arc<Quarantine>,
    /// In mode `auto-proxy`: what machines without reservation get, by interface and VLAN, and by OUI
    /// where that has quirks. Their station and address are zero.
    pub anybody: Anybody,
    /// In the proxy modes: what machines with a reservation get on links that their subnet is not on.
    pub at_links: AtLinks,
    /// In mode `auto-proxy`: the machines that have a reservation, in whatever VLAN.
    pub known: HashSet<Mac>,
    /// Machines of the configuration that have no row, and why: a sentence each.
    pub left_out: Vec<String>,
}

/// The tables that answer now. Cheap to clone: what is changed in one is changed in all.
#[derive(Clone, Debug)]
pub struct Served(Arc<RwLock<Tables>>);

impl Served {
    #[must_use]
    pub fn new(tables: Tables) -> Self {
        Self(Arc::new(RwLock::new(tables)))
    }

    /// For one message: the tables do not change before it is let go.
    pub fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read()
    }

    /// Puts others in place of all.
    pub fn replace(&self, mut tables: Tables) {
        std::mem::swap(&mut *self.write(), &mut tables);
        // The old ones go when nobody waits for the lock.
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write()
    }
}

impl Tables {
    /// All but the reservations.
    pub fn clone_without_reservations(&self) -> Self {
        Self {
            settings: self.settings,
            interfaces: self.interfaces.clone(),
            user_classes: self.user_classes.clone(),
            subnets: self.subnets.clone(),
            more: self.more.clone(),
            boot_files: self.boot_files.clone(),
            reservations: BTreeMap::new(),
            quarantine: Arc::clone(&self.quarantine),
            anybody: self.anybody.clone(),
            at_links: self.at_links.clone(),
            known: self.known.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

impl Tables {
    /// A link of none of our subnets is as that of the interface that the relay is on.
    fn way(&self, Asked { ifindex, link }: Asked, vlan: Vlan) -> Arrival {
        let of_relay = || self.subnets.iter().find(|subnet| subnet.is_asked_from(link));
        let subnet = if link == [0; 4] { None } else { of_relay() };
        subnet.map_or(Arrival::Interface(ifindex, vlan), |subnet| {
            Arrival::Relay(subnet.network, subnet.mask)
        })
    }
}

impl netboot_ebpf::tables::Tables for Tables {
    /// The slow path's limits are around these tables.
    fn admit(&self) -> Result<(), Verdict> {
        Ok(())
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        self.interfaces.get(&ifindex)
    }

    fn reservation(&self, station: &Station) -> Result<&Reservation, Verdict> {
        self.reservations.get(station).ok_or(Verdict::UnknownMachine)
    }

    /// Who asks is the daemon itself.
    fn has_boot_files(&self) -> bool {
        true
    }

    fn has_daemon(&self) -> bool {
        true
    }

    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags> {
        self.user_classes.get(class)
    }

    fn subnet(&self, index: u32) -> Option<&Subnet> {
        self.subnets.get(index as usize)
    }

    fn boot_file(&self, index: u32) -> Option<&BootFile> {
        self.boot_files.get(index as usize)
    }

    fn is_quarantined(&self, reservation: &Reservation) -> bool {
        self.quarantine.is_held(reservation.address.into(), clock::since_boot())
    }

    fn anybody(&self, asked: Asked, station: &Station) -> Option<&Reservation> {
        let Station { mac, vlan } = *station;
        let way = self.way(asked, vlan);
        // What its reservation says holds where it asks from elsewhere, too.
        if self.known.contains(&mac) {
            return None;
        }
        let [a, b, c, ..] = mac.octets;
        let of_manufacturer = self.anybody.get(&(way, Some([a, b, c])));
        of_manufacturer.or_else(|| self.anybody.get(&(way, None)))
    }

    fn more(&self, row: u32, station: &Station) -> [&[u8]; 2] {
        let More { of_rows, of_hosts } = &self.more;
        [of_rows.get(&row), of_hosts.get(station)].map(|more| more.map_or(&[][..], Vec::as_slice))
    }

    fn at_link(&self, asked: Asked, reservation: &Reservation) -> Option<AtLink> {
        let way = self.way(asked, reservation.station.vlan);
        self.at_links.get(&(way, reservation.boot_set)).copied()
    }

    fn is_served(&self, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(address))
    }

    fn is_asked_from(&self, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.is_asked_from(address))
    }

    fn has_subnet(&self, ifindex: u32) -> bool {
        self.subnets.iter().any(|subnet| subnet.ifindex == ifindex)
    }

    fn is_on_link(&self, ifindex: u32, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.ifindex == ifindex && subnet.contains(address))
    }
}
