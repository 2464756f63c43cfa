//! The settings that hold for every request, and the known vendor classes: the one row of the map `SETTINGS`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    limit::Limit,
    shared::{LAYOUT, MAX_ADDRESSES, MAX_ARCHITECTURES, MAX_VENDOR_CLASSES, VENDOR_CLASS},
};

/// A begin of vendor classes (option 60), and what such machines boot as.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VendorClass {
    /// Zero-padded.
    pub prefix: [u8; VENDOR_CLASS],
    /// 255 where a byte of `prefix` counts.
    pub mask: [u8; VENDOR_CLASS],
    /// How many do; 65535: the row is not used.
    pub len: u16,
    /// A [`crate::client::Stage`]'s number.
    pub stage: u8,
    /// Bits of [`VendorClass::KNOWS_PROXY`].
    pub flags: u8,
    pub reserved: [u8; 4],
}

impl VendorClass {
    /// No class.
    pub const UNUSED: Self = Self {
        prefix: [0; VENDOR_CLASS],
        mask: [0; VENDOR_CLASS],
        len: u16::MAX,
        stage: 0,
        flags: 0,
        reserved: [0; 4],
    };

    /// Such machines take an OFFER without address for what it is (PXE 2.1 section 2.2).
    pub const KNOWS_PROXY: u8 = 1;

    /// Of classes that begin so; `None` where that is longer than is looked at.
    #[must_use]
    pub fn new(prefix: &[u8], stage: u8, flags: u8) -> Option<Self> {
        let len = u16::try_from(prefix.len()).ok()?;
        let mut class = Self { len, stage, flags, ..Self::UNUSED };
        class.prefix.get_mut(..prefix.len())?.copy_from_slice(prefix);
        class.mask.get_mut(..prefix.len())?.fill(255);
        Some(class)
    }

    /// Whether a class of this length, that begins with these bytes, is of the row.
    #[inline(always)]
    #[must_use]
    pub fn is_of(&self, begin: &[u8; VENDOR_CLASS], len: usize) -> bool {
        let [begin, mask, prefix] =
            [begin, &self.mask, &self.prefix].map(|bytes| u128::from_ne_bytes(*bytes));
        len >= usize::from(self.len) && begin & mask == prefix
    }
}

/// What holds for every request.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Settings {
    /// [`crate::shared::LAYOUT`] of the daemon that wrote the maps.
    pub layout: u64,
    /// Messages of one machine.
    pub machine: Limit,
    /// Messages of all machines without reservation, and of those that cannot be read or are for nobody here.
    pub unknown: Limit,
    /// All messages.
    pub total: Limit,
    /// Bits of [`Settings::AUTHORITATIVE`] and its like.
    pub flags: u32,
    /// The number of architecture slots: the width of a boot set.
    pub slots: u32,
    /// The slot of machines that say no architecture with a slot: a host's own boot file is there; 0: there
    /// is none.
    pub other_slot: u32,
    /// Our addresses; unused places are zero.
    pub addresses: [[u8; 4]; MAX_ADDRESSES],
    /// The broadcast addresses of the networks that we are in; unused places are zero.
    pub broadcasts: [[u8; 4]; MAX_ADDRESSES],
    /// Architecture code (option 93) to slot, counted from 1; 0: unknown.
    pub architecture_slots: [u8; MAX_ARCHITECTURES],
    pub reserved: [u8; 4],
    /// The first row that a class is of counts.
    pub vendor_classes: [VendorClass; MAX_VENDOR_CLASSES],
}

impl Settings {
    /// A wrong address is refused with a NAK.
    pub const AUTHORITATIVE: u32 = 1;
    /// A machine may be offered an address of another subnet than the one it asks from.
    pub const SHARED_NETWORKS: u32 = 2;
    /// Another server gives the addresses; boot files come from us, by the daemon (ProxyDHCP).
    pub const PROXY: u32 = 4;
    /// With [`Settings::PROXY`]: machines without reservation boot too.
    pub const AUTO_PROXY: u32 = 8;
    /// A machine may say which link it is on (option 118, RFC 3011).
    pub const SUBNET_SELECTION: u32 = 16;

    /// Whether the address is one of ours.
    #[inline(always)]
    #[must_use]
    pub fn is_ours(&self, address: [u8; 4]) -> bool {
        is_among(&self.addresses, address)
    }

    /// Whether it is the broadcast address of a network that we are in: what is sent there is for us, too
    /// (RFC 1122 section 3.3.6).
    #[inline(always)]
    #[must_use]
    pub fn is_broadcast(&self, address: [u8; 4]) -> bool {
        is_among(&self.broadcasts, address)
    }

    /// Whether a switch is on.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl Default for Settings {
    /// Those of a node that has no address, no limit and no switch on, and knows no machine's class.
    fn default() -> Self {
        Self {
            layout: LAYOUT,
            machine: Limit::default(),
            unknown: Limit::default(),
            total: Limit::default(),
            flags: 0,
            slots: 0,
            other_slot: 0,
            addresses: [[0; 4]; MAX_ADDRESSES],
            broadcasts: [[0; 4]; MAX_ADDRESSES],
            architecture_slots: [0; MAX_ARCHITECTURES],
            reserved: [0; 4],
            vendor_classes: [VendorClass::UNUSED; MAX_VENDOR_CLASSES],
        }
    }
}

#[inline(always)]
fn is_among(addresses: &[[u8; 4]; MAX_ADDRESSES], address: [u8; 4]) -> bool {
    // Leaving the loop at the match, not noting it: BPF has no conditional move, so each noted
    // comparison would double the verifier's states.
    for one in addresses {
        if *one == address && address != [0; 4] {
            return true;
        }
    }
    false
}
