//! MAC addresses as people and devices write them.

use netboot_ebpf::shared::Mac;

/// Reads `52:54:00:ee:0d:0b`, `52-54-00-EE-0D-0B`, `5254.00ee.0d0b` or `525400ee0d0b`.
///
/// # Errors
///
/// The text is none of these.
pub fn parse(text: &str) -> Result<Mac, MacError> {
    octets(text).map(|octets| Mac { octets }).ok_or_else(|| MacError(text.to_owned()))
}

/// A text that is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a MAC address; write six octets, as in \"52:54:00:ee:0d:0b\"")]
pub struct MacError(String);

fn octets(text: &str) -> Option<[u8; 6]> {
    let (separator, width) = match text.len() {
        12 => (None, 12),
        14 => (Some('.'), 4),
        17 => (text.chars().find(|c| matches!(c, ':' | '-')), 2),
        _ => return None,
    };
    let digits = match separator {
        None if width == 12 => text.to_owned(),
        None => return None,
        Some(separator) => {
            let groups: Vec<_> = text.split(separator).collect();
            if groups.iter().any(|group| group.len() != width) {
                return None;
            }
            groups.concat()
        }
    };
    if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(&digits, 16).ok()?;
    let [_, _, octets @ ..] = number.to_be_bytes();
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse(text).ok().map(|mac| mac.to_string()).as_deref(), expect, "{text:?}");
    }

    #[test]
    fn spellings() {
        let mac = Some("52:54:00:ee:0d:0b");
        check("52:54:00:ee:0d:0b", mac);
        check("52:54:00:EE:0D:0B", mac);
        check("52-54-00-ee-0d-0b", mac);
        check("52-54-00-EE-0d-0B", mac);
        check("5254.00ee.0d0b", mac);
        check("5254.00EE.0D0B", mac);
        check("525400ee0d0b", mac);
        check("525400EE0D0B", mac);
        check("00:00:00:00:00:00", Some("00:00:00:00:00:00"));
        check("ffffffffffff", Some("ff:ff:ff:ff:ff:ff"));
    }

    #[test]
    fn no_macs() {
        for text in [
            "",
            "52:54:00:ee:0d",
            "52:54:00:ee:0d:0b:00",
            "52:54:00:ee:0d:0g",
            "52:54:00:ee:0d-0b",
            "52:54:0:0ee:0d:0b",
            ":5:54:00:ee:0d:0b",
            "52 54 00 ee 0d 0b",
            "5254:00ee:0d0b",
            "525.400.ee0.d0b",
            "5254.00ee.0d0",
            "525400ee0d0",
            "+25400ee0d0b",
            " 52:54:00:ee:0d:0b",
            "525400ee0dü",
            "5254.00ee.0dü",
            "52:54:00:ee:0d:ü",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_error_shows_the_text() {
        let error = parse("52:54").unwrap_err().to_string();
        let expect = r#""52:54" is not a MAC address; write six octets, as in "52:54:00:ee:0d:0b""#;
        assert_eq!(error, expect);
    }
}
