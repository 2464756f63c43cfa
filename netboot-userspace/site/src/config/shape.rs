//! What the value of a DHCP option is made of (RFC 2132 and its successors): the one list of it, which imports and
//! exports read too.

use std::fmt;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Address,
    Addresses,
    AddressPairs,
    /// A number of this many bytes.
    Number(usize),
    /// Numbers of this many bytes each.
    Numbers(usize),
    Text,
    /// Domain names as RFC 1035 section 3.1 writes them.
    Names,
    /// RFC 3442
    Routes,
}

impl Shape {
    /// Of an option; `None`: any bytes.
    pub fn of(code: u8) -> Option<Self> {
        match code {
            1 | 16 | 28 | 32 | 50 | 54 | 118 => Some(Self::Address),
            3..=11
            | 41
            | 42
            | 44
            | 45
            | 48
            | 49
            | 65
            | 68..=76
            | 85
            | 89
            | 112
            | 136
            | 138
            | 150 => Some(Self::Addresses),
            21 | 33 => Some(Self::AddressPairs),
            2 | 24 | 35 | 38 | 51 | 58 | 59 | 108 | 211 => Some(Self::Number(4)),
            13 | 22 | 26 | 57 => Some(Self::Number(2)),
            19 | 20 | 23 | 27 | 29..=31 | 34 | 36 | 37 | 39 | 46 | 116 => Some(Self::Number(1)),
            25 | 93 | 117 => Some(Self::Numbers(2)),
            12 | 14 | 15 | 17 | 18 | 40 | 47 | 60 | 62 | 64 | 66 | 67 | 77 | 86 | 87 | 98 | 100
            | 101 | 113 | 114 | 209 | 210 | 252 => Some(Self::Text),
            88 | 119 | 137 | 141 => Some(Self::Names),
            121 | 249 => Some(Self::Routes),
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
            Self::Numbers(bytes) => length != 0 && length.is_multiple_of(bytes),
            Self::Text | Self::Names => length != 0,
            Self::Routes => length >= 5,
        }
    }

    /// Whether a configuration writes it by this key, or by `hex`, which may be anything.
    pub(crate) fn is_written_as(self, key: &str) -> bool {
        let own = match self {
            Self::Address | Self::Addresses | Self::AddressPairs => "ip",
            Self::Number(1) | Self::Numbers(1) => "u8",
            Self::Number(2) | Self::Numbers(2) => "u16",
            Self::Number(_) | Self::Numbers(_) => "u32",
            Self::Text => "text",
            Self::Names | Self::Routes => "hex",
        };
        key == own || key == "hex"
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
            Self::Numbers(bytes) => {
                write!(f, "numbers of {bytes} bytes each: use u{} = [...]", 8 * bytes)
            }
            Self::Text => f.write_str("text: use text = \"...\""),
            Self::Names => f.write_str(
                "domain names as DNS encodes them: use search = [\"...\"] if it is 119, else hex = \"...\"",
            ),
            Self::Routes => f.write_str("routes of 5 bytes at least: use hex = \"...\""),
        }
    }
}
