//! `dhcp-range`: the networks that are served.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::directives::Directive;

/// A network of IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) cidr: Ipv4Net,
    /// No netmask is given: it is that of dnsmasq's interface.
    pub(super) is_guessed: bool,
    pub(super) pool: Option<(Ipv4Addr, Ipv4Addr)>,
    pub(super) lease: Option<u32>,
    pub(super) sets: Vec<String>,
    /// What is not taken over.
    pub(super) left_out: Vec<String>,
}

/// What a `dhcp-range` says; why not, if it is not a network for netboot.
pub(super) fn range(directive: &Directive) -> Result<Range, String> {
    let mut range = Range::default();
    let mut addresses = Vec::new();
    for text in directive.texts() {
        if let Some(tag) = text.strip_prefix("set:") {
            range.sets.push(tag.to_owned());
        } else if text.starts_with("tag:") || text.starts_with("net:") {
            range.left_out.push(format!("the condition {text:?}"));
        } else if let Ok(address) = text.parse::<Ipv4Addr>() {
            addresses.push(address);
        } else if text.contains(':') {
            return Err("netboot has no IPv6".to_owned());
        } else if text == "proxy" {
            return Err(
                "a proxy's network needs no [[subnet]]: set dhcp.mode = \"proxy\"".to_owned()
            );
        } else if let Some(seconds) = seconds(text) {
            range.lease = Some(seconds);
        } else if text != "static" && !text.is_empty() {
            if addresses.is_empty() {
                range.sets.push(text.to_owned());
            } else {
                range.left_out.push(format!("{text:?}"));
            }
        }
    }
    let [start, rest @ ..] = &addresses[..] else {
        return Err("it has no IPv4 address".to_owned());
    };
    let is_mask =
        |ip: &&Ipv4Addr| ip.octets()[0] == 255 && ipnet::ipv4_mask_to_prefix(**ip).is_ok();
    let end = rest.first().filter(|ip| !is_mask(ip)).copied();
    let mask = rest.iter().find(is_mask);
    let prefix = mask.and_then(|mask| ipnet::ipv4_mask_to_prefix(*mask).ok());
    range.is_guessed = prefix.is_none();
    let prefix = prefix.unwrap_or_else(|| common_prefix(*start, end.unwrap_or(*start)).min(24));
    range.cidr = Ipv4Net::new(*start, prefix).map_err(|error| error.to_string())?.trunc();
    range.pool = end.map(|end| (*start, end));
    Ok(range)
}

fn common_prefix(a: Ipv4Addr, b: Ipv4Addr) -> u8 {
    let different = a.to_bits() ^ b.to_bits();
    u8::try_from(different.leading_zeros()).unwrap_or(32)
}

/// `12h`, `3600`, `infinite`
pub(super) fn seconds(text: &str) -> Option<u32> {
    if text == "infinite" {
        return Some(u32::MAX);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" | "s" | "S" => 1,
        "m" | "M" => 60,
        "h" | "H" => 60 * 60,
        "d" | "D" => 24 * 60 * 60,
        "w" | "W" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::import::{dnsmasq::directives::Field, note::NotePlace};

    #[track_caller]
    fn check(text: &str, expect: Result<(&str, Option<u32>, bool), &str>) {
        let fields = text.split(',').map(|text| Field { text: text.to_owned(), quoted: false });
        let place = NotePlace { file: Path::new("a").into(), line: 1 };
        let directive =
            Directive { place, name: "dhcp-range".to_owned(), fields: fields.collect() };
        let found = range(&directive);
        let found = found.map(|range| (range.cidr.to_string(), range.lease, range.pool.is_some()));
        let expect = expect.map(|(cidr, lease, pool)| (cidr.to_owned(), lease, pool));
        assert_eq!(found, expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn ranges_are_networks() {
        check("192.168.0.0,static", Ok(("192.168.0.0/24", None, false)));
        check("192.168.0.0,static,255.255.254.0,12h", Ok(("192.168.0.0/23", Some(43200), false)));
        check(
            "192.168.0.50,192.168.0.150,255.255.255.0,192.168.0.255,1w",
            Ok(("192.168.0.0/24", Some(604_800), true)),
        );
        check("192.168.0.50,192.168.3.150,infinite", Ok(("192.168.0.0/22", Some(u32::MAX), true)));
        check("set:red,interface:eth0,10.0.0.1,static", Err("netboot has no IPv6"));
        check("red,10.0.0.1,static", Ok(("10.0.0.0/24", None, false)));
        check("1234::2,1234::500,64,12h", Err("netboot has no IPv6"));
        check("::,constructor:eth0", Err("netboot has no IPv6"));
        check(
            "10.0.0.0,proxy",
            Err("a proxy's network needs no [[subnet]]: set dhcp.mode = \"proxy\""),
        );
        check("static", Err("it has no IPv4 address"));
    }
}
