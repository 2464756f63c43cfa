//! What the value of a DHCP option is made of (RFC 2132, RFC 3442).

use std::fmt;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Address,
    Addresses,
    AddressPairs,
    /// A number of this many bytes.
    Number(usize),
    Routes,
}

impl Shape {
    /// Of an option; `None`: any bytes.
    pub(crate) fn of(code: u8) -> Option<Self> {
        match code {
            1 | 16 | 28 | 32 => Some(Self::Address),
            3..=11 | 41 | 42 | 44 | 45 | 48 | 49 | 65 | 69..=76 => Some(Self::Addresses),
            21 | 33 => Some(Self::AddressPairs),
            2 | 24 | 35 | 38 | 51 | 58 | 59 => Some(Self::Number(4)),
            13 | 22 | 26 | 57 => Some(Self::Number(2)),
            19 | 20 | 23 | 27 | 29..=31 | 34 | 36 | 37 | 39 | 46 => Some(Self::Number(1)),
            121 => Some(Self::Routes),
            _ => None,
        }
    }

    /// Whether a value of this length can be one.
    pub(crate) fn fits(self, length: usize) -> bool {
        match self {
            Self::Address => length == 4,
            Self::Addresses => length != 0 && length.is_multiple_of(4),
            Self::AddressPairs => length != 0 && length.is_multiple_of(8),
            Self::Number(bytes) => length == bytes,
            Self::Routes => length >= 5,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("an address of 4 bytes: use ip = \"...\""),
            Self::Addresses => f.write_str("addresses of 4 bytes each: use ip = [\"...\"]"),
            Self::AddressPairs => {
                f.write_str("pairs of addresses, 8 bytes each: use ip = [\"...\", \"...\"]")
            }
            Self::Number(1) => f.write_str("a number of 1 byte: use u8 = ..."),
            Self::Number(bytes) => {
                write!(f, "a number of {bytes} bytes: use u{} = ...", 8 * bytes)
            }
            Self::Routes => f.write_str("routes of 5 bytes at least: use hex = \"...\""),
        }
    }
}
