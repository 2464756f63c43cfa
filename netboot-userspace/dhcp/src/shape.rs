//! The shapes of DHCP options' values (RFC 2132 and its successors).

use std::fmt;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Address,
    Addresses,
    AddressPairs,
    /// One byte: 0 is off, 1 is on.
    Bool,
    /// A number of this many bytes.
    Number(usize),
    /// Numbers of this many bytes each.
    Numbers(usize),
    /// A time of 4 bytes.
    Seconds,
    /// A message's type, in one byte.
    MessageType,
    Text,
    /// Domain names as RFC 1035 section 3.1 writes them.
    Names,
    /// The same, but a name can end in that of an earlier one (RFC 3397).
    SearchList,
    /// RFC 3442
    Routes,
    /// Any bytes.
    Bytes,
}

impl Shape {
    /// Bytes of a number, or of each of several; `None`: it is none.
    #[must_use]
    pub const fn width(self) -> Option<usize> {
        match self {
            Self::Bool | Self::MessageType => Some(1),
            Self::Number(bytes) | Self::Numbers(bytes) => Some(bytes),
            Self::Seconds => Some(4),
            _ => None,
        }
    }

    /// Whether the value is one number.
    #[must_use]
    pub const fn is_number(self) -> bool {
        self.width().is_some() && !matches!(self, Self::Numbers(_))
    }

    #[must_use]
    pub const fn is_addresses(self) -> bool {
        matches!(self, Self::Address | Self::Addresses | Self::AddressPairs)
    }

    /// Whether a value of this length can be one.
    #[must_use]
    pub fn fits(self, length: usize) -> bool {
        match self {
            Self::Address => length == 4,
            Self::Addresses => length != 0 && length.is_multiple_of(4),
            Self::AddressPairs => length != 0 && length.is_multiple_of(8),
            Self::Numbers(bytes) => length != 0 && length.is_multiple_of(bytes),
            Self::Bool | Self::Number(_) | Self::Seconds | Self::MessageType => {
                self.width() == Some(length)
            }
            Self::Text | Self::Names | Self::SearchList | Self::Bytes => length != 0,
            Self::Routes => length >= 5,
        }
    }

    /// Whether a configuration writes it by this key, or by `hex`, which may be anything.
    #[must_use]
    pub fn is_written_as(self, key: &str) -> bool {
        let own = match (self, self.width()) {
            (Self::Bytes, _) => return true,
            (_, Some(1)) => "u8",
            (_, Some(2)) => "u16",
            (_, Some(_)) => "u32",
            (Self::Text, _) => "text",
            (Self::Names | Self::SearchList | Self::Routes, _) => "hex",
            _ => "ip",
        };
        key == own || key == "hex"
    }

    /// What bytes of a right length have to be, where not all are a value.
    #[must_use]
    pub const fn content(self) -> Option<&'static str> {
        match self {
            Self::Bool => Some("0 (off) or 1 (on)"),
            Self::Names | Self::SearchList => Some(
                "domain names (RFC 1035): before each label its length, behind the last one of a name a zero",
            ),
            Self::Routes => Some(
                "routes (RFC 3442): of each the prefix's length (0 to 32), the octets that it covers, the router",
            ),
            _ => None,
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
            Self::Bool => f.write_str("a number of 1 byte: use u8 = 0 or u8 = 1"),
            Self::Number(1) | Self::MessageType => f.write_str("a number of 1 byte: use u8 = ..."),
            Self::Number(bytes) => {
                write!(f, "a number of {bytes} bytes: use u{} = ...", 8 * bytes)
            }
            Self::Numbers(bytes) => {
                write!(f, "numbers of {bytes} bytes each: use u{} = [...]", 8 * bytes)
            }
            Self::Seconds => f.write_str("a number of 4 bytes: use u32 = ..."),
            Self::Text => f.write_str("text: use text = \"...\""),
            Self::SearchList => f.write_str(
                "domain names as DNS encodes them: use search = [\"...\"], or hex = \"...\"",
            ),
            Self::Names => f.write_str("domain names as DNS encodes them: use hex = \"...\""),
            Self::Routes => f.write_str("routes of 5 bytes at least: use hex = \"...\""),
            Self::Bytes => f.write_str("bytes: use hex = \"...\""),
        }
    }
}
