//! What the daemon and the XDP program share: keys, values, names and capacities of the BPF maps.
//!
//! Addresses are bytes in network order, never integers; lengths and indexes are native integers.
//! Option blocks are rendered by the daemon, zero-padded to a fixed size, so that the kernel copies
//! them with a constant length.

use core::hint::black_box;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use crate::{
    deadlines::Deadlines,
    settings::{Settings, VendorClass},
};

/// Tells one form of the maps' types from all others, whatever became of them: a daemon takes over only
/// the maps that are of its own form.
pub const LAYOUT: u64 = {
    let begin = 0xcbf2_9ce4_8422_2325 ^ cfg!(feature = "other-build") as u64;
    let shared = fingerprint(begin, include_bytes!("shared.rs"));
    let settings = fingerprint(shared, include_bytes!("settings.rs"));
    let deadlines = fingerprint(settings, include_bytes!("deadlines.rs"));
    fingerprint(deadlines, include_bytes!("limit.rs"))
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

/// An Ethernet address: `chaddr` and the key of `RESERVATIONS`.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Mac {
    pub octets: [u8; 6],
}

/// The VLAN of a frame: the ids of its tags as they stand, the outer one first; 0 where there is none.
/// A frame with a priority tag (id 0, IEEE 802.1Q section 9.6) alone is as one without.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Vlan {
    pub ids: [u16; 2],
}

impl Vlan {
    /// Of a frame without tags.
    pub const NONE: Self = Self { ids: [0; 2] };
}

/// A machine's network port as its frames show it: the key of `RESERVATIONS` and `UNKNOWN`. A machine
/// may have a reservation in each VLAN.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Station {
    pub mac: Mac,
    /// Of the client's own frames; a relay's tags do not count.
    pub vlan: Vlan,
}

impl Station {
    /// Of a machine whose frames have no tag.
    #[must_use]
    pub const fn untagged(mac: Mac) -> Self {
        Self { mac, vlan: Vlan::NONE }
    }
}

/// A machine's reserved address and what it gets beside the subnet's options.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Reservation {
    /// The address is held back until then, since a machine declined it: nanoseconds since boot
    /// (CLOCK_MONOTONIC); 0: it is not.
    pub quarantined_until: u64,
    /// The machine may send its whole burst again from then on ([`crate::limit::Limit::admit`]): the program counts here.
    pub full_at: u64,
    /// The key again: a hash map's slot can be recycled while it is read.
    pub station: Station,
    /// Bytes used of `options`.
    pub options_len: u16,
    /// `yiaddr`.
    pub address: [u8; 4],
    /// Index into `SUBNETS`.
    pub subnet: u32,
    /// Index in `BOOT_FILES` of the first row of the machine's boot set (see
    /// [`crate::client::Stage::row`]);
    /// 0: the machine gets its lease only.
    pub boot_set: u32,
    /// Bits of [`Reservation::NEVER_NAK`] and its like: quirks of the machine's firmware.
    pub flags: u16,
    /// The architecture (option 93) that the machine is taken for; [`NO_ARCHITECTURE`]: what it says.
    pub architecture: u16,
    /// The least length of a message to the machine, in bytes; 0: the usual one. Not 0: the daemon
    /// answers.
    pub min_message: u16,
    /// Milliseconds to wait before an answer. Not 0: the daemon answers.
    pub delay: u16,
    /// Options of this host alone: 12, overrides.
    pub options: [u8; HOST_OPTIONS],
    #[cfg(feature = "other-build")]
    pub more: u64,
}

impl Reservation {
    /// One that gives nothing.
    pub const NOBODYS: Self = Self {
        quarantined_until: 0,
        full_at: 0,
        station: Station::untagged(Mac { octets: [0; 6] }),
        options_len: 0,
        address: [0; 4],
        subnet: 0,
        boot_set: 0,
        flags: 0,
        architecture: NO_ARCHITECTURE,
        min_message: 0,
        delay: 0,
        options: [0; HOST_OPTIONS],
        #[cfg(feature = "other-build")]
        more: 0,
    };

