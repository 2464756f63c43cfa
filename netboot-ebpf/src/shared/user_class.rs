//! A user class (option 77) and its meaning: a row of the map `USER_CLASSES`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::USER_CLASS;

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
