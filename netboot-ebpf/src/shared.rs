//! The memory that the daemon and the XDP program share: keys, values, names and capacities of the BPF maps.
//!
//! Addresses are bytes in network order, never integers; lengths and indexes are native integers.
//! Option blocks are rendered by the daemon, zero-padded to a fixed size, so that the kernel copies
//! the blocks with a constant length.

mod boot_file;
mod deadlines;
mod event;
mod interface;
mod reservation;
mod settings;
mod station;
mod subnet;
mod user_class;

pub use self::{
    boot_file::BootFile,
    deadlines::Deadlines,
    event::{Event, NO_ARCHITECTURE, Seen},
    interface::Interface,
    reservation::Reservation,
    settings::{Settings, VendorClass},
    station::{Mac, Station, Vlan},
    subnet::{Relays, Subnet},
    user_class::{ClassFlags, UserClass},
};

/// The files in which the maps' types stand.
const FILES: [&[u8]; 11] = [
    include_bytes!("shared.rs"),
    include_bytes!("shared/boot_file.rs"),
    include_bytes!("shared/deadlines.rs"),
    include_bytes!("shared/event.rs"),
    include_bytes!("shared/interface.rs"),
    include_bytes!("shared/reservation.rs"),
    include_bytes!("shared/settings.rs"),
    include_bytes!("shared/station.rs"),
    include_bytes!("shared/subnet.rs"),
    include_bytes!("shared/user_class.rs"),
    include_bytes!("limit.rs"),
];

/// Tells one form of the maps' types from all others, whatever became of the types: a daemon takes over only
/// maps of its own form.
pub const LAYOUT: u64 = {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ cfg!(feature = "other-build") as u64;
    let mut files: &[&[u8]] = &FILES;
    while let [file, rest @ ..] = files {
        hash = fingerprint(hash, file);
        files = rest;
    }
    hash
};

/// FNV-1a, begun with `hash`.
const fn fingerprint(mut hash: u64, mut bytes: &[u8]) -> u64 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

/// The directory under which the maps are pinned by default.
pub const PIN_PATH: &str = "/sys/fs/bpf/netboot";

/// Names of the maps, of the pins, and of the program's statics.
pub mod map {
    pub const RESERVATIONS: &str = "RESERVATIONS";
    pub const USER_CLASSES: &str = "USER_CLASSES";
    pub const SUBNETS: &str = "SUBNETS";
    pub const BOOT_FILES: &str = "BOOT_FILES";
    pub const INTERFACES: &str = "INTERFACES";
    pub const SETTINGS: &str = "SETTINGS";
    pub const COUNTERS: &str = "COUNTERS";
    pub const EVENTS: &str = "EVENTS";
    pub const UNKNOWN: &str = "UNKNOWN";
    pub const LIMITS: &str = "LIMITS";
    pub const DEADLINES: &str = "DEADLINES";
}

/// Capacities that are the same for every site; the daemon sizes `RESERVATIONS`, `SUBNETS` and
/// `BOOT_FILES` to the configuration before it creates them.
pub const MAX_USER_CLASSES: usize = 64;
pub const MAX_INTERFACES: usize = 64;
pub const MAX_UNKNOWN: usize = 4096;
/// Bytes of the event ring: about 8,000 events.
pub const EVENTS_BYTES: usize = 512 * 1024;
/// `COUNTERS` has a place for each verdict, one for events that found the ring full, and one for those that
/// were left out: the daemon is told of a sample of what is nobody's.
pub const EVENTS_LOST: u32 = crate::verdict::Verdict::COUNT;
pub const EVENTS_LEFT_OUT: u32 = EVENTS_LOST + 1;
pub const COUNTERS_LEN: usize =
    EVENTS_LEFT_OUT as usize + 1 + cfg!(feature = "other-build") as usize;
/// Addresses of this node that clients may send to or name in option 54.
pub const MAX_ADDRESSES: usize = 16;
/// Architecture codes (option 93) below this number can be served.
pub const MAX_ARCHITECTURES: usize = 64;

/// Room for the options of a subnet, of a host, of a boot choice, and for a file name or URL.
pub const SUBNET_OPTIONS: usize = 256;
pub const HOST_OPTIONS: usize = 128;
pub const BOOT_OPTIONS: usize = 64;
pub const BOOT_NAME: usize = 256;
/// The relays of a subnet that do not lie in it.
pub const MAX_RELAYS: usize = 4;
/// Bytes of a vendor class that are looked at, and the rows of those that are known.
pub const VENDOR_CLASS: usize = 16;
pub const MAX_VENDOR_CLASSES: usize = 16;
/// The longest user class that can be matched.
pub const USER_CLASS: usize = 32;
