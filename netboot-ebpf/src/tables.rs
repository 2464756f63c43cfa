//! What a decision looks up.

use crate::shared::{
    BootFile, ClassFlags, Interface, Mac, Reservation, Settings, Station, Subnet, UserClass,
};

/// The tables that the daemon fills: BPF maps in the kernel, the same rows in the daemon.
pub trait Tables {
    fn settings(&self) -> Option<&Settings>;
    fn interface(&self, ifindex: u32) -> Option<&Interface>;
    fn reservation(&self, station: &Station) -> Option<&Reservation>;
    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags>;
    fn subnet(&self, index: u32) -> Option<&Subnet>;
    fn boot_file(&self, index: u32) -> Option<&BootFile>;
    /// Whether the reservation's address is held back now.
    fn is_quarantined(&self, reservation: &Reservation) -> bool;
    /// What a machine without reservation boots; only the daemon has it ([`Settings::AUTO_PROXY`]).
    fn anybody(&self, ifindex: u32, mac: Mac) -> Option<&Reservation>;
    /// Whether an address lies in one of our subnets; only the daemon is asked.
    fn is_served(&self, address: [u8; 4]) -> bool;
}
