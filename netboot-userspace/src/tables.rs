//! The rows of all tables: what the loader writes into the BPF maps, and what the slow path decides on.

use std::collections::HashMap;

use netboot_ebpf::shared::{
    BootFile, ClassFlags, Interface, Reservation, Settings, Station, Subnet, UserClass,
};

/// By interface and OUI.
pub type Anybody = HashMap<(u32, Option<[u8; 3]>), Reservation>;

/// One consistent set of rows.
#[derive(Clone, Debug)]
pub struct Tables {
    pub settings: Settings,
    pub interfaces: HashMap<u32, Interface>,
    pub user_classes: HashMap<UserClass, ClassFlags>,
    pub subnets: Vec<Subnet>,
    pub boot_files: Vec<BootFile>,
    pub reservations: HashMap<Station, Reservation>,
    /// In mode `auto-proxy`: what machines without reservation get, by interface, and by OUI where that has
    /// quirks. Their station and address are zero.
    pub anybody: Anybody,
}

impl netboot_ebpf::tables::Tables for Tables {
    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        self.interfaces.get(&ifindex)
    }

    fn reservation(&self, station: &Station) -> Option<&Reservation> {
        self.reservations.get(station)
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
}
