//! The tables that a decision looks its values up in.

use crate::shared::{
    BootFile, ClassFlags, Interface, Reservation, Settings, Station, Subnet, UserClass,
};
use crate::verdict::Verdict;

/// Where a machine asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub ifindex: u32,
    /// An address of its link ([`crate::request::Request::link`]); zero: that of the interface.
    pub link: [u8; 4],
}

/// What a machine gets on a link that its subnet is not on, where another server gives the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLink {
    /// Index into `SUBNETS`.
    pub subnet: u32,
    /// As in [`Reservation`].
    pub boot_set: u32,
    /// See [`crate::shared::ClassFlags::script`].
    pub script_list: u32,
}

/// The tables that the daemon fills: BPF maps in the kernel, the same rows in the daemon.
pub trait Tables {
    /// Whether one more message is judged.
    ///
    /// # Errors
    /// [`Verdict::Stale`]: the daemon has been gone for too long. [`Verdict::OverCeiling`]: there are too many
    /// messages.
    fn admit(&self) -> Result<(), Verdict>;
    fn settings(&self) -> Option<&Settings>;
    fn interface(&self, ifindex: u32) -> Option<&Interface>;
    /// The reservation of a machine that asks; this counts as one message of it.
    ///
    /// # Errors
    /// [`Verdict::UnknownMachine`]: it has none. [`Verdict::RateLimited`]: it asks too often.
    fn reservation(&self, station: &Station) -> Result<&Reservation, Verdict>;
    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags>;
    fn subnet(&self, index: u32) -> Option<&Subnet>;
    fn boot_file(&self, index: u32) -> Option<&BootFile>;
    /// Whether the daemon, whose services boot files load from, was there a moment ago.
    fn has_boot_files(&self) -> bool;
    /// Whether the daemon was there some seconds ago.
    fn has_daemon(&self) -> bool;
    /// Whether the reservation's address is held back now.
    fn is_quarantined(&self, reservation: &Reservation) -> bool;
    /// What a machine without reservation boots; only the daemon has it ([`Settings::AUTO_PROXY`]).
    fn anybody(&self, asked: Asked, station: &Station) -> Option<&Reservation>;
    /// Encoded options that have no room in a row of `SUBNETS` and in a reservation; only the daemon is asked
    /// ([`Reservation::HAS_MORE`]).
    fn more(&self, row: u32, station: &Station) -> [&[u8]; 2];
    /// What a machine with this reservation boots where it asks on a link that its subnet is not on; only the daemon
    /// has it ([`Settings::PROXY`]).
    fn at_link(&self, asked: Asked, reservation: &Reservation) -> Option<AtLink>;
    /// Whether an address lies in one of our subnets; only the daemon is asked.
    fn is_served(&self, address: [u8; 4]) -> bool;
    /// Whether an address stands for the link of one of our subnets ([`Subnet::is_asked_from`]); only the daemon is
    /// asked.
    fn is_asked_from(&self, address: [u8; 4]) -> bool;
    /// Whether a subnet of ours is on an interface's link; only the daemon is asked.
    fn has_subnet(&self, ifindex: u32) -> bool;
    /// Whether an address lies in a subnet of ours on an interface's link; only the daemon is asked.
    fn is_on_link(&self, ifindex: u32, address: [u8; 4]) -> bool;
}
