//! Tests of values, from text to bytes and back.

use super::*;
use crate::shape::Shape::*;

/// A value, there and back.
#[track_caller]
fn check(shape: Shape, bytes: &[u8], value: Value) {
    assert_eq!(shape.decode(bytes).as_ref(), Some(&value), "{shape:?}");
    assert_eq!(shape.encode(&value).as_deref(), Ok(bytes), "{shape:?}");
}

#[track_caller]
fn refused(shape: Shape, bytes: &[u8]) {
    assert_eq!(shape.decode(bytes), None, "{shape:?} {bytes:?}");
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn each_shape_is_written_as_it_is_read() {
    let [one, two] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(Ipv4Addr::from);
    let both = [10, 0, 0, 1, 10, 0, 0, 2];
    check(Address, &both[..4], one.into());
    check(Addresses, &both, Value::from(&[one, two][..]));
    check(AddressPairs, &both, Value::Addresses(vec![one, two]));
    check(Bool, &[1], Value::Bool(true));
    check(Bool, &[0], Value::Bool(false));
    check(Number(1), &[64], Value::Number(64));
    check(Number(2), &[5, 220], Value::Number(1500));
    check(Number(4), &[255; 4], Value::Number(u32::MAX));
    check(Numbers(2), &[0, 68, 1, 40], Value::Numbers(vec![68, 296]));
    check(Seconds, &[0, 1, 81, 128], Value::Number(86_400));
    check(MessageType, &[5], Value::Number(5));
    check(Text, "café".as_bytes(), Value::Text("café".to_owned()));
    check(Names, b"\x01a\x01b\0\x02cd\0", Value::Names(texts(&["a.b", "cd"])));
    let route = |net: &str, router| (net.parse().unwrap(), router);
    let routes = vec![route("10.128.0.0/9", one), route("0.0.0.0/0", two)];
    check(Routes, &[9, 10, 128, 10, 0, 0, 1, 0, 10, 0, 0, 2], Value::Routes(routes));
    check(Bytes, &[0, 255], Value::Bytes(vec![0, 255]));
}

#[test]
fn names_may_end_in_earlier_ones() {
    let names = Value::Names(texts(&["a.b", "cd.b", "e"]));
    check(SearchList, b"\x01a\x01b\0\x02cd\xc0\x02\x01e\0", names.clone());
    check(Names, b"\x01a\x01b\0\x02cd\x01b\0\x01e\0", names);
    // More than an option holds in one piece.
    let many: Vec<_> = (0..40).map(|number| format!("a-long-name-{number}.example")).collect();
    let written = SearchList.encode(&Value::Names(many.clone())).unwrap();
    assert!(written.len() > 255, "{}", written.len());
    assert_eq!(SearchList.decode(&written), Some(Value::Names(many)));
}

#[test]
fn what_has_another_shape_is_none() {
    for (shape, bytes) in [
        (Address, &[10, 0, 0][..]),
        (Address, &[0; 8]),
        (Addresses, &[]),
        (Addresses, &[0; 6]),
        (AddressPairs, &[0; 4]),
        (Bool, &[2]),
        (Bool, &[0, 1]),
        (Number(2), &[1]),
        (Numbers(2), &[1, 2, 3]),
        (Text, &[0]),
        (Text, &[0xff]),
        (Names, b"\x01a"),
        (Names, b"\xc0\0"),
        (Names, b"\0"),
        (Names, b"\x03a,b\0"),
        (Routes, &[8, 10, 1, 2, 3]),
        (Routes, &[33, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Bytes, &[]),
    ] {
        refused(shape, bytes);
    }
    assert_eq!(text(b"a\0\0").as_deref(), Some("a"));
    assert_eq!(number(&[]), None);
    assert_eq!(number(&[0; 5]), None);
}

#[test]
fn values_that_cannot_be_written() {
    let check = |shape: Shape, value: Value, expect: &str| {
        assert_eq!(shape.encode(&value).unwrap_err().to_string(), expect);
    };
    check(Number(1), Value::Number(256), "256 is not a number of 1 bytes");
    check(Names, Value::Names(texts(&["a..b"])), "\"a..b\" is not a domain name");
    check(SearchList, Value::Names(texts(&["a..b"])), "\"a..b\" is not a domain name");
    check(Names, Value::Names(texts(&[""])), "\"\" is not a domain name");
    check(
        Names,
        Value::Names(vec!["a".repeat(64)]),
        &format!("{:?} is not a domain name", "a".repeat(64)),
    );
    check(Text, Value::Number(1), "Number(1) is another kind of value than the option has");
}

/// Another reader of the same bytes.
#[test]
fn dhcproto_reads_what_is_written() {
    use dhcproto::{Decodable as _, Decoder};

    let check = |code: u8, shape: Shape, value: Value, expect: v4::DhcpOption| {
        let bytes = shape.encode(&value).unwrap();
        let whole = [&[code, bytes.len() as u8], &bytes[..]].concat();
        assert_eq!(v4::DhcpOption::decode(&mut Decoder::new(&whole)).unwrap(), expect);
    };
    let list = vec![Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
    check(3, Addresses, Value::Addresses(list.clone()), v4::DhcpOption::Router(list.clone()));
    check(26, Number(2), Value::Number(9000), v4::DhcpOption::InterfaceMtu(9000));
    check(51, Seconds, Value::Number(3600), v4::DhcpOption::AddressLeaseTime(3600));
    check(15, Text, Value::Text("a.b".into()), v4::DhcpOption::DomainName("a.b".into()));
    let names = texts(&["a.b", "c.b"]);
    let parsed = names.iter().map(|name| format!("{name}.").parse().unwrap()).collect();
    check(119, SearchList, Value::Names(names), v4::DhcpOption::DomainSearch(parsed));
    let routes = vec![("10.1.0.0/16".parse().unwrap(), list[0])];
    let expect = v4::DhcpOption::ClasslessStaticRoute(routes.clone());
    check(121, Routes, Value::Routes(routes), expect);
}
