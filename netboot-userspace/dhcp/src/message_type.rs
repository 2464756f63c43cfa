//! The names of DHCP message types (option 53).

use netboot_ebpf::wire::{ACK, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST};

/// A message type by its two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageType {
    number: u8,
    /// As RFC 2131 writes it, without its DHCP.
    pub name: &'static str,
    /// As logs, events and status write it.
    pub lower: &'static str,
}

const TYPES: [MessageType; 8] = [
    MessageType { number: DISCOVER, name: "DISCOVER", lower: "discover" },
    MessageType { number: OFFER, name: "OFFER", lower: "offer" },
    MessageType { number: REQUEST, name: "REQUEST", lower: "request" },
    MessageType { number: DECLINE, name: "DECLINE", lower: "decline" },
    MessageType { number: ACK, name: "ACK", lower: "ack" },
    MessageType { number: NAK, name: "NAK", lower: "nak" },
    MessageType { number: RELEASE, name: "RELEASE", lower: "release" },
    MessageType { number: INFORM, name: "INFORM", lower: "inform" },
];

impl MessageType {
    /// The type of a number that has one.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        TYPES.into_iter().find(|known| known.number == number)
    }
}

/// The name of a number: "unknown" where it has none.
#[must_use]
pub fn name(number: u8) -> &'static str {
    MessageType::of(number).map_or("unknown", |known| known.name)
}

/// The name of a number in lower case: "other" where it has none.
#[must_use]
pub fn lower(number: u8) -> &'static str {
    MessageType::of(number).map_or("other", |known| known.lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_name_in_two_cases() {
        for number in 0..=u8::MAX {
            let known = (1..=8).contains(&number);
            assert_eq!(MessageType::of(number).is_some(), known, "{number}");
            if let Some(found) = MessageType::of(number) {
                assert_eq!(found.number, number);
                assert_eq!(found.name.to_lowercase(), found.lower);
            }
        }
        assert_eq!((name(2), lower(2)), ("OFFER", "offer"));
        assert_eq!((name(9), lower(0)), ("unknown", "other"));
    }
}
