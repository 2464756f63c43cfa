//! A subnet: a row of the map `SUBNETS`.

use core::hint::black_box;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::{MAX_RELAYS, SUBNET_OPTIONS};

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
