//! An event: what the daemon is told of a DHCP message through the ring `EVENTS`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::{Mac, Station};

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
