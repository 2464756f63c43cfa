//! `dhcp-host`: a machine.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::Mac;

use super::{directives::Directive, range::seconds};

/// What a `dhcp-host` says, in whatever order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DhcpHost {
    pub(super) macs: Vec<Mac>,
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) name: Option<String>,
    pub(super) lease: Option<u32>,
    pub(super) sets: Vec<String>,
    pub(super) is_ignored: bool,
    /// Identified by something else than a MAC.
    pub(super) has_id: bool,
    /// What is not taken over, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
}

pub(super) fn host(directive: &Directive) -> DhcpHost {
    let mut host = DhcpHost::default();
    for text in directive.texts() {
        if text.is_empty() {
            continue;
        }
        if let Some(tag) = text.strip_prefix("set:").or_else(|| text.strip_prefix("net:")) {
            host.sets.push(tag.to_owned());
        } else if text.starts_with("tag:") {
            host.left_out
                .push((text.to_owned(), "a reservation is for every request of its machine"));
        } else if let Some(id) = text.strip_prefix("id:") {
            // `id:*` says that the client identifier does not matter: it never does here.
            if id != "*" {
                host.has_id = true;
                host.left_out.push((text.to_owned(), "netboot knows machines by MAC alone"));
            }
        } else if text.starts_with('[') {
            host.left_out.push((text.to_owned(), "netboot has no IPv6"));
        } else if text == "ignore" {
            host.is_ignored = true;
        } else if let Ok(ip) = text.parse() {
            host.ip = Some(ip);
        } else if let Some(found) = hardware(text) {
            match found {
                Hardware::Mac(mac) => host.macs.push(mac),
                Hardware::Other(why) => host.left_out.push((text.to_owned(), why)),
            }
        } else if let Some(lease) = seconds(text) {
            host.lease = Some(lease);
        } else {
            host.name = Some(text.to_owned());
        }
    }
    host
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hardware {
    Mac(Mac),
    /// Why not.
    Other(&'static str),
}

/// `0:1:2:3:4:5`, `1-00:...`, `00:01:02:*:*:*`; `None`: it looks otherwise.
fn hardware(text: &str) -> Option<Hardware> {
    if !text.contains(':') {
        return None;
    }
    let (kind, octets) = match text.split_once('-') {
        Some((kind, octets)) if !kind.contains(':') => (kind, octets),
        _ => ("1", text),
    };
    let octets: Vec<_> = octets.split([':', '-']).collect();
    let is_octet = |octet: &&str| {
        *octet == "*"
            || ((1..=2).contains(&octet.len())
                && octet.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    if !octets.iter().all(is_octet) {
        return None;
    }
    if octets.contains(&"*") {
        return Some(Hardware::Other(
            "a reservation is for one MAC: write a host for each machine",
        ));
    }
    if u8::from_str_radix(kind, 16) != Ok(1) || octets.len() != 6 {
        return Some(Hardware::Other("netboot knows machines by their Ethernet MAC alone"));
    }
    mac(&octets).map(Hardware::Mac)
}

fn mac(octets: &[&str]) -> Option<Mac> {
    let octets: Option<Vec<u8>> =
        octets.iter().map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    Some(Mac { octets: octets?.try_into().ok()? })
}

/// Whether a pattern of `dhcp-mac` is for this MAC.
pub(super) fn matches(pattern: &str, mac: Mac) -> bool {
    let octets: Vec<_> = pattern.split([':', '-']).collect();
    octets.len() == 6
        && octets
            .iter()
            .zip(mac.octets)
            .all(|(pattern, octet)| *pattern == "*" || u8::from_str_radix(pattern, 16) == Ok(octet))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::import::{dnsmasq::directives::Field, note::NotePlace};

    #[track_caller]
    fn check(text: &str, macs: &[&str], rest: (&str, &str, Option<u32>), left_out: &[&str]) {
        let fields = text.split(',').map(|text| Field { text: text.to_owned(), quoted: false });
        let place = NotePlace { file: Path::new("a").into(), line: 1 };
        let directive = Directive { place, name: "dhcp-host".to_owned(), fields: fields.collect() };
        let found = host(&directive);
        let found_macs: Vec<_> = found.macs.iter().map(ToString::to_string).collect();
        assert_eq!(found_macs, macs, "{text}");
        let ip = found.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let name = found.name.unwrap_or_default();
        assert_eq!((ip.as_str(), name.as_str(), found.lease), rest, "{text}");
        let found: Vec<_> = found.left_out.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(found, left_out, "{text}");
    }

    #[test]
    fn spellings() {
        let mac = "00:20:e0:3b:13:af";
        check("00:20:e0:3b:13:af,10.0.0.5", &[mac], ("10.0.0.5", "", None), &[]);
        check(
            "10.0.0.5,0:20:E0:3B:13:AF,wap,infinite",
            &[mac],
            ("10.0.0.5", "wap", Some(u32::MAX)),
            &[],
        );
        check("1-00:20:e0:3b:13:af,wap,45m", &[mac], ("", "wap", Some(2700)), &[]);
        check("01-00:20:e0:3b:13:af", &[mac], ("", "", None), &[]);
        check(
            "06-00:20:e0:3b:13:af,1.2.3.4",
            &[],
            ("1.2.3.4", "", None),
            &["06-00:20:e0:3b:13:af"],
        );
        check("00:20:e0:3b:13:*,ignore", &[], ("", "", None), &["00:20:e0:3b:13:*"]);
        check("id:01:02:03:04,lap,10.0.0.5", &[], ("10.0.0.5", "lap", None), &["id:01:02:03:04"]);
        check("id:*,00:20:e0:3b:13:af", &[mac], ("", "", None), &[]);
        check("laptop,[1234::56],10.0.0.5", &[], ("10.0.0.5", "laptop", None), &["[1234::56]"]);
        check(
            "11:22:33:44:55:66,12:34:56:78:90:12,10.0.0.5,set:red,net:blue,tag:x",
            &["11:22:33:44:55:66", "12:34:56:78:90:12"],
            ("10.0.0.5", "", None),
            &["tag:x"],
        );
    }

    #[test]
    fn patterns() {
        let mac = Mac { octets: [0, 0x60, 0x8c, 1, 2, 3] };
        assert!(matches("00:60:8C:*:*:*", mac));
        assert!(!matches("00:60:8D:*:*:*", mac));
        assert!(!matches("00:60", mac));
    }
}