    /// As the daemon renders it: without what becomes of it while it is answered.
    #[must_use]
    pub const fn configured(self) -> Self {
        Self { quarantined_until: 0, full_at: 0, ..self }
    }

    /// A wrong address is not refused.
    pub const NEVER_NAK: u16 = 1;
    /// Answers are broadcast, whatever the broadcast flag says.
    pub const ALWAYS_BROADCAST: u16 = 2;
    /// No option 67: a boot file name that does not fit `file` is left out.
    pub const NO_BOOT_FILE_OPTION: u16 = 4;
    /// Asks for a boot file also where it does not say so (no option 60).
    pub const ASSUME_PXE: u16 = 8;
    /// `architecture` is what its boot ROM is, which says none, or x86 BIOS, or has no option 60: what is loaded by it
    /// says its own.
    pub const ARCHITECTURE_OF_ROM: u16 = 16;
    /// No quirk: options of the machine or of its subnet have no room in their rows. The daemon answers.
    pub const HAS_MORE: u16 = 32;
    /// No quirk: the machine has a boot file of its own, of which a plain client is told that asks for one.
    pub const OWN_FILE: u16 = 64;

    /// No quirk: the list of user classes that get the script is the machine's own, whatever link it asks on.
    pub const OWN_LIST: u16 = 128;
    /// From this bit on: the list of user classes that get the script.
    const SCRIPT_LIST: u32 = 11;

    /// The flags that say which list of user classes get the script; `None`: there is no such list.
    #[must_use]
    pub const fn of_list(list: u32) -> Option<u16> {
        if list < ClassFlags::LISTS { Some((list as u16) << Self::SCRIPT_LIST) } else { None }
    }

    /// The list of user classes that get the script: see [`ClassFlags::script`].
    #[inline(always)]
    #[must_use]
    pub const fn script_list(&self) -> u32 {
        (self.flags >> Self::SCRIPT_LIST) as u32
    }

    /// Whether a quirk is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// A subnet's identity and options. Hosts with overrides can have a row of their own.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Subnet {
    pub network: [u8; 4],
    pub mask: [u8; 4],
    /// The server's address in this subnet: option 54 and the answers' IP source.
    pub server: [u8; 4],
    /// The interface whose link this subnet is; 0: reached through relays only.
    pub ifindex: u32,
    /// Bytes used of `options`.
    pub options_len: u32,
    /// `siaddr` for a client that boots nothing from us; zero: none.
    pub next_server: [u8; 4],
    /// One more than the row for clients that ask for classless routes: with option 121, without 3 and 33
    /// (RFC 3442, "DHCP Client Behavior"); 0: there is none.
    pub classless: u32,
    /// Relays outside the subnet whose address stands for it.
    pub relays: [Relays; MAX_RELAYS],
    /// Options 54, 51, 58, 59, 1, 3, 6, ...; 54 stands first.
    pub options: [u8; SUBNET_OPTIONS],
}

/// The addresses of relays: one, or a network of them.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Relays {
    pub network: [u8; 4],
    /// Zero: the place is not used.
    pub mask: [u8; 4],
}

impl Subnet {
    /// Whether a relay's address, or one that stands for a link, says that who asks is on this subnet's link.
    #[inline(always)]
    #[must_use]
    pub fn is_asked_from(&self, address: [u8; 4]) -> bool {
        // Without a branch, which would double the verifier's states each.
        let mut is_outside = outside(address, self.network, self.mask);
        for relays in &self.relays {
            is_outside &= outside(address, relays.network, relays.mask);
        }
        black_box(is_outside) == 0
    }

    /// Whether the address belongs to this subnet.
    #[inline(always)]
    #[must_use]
    pub fn contains(&self, address: [u8; 4]) -> bool {
        let [mask, network, address] = [self.mask, self.network, address].map(u32::from_ne_bytes);
        address & mask == network & mask
    }
}

/// 0 where the address lies in the network, which has a mask; else 1.
#[inline(always)]
fn outside(address: [u8; 4], network: [u8; 4], mask: [u8; 4]) -> u64 {
    let [address, network, mask] = [address, network, mask].map(u32::from_ne_bytes);
    not_zero((address ^ network) & mask) | (1 ^ not_zero(mask))
}

