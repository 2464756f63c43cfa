//! The names of a machine on a wire: its Ethernet address and its VLAN.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

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

/// `100`, or `200.100`, the outer one first.
impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [outer, inner] = self.ids;
        if inner == 0 { write!(f, "{outer}") } else { write!(f, "{outer}.{inner}") }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.octets;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
