//! An option's value as words of a configuration, and as bytes on the wire.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netboot_dhcp::routes::{self, Route};

use super::table::Kind;

/// The bytes of the words.
pub(in crate::import) fn encode(kind: Kind, words: &[&str]) -> Result<Vec<u8>, String> {
    match kind {
        Kind::Ips => {
            let ips: Result<Vec<_>, _> = words.iter().map(|word| ip(word)).collect();
            Ok(ips?.iter().flat_map(Ipv4Addr::octets).collect())
        }
        Kind::Text => Ok(words.join(",").into_bytes()),
        Kind::Numbers(width) => {
            let numbers: Result<Vec<_>, _> = words.iter().map(|word| number(word, width)).collect();
            Ok(numbers?.concat())
        }
        Kind::Names => {
            let names: Result<Vec<_>, _> = words.iter().map(|word| domain(word)).collect();
            Ok(names?.concat())
        }
        Kind::Routes => routes(words),
        Kind::Bytes => {
            hex(&words.concat()).ok_or_else(|| format!("{:?} is not hexadecimal", words.join(",")))
        }
    }
}

/// By what the words look like, where nothing is known of the option.
pub(in crate::import) fn guess(words: &[&str]) -> Result<Vec<u8>, String> {
    if words.iter().all(|word| word.parse::<Ipv4Addr>().is_ok()) {
        return encode(Kind::Ips, words);
    }
    if let [word] = words {
        if word.contains(':')
            && let Some(bytes) = hex(word)
        {
            return Ok(bytes);
        }
        if let Ok(number) = word.parse::<i64>() {
            let width = match number {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                _ => 4,
            };
            return encode(Kind::Numbers(width), words);
        }
    }
    encode(Kind::Text, words)
}

fn ip(word: &str) -> Result<Ipv4Addr, String> {
    word.parse().map_err(|_| format!("{word:?} is not an IPv4 address"))
}

fn number(word: &str, width: usize) -> Result<Vec<u8>, String> {
    let wrong = || format!("{word:?} is not a number of {width} bytes");
    let number = match word {
        "true" | "on" => 1,
        "false" | "off" => 0,
        _ => match word.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).map_err(|_| wrong())?,
            None => word.parse::<i64>().map_err(|_| wrong())?,
        },
    };
    let bits = 8 * u32::try_from(width).unwrap_or(4);
    let range = -(1_i64 << (bits - 1))..1_i64 << bits;
    if !range.contains(&number) {
        return Err(wrong());
    }
    let bytes = number.to_be_bytes();
    Ok(bytes.get(bytes.len().saturating_sub(width)..).unwrap_or_default().to_vec())
}

fn domain(word: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for label in word.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        bytes.push(length.ok_or_else(|| format!("{word:?} is not a domain name"))?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    Ok(bytes)
}

/// `10.0.0.0/8,10.0.0.1` and Kea's `10.0.0.0/8 - 10.0.0.1`
fn routes(words: &[&str]) -> Result<Vec<u8>, String> {
    let words: Vec<_> = words
        .iter()
        .flat_map(|word| word.split([' ', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let mut routes = Vec::new();
    for pair in words.chunks(2) {
        let [destination, router] = pair else {
            return Err(format!("a route to {} has no router", pair.concat()));
        };
        let wrong = || format!("{destination:?} is not a network");
        let network: Ipv4Net = match destination.parse() {
            Ok(network) => network,
            Err(_) => Ipv4Net::from(destination.parse::<Ipv4Addr>().map_err(|_| wrong())?),
        };
        routes.push((network, ip(router)?));
    }
    Ok(routes::write(&routes))
}

/// `0a:0b`, `a:b`, `0a0b`, `0x0a0b`, `0a 0b`
pub(in crate::import) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let groups: Vec<&str> = text.split([':', ' ', '-']).collect();
    if groups.len() > 1 {
        let byte = |group: &&str| {
            let digits = group.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(group, 16).ok().filter(|_| digits && group.len() <= 2)
        };
        return groups.iter().map(byte).collect();
    }
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

pub(in crate::import) fn ips(bytes: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let chunks = bytes.chunks_exact(4);
    if !chunks.remainder().is_empty() || bytes.is_empty() {
        return None;
    }
    let ip = |chunk: &[u8]| <[u8; 4]>::try_from(chunk).ok().map(Ipv4Addr::from);
    chunks.map(ip).collect()
}

pub(in crate::import) fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    String::from_utf8(bytes.get(..=end)?.to_vec()).ok()
}

pub(in crate::import) fn number_of(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The names of a search list; those that point to others are not read.
pub(in crate::import) fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first() {
        if *length == 0 {
            names.push(std::mem::take(&mut labels).join("."));
            rest = after;
            continue;
        }
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        labels.push(String::from_utf8(label.to_vec()).ok()?);
        rest = after;
    }
    labels.is_empty().then_some(names)
}

pub(in crate::import) fn routes_of(bytes: &[u8]) -> Option<Vec<Route>> {
    let routes = routes::read(bytes)?;
    Some(routes.into_iter().map(|(network, router)| (network.trunc(), router)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_bytes() {
        let check = |kind, words: &[&str], expect: Option<&[u8]>| {
            assert_eq!(encode(kind, words).ok().as_deref(), expect, "{words:?}");
        };
        check(Kind::Ips, &["10.0.0.1", "10.0.0.2"], Some(&[10, 0, 0, 1, 10, 0, 0, 2]));
        check(Kind::Ips, &["ns1"], None);
        check(Kind::Text, &["a", "b"], Some(b"a,b"));
        check(Kind::Numbers(2), &["1500"], Some(&[5, 220]));
        check(Kind::Numbers(1), &["256"], None);
        check(Kind::Numbers(4), &["-3600"], Some(&[255, 255, 241, 240]));
        check(Kind::Numbers(1), &["true"], Some(&[1]));
        check(Kind::Names, &["a.b"], Some(&[1, b'a', 1, b'b', 0]));
        check(Kind::Names, &["a..b"], None);
        check(Kind::Routes, &["10.0.0.0/8", "10.1.1.1"], Some(&[8, 10, 10, 1, 1, 1]));
        check(Kind::Routes, &["10.0.0.0/8 - 10.1.1.1"], Some(&[8, 10, 10, 1, 1, 1]));
        check(Kind::Routes, &["10.0.0.0/8"], None);
        check(Kind::Bytes, &["0a:b"], Some(&[10, 11]));
        check(Kind::Bytes, &["xyz"], None);
        check(Kind::Bytes, &["ü:a"], None);
        check(Kind::Bytes, &["üa"], None);
    }

    #[test]
    fn bytes_become_values() {
        let bytes = encode(Kind::Names, &["a.b", "c"]).unwrap();
        assert_eq!(names(&bytes).unwrap(), ["a.b", "c"]);
        assert_eq!(names(&[3, b'a']), None);
        let bytes =
            encode(Kind::Routes, &["10.0.0.0/8", "10.1.1.1", "0.0.0.0/0", "10.1.1.2"]).unwrap();
        let routes = routes_of(&bytes).unwrap();
        assert_eq!(routes[1], ("0.0.0.0/0".parse().unwrap(), [10, 1, 1, 2].into()));
        assert_eq!(routes_of(&[200, 1]), None);
        assert_eq!(guess(&["1:2"]).unwrap(), [1, 2]);
        assert_eq!(guess(&["300"]).unwrap(), [1, 44]);
        assert_eq!(guess(&["text"]).unwrap(), b"text");
    }
}
