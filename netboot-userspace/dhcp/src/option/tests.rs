//! Tests of the table of options, and of all who would write one of their own.

use std::collections::HashMap;

use super::*;

#[test]
fn each_code_has_one_row() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
    }
    for known in TABLE {
        assert_eq!(row(known.code).map(|row| row.code), Some(known.code));
    }
    for unknown in [0, 63, 224, 255] {
        assert!(row(unknown).is_none(), "{unknown}");
        assert_eq!(shape(unknown), Bytes, "{unknown}");
    }
}

#[test]
fn each_name_means_one_option() {
    let mut known: HashMap<String, u8> = HashMap::new();
    let mut shown: HashMap<&str, u8> = HashMap::new();
    for row in TABLE {
        assert!(!row.shown.is_empty(), "{} has no name in explanations", row.code);
        assert_eq!(shown.insert(row.shown, row.code), None, "{}", row.shown);
        let own = [row.dnsmasq, row.kea, row.dhcpd].into_iter().chain(row.also.iter().copied());
        for name in own.filter(|name| !name.is_empty()) {
            let other = known.insert(name.to_ascii_lowercase(), row.code);
            assert!(other.is_none_or(|other| other == row.code), "{name}: {other:?}");
            assert_eq!(by_name(name).map(|found| found.code), Some(row.code), "{name}");
            assert_eq!(by_name(&name.to_uppercase()).map(|found| found.code), Some(row.code));
        }
    }
    assert!(by_name("of-nobody").is_none());
    assert!(by_name("").is_none());
}

#[test]
fn who_is_told_an_option_by_name_has_a_name_for_it() {
    for row in TABLE {
        for dialect in row.named {
            assert!(row.name(*dialect).is_some(), "option {} has no name in {dialect:?}", row.code);
        }
        // What settings of a subnet say has a name with all, but for routes, which some define.
        if let Set::Key(key) = row.set
            && row.shape != Routes
        {
            assert_eq!(row.named, ALL, "{key}, option {}", row.code);
        }
    }
}

#[test]
fn options_by_name_and_by_code() {
    let check = |name: &str, code: u8, shape: Shape| {
        let found = by_name(name).unwrap();
        assert_eq!((found.code, found.shape), (code, shape), "{name}");
    };
    check("Root-Path", 17, Text);
    check("path-mtu-plateau-table", 25, Numbers(2));
    check("mobile-ip-home-agent", 68, Addresses);
    check("v6-only-preferred", 108, Number(4));
    check("auto-config", 116, Bool);
    check("domain-search", 119, SearchList);
    check("vivso-suboptions", 125, Bytes);
    check("tftp-server-address", 150, Addresses);
    check("reboottime", 211, Number(4));
    check("ms-classless-static-routes", 249, Routes);
    let told = |code: u8, dialect| row(code).unwrap().told(dialect);
    assert_eq!(told(67, Dialect::Kea), Some("boot-file-name"));
    assert_eq!(told(67, Dialect::Dhcpd), Some("bootfile-name"));
    assert_eq!(told(28, Dialect::Dnsmasq), None);
    assert_eq!(told(17, Dialect::Kea), None);
}
