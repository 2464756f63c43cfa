//! MAC addresses as people and firmware write them.

use netboot_ebpf::shared::Mac;

/// `52:54:00:ee:0d:0b`, `52-54-00-ee-0d-0b`, `5254.00ee.0d0b` or `525400ee0d0b`, in either case.
#[must_use]
pub fn parse(text: &str) -> Option<Mac> {
    let (separator, group) = match text.len() {
        17 if text.contains(':') => (Some(b':'), 2),
        17 => (Some(b'-'), 2),
        14 => (Some(b'.'), 4),
        12 => (None, 12),
        _ => return None,
    };
    let mut digits = [0; 12];
    let mut free = digits.iter_mut();
    for (at, byte) in text.bytes().enumerate() {
        if separator.is_some() && at % (group + 1) == group {
            if separator != Some(byte) {
                return None;
            }
            continue;
        }
        *free.next()? = char::from(byte).to_digit(16)?.try_into().ok()?;
    }
    let mut octets = [0; 6];
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        *octet = pair.iter().fold(0, |octet, digit: &u8| octet << 4 | digit);
    }
    Some(Mac { octets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: bool) {
        let mac = Mac { octets: [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b] };
        assert_eq!(parse(text), expect.then_some(mac), "{text}");
    }

    #[test]
    fn spellings() {
        check("52:54:00:ee:0d:0b", true);
        check("52:54:00:EE:0D:0B", true);
        check("52-54-00-ee-0d-0b", true);
        check("5254.00ee.0d0b", true);
        check("525400ee0d0b", true);

        check("", false);
        check("52:54:00:ee:0d", false);
        check("52:54:00:ee:0d:0b:00", false);
        check("52:54:00:ee:0d:0g", false);
        check("52:54:00-ee-0d:0b", false);
        check("5:254:00:ee:0d:0b", false);
        check("52:54:00:ee:0d:+b", false);
        check("5254:00ee:0d0b", false);
        check("52540\u{e9}ee0d0b", false);
        check("undionly.kpxe", false);
    }
}
