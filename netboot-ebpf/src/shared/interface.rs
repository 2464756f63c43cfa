//! An interface of the node: a row of the map `INTERFACES`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::Mac;

/// An interface that the program is attached to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Interface {
    /// The answers' Ethernet source.
    pub mac: Mac,
    /// The longest IP datagram, in bytes.
    pub mtu: u16,
}