/// 0 for 0, else 1.
#[inline(always)]
fn not_zero(number: u32) -> u64 {
    black_box(u64::from(number)).wrapping_neg() >> 63
}

/// What one boot choice adds to an answer. Row 0 of `BOOT_FILES` is the empty one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BootFile {
    /// Next server.
    pub siaddr: [u8; 4],
    /// Bytes used of `name`. Up to 127 it goes to the `file` field, longer to option 67. 0: no boot
    /// file is configured for this choice.
    pub name_len: u16,
    /// Bytes used of `options`.
    pub options_len: u16,
    /// [`BootFile::IN_OPTION`].
    pub flags: u16,
    /// File name or URL.
    pub name: [u8; BOOT_NAME],
    /// Options 43, 60, 175.
    pub options: [u8; BOOT_OPTIONS],
}

impl BootFile {
    /// The name stands in option 67 also where it fits the `file` field: some read the one, some the other.
    pub const IN_OPTION: u16 = 1;

    /// Row 0: nothing to boot.
    pub const NONE: Self = Self {
        siaddr: [0; 4],
        name_len: 0,
        options_len: 0,
        flags: 0,
        name: [0; BOOT_NAME],
        options: [0; BOOT_OPTIONS],
    };
}

/// An interface that the program is attached to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Interface {
    /// The answers' Ethernet source.
    pub mac: Mac,
    /// The longest IP datagram, in bytes.
    pub mtu: u16,
}

/// A user class (option 77), zero-padded: the key of `USER_CLASSES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct UserClass {
    pub name: [u8; USER_CLASS],
}

impl UserClass {
    /// The key of a name; `None` where it is empty or too long to be matched.
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut key = Self { name: [0; USER_CLASS] };
        if name.is_empty() {
            return None;
        }
        key.name.get_mut(..name.len())?.copy_from_slice(name);
        Some(key)
    }
}

/// What a user class means.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ClassFlags {
    pub bits: u32,
}

impl ClassFlags {
    /// The class is an iPXE that is not ours: it gets the binary as a URL.
    pub const IPXE: u32 = 1 << 31;
    /// There are so many lists of classes that get the script: the site's, and those of subnets and hosts.
    pub const LISTS: u32 = 31;

    /// The class gets the script where this list holds.
    #[inline(always)]
    #[must_use]
    pub const fn script(list: u32) -> u32 {
        1 << (list & 31)
    }
}

/// A DHCP message as the daemon is told of it through the `EVENTS` ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Event {
    /// Nanoseconds since boot (CLOCK_MONOTONIC).
    pub at: u64,
    pub ifindex: u32,
    /// A [`crate::verdict::Verdict`]'s number.
    pub verdict: u32,
    pub seen: Seen,
}

/// No architecture was told.
pub const NO_ARCHITECTURE: u16 = 0xffff;

/// What a request told of its machine.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Seen {
    pub station: Station,
    /// The first architecture code of option 93; 0xffff: none.
    pub architecture: u16,
    /// Option 53.
    pub message_type: u8,
    /// A [`crate::client::Stage`]'s number.
    pub stage: u8,
    pub giaddr: [u8; 4],
    /// The address that it asks for (option 50), else has (ciaddr).
    pub address: [u8; 4],
    pub reserved: [u8; 2],
}

impl Seen {
    /// Of a message that could not be read.
    pub const NOTHING: Self = Self {
        station: Station::untagged(Mac { octets: [0; 6] }),
        architecture: NO_ARCHITECTURE,
        message_type: 0,
        stage: 0,
        giaddr: [0; 4],
        address: [0; 4],
        reserved: [0; 2],
    };
}

/// `100`, or `200.100`, the outer one first.
impl core::fmt::Display for Vlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [outer, inner] = self.ids;
        if inner == 0 { write!(f, "{outer}") } else { write!(f, "{outer}.{inner}") }
    }
}

impl core::fmt::Display for Mac {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.octets;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
