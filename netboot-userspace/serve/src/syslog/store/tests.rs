//! Tests of the files of lines.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::{PermissionsExt, symlink},
    time::{Duration, SystemTime},
};

use netboot_ebpf::shared::Mac;
use tempfile::TempDir;

use super::*;
use crate::syslog::parse::parse;

const MACHINE: LineSource = LineSource::Machine {
    mac: Mac { octets: [0x52, 0x54, 0, 0xee, 0x0d, 0x0b] },
    address: IpAddr::V4(Ipv4Addr::new(192, 168, 2, 144)),
};
const FILE: &str = "52-54-00-ee-0d-0b.log";

fn stranger(number: u32) -> LineSource {
    LineSource::Stranger(Ipv4Addr::from(0x0a00_0000 + number).into())
}

fn message(text: &str) -> SyslogMessage {
    parse(text.as_bytes(), SystemTime::UNIX_EPOCH + Duration::from_millis(1_792_000_000_123))
}

fn read(store: &Store, name: &str) -> String {
    fs::read_to_string(store.directory().join(name)).unwrap()
}

fn names(store: &Store) -> usize {
    fs::read_dir(store.directory()).unwrap().count()
}

#[test]
fn a_line_per_message() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::new(dir.path());
    let check = |store: &mut Store, source, input, name: &str, expect: &str| {
        store.append(source, &message(input)).unwrap();
        assert_eq!(read(store, name).lines().last(), Some(expect), "{input}");
    };
    let time = "2026-10-14T17:46:40.123Z";
    let expect = format!("{time} info host=liar ipxe: net0: up\\n\\x1b[2J");
    check(&mut store, MACHINE, "<6>liar ipxe: net0: up\n\x1b[2J", FILE, &expect);
    let expect = format!("{time} notice a[7]: [x y=\"1\"] text");
    check(&mut store, MACHINE, "<13>1 - - a 7 - [x y=\"1\"] text", FILE, &expect);
    let expect = format!("{time} crit host=h su[42]: failed");
    check(&mut store, MACHINE, "<34>Oct 11 22:14:15 h su[42]: failed", FILE, &expect);
    check(&mut store, stranger(1), "no form", "10.0.0.1.log", &format!("{time} notice -: no form"));
    let v6 = LineSource::Stranger("fe80::1".parse().unwrap());
    check(&mut store, v6, "<6>a: b", "fe80::1.log", &format!("{time} info a: b"));
    assert_eq!(read(&store, FILE).lines().count(), 3);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.directory().join(FILE)), 0o640);
    assert_eq!(mode(store.directory()), 0o750);
}

#[test]
fn rotates_and_keeps_one_old_file() {
    let dir = TempDir::new().unwrap();
    let mut store = Store { max_bytes: 1000, ..Store::new(dir.path()) };
    for number in 0..100 {
        store.append(MACHINE, &message(&format!("<6>a: line {number}"))).unwrap();
    }
    let (new, old) = (read(&store, FILE), read(&store, &format!("{FILE}.1")));
    assert!(new.len() <= 1000 && old.len() <= 1000 && old.len() > 900);
    let both = old + &new;
    let last: Vec<_> = both.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    let expect: Vec<_> = (100 - last.len()..100).map(|number| number.to_string()).collect();
    assert_eq!(last, expect);
    assert_eq!(names(&store), 2);

    store.append(MACHINE, &message(&format!("<6>a: {}", "x".repeat(5000)))).unwrap();
    store.append(MACHINE, &message("<6>a: end")).unwrap();
    assert_eq!(read(&store, FILE).lines().count(), 1, "a line above the limit is written too");
}

#[test]
fn moved_and_deleted_files_are_made_anew() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::new(dir.path());
    store.append(MACHINE, &message("<6>a: one")).unwrap();
    let path = store.directory().join(FILE);
    fs::rename(&path, path.with_extension("moved")).unwrap();
    fs::write(&path, "").unwrap();
    store.append(MACHINE, &message("<6>a: two")).unwrap();
    assert!(read(&store, FILE).ends_with("two\n") && !read(&store, FILE).contains("one"));
    fs::remove_dir_all(store.directory()).unwrap();
    store.append(MACHINE, &message("<6>a: three")).unwrap();
    assert!(read(&store, FILE).ends_with("three\n") && !read(&store, FILE).contains("two"));
}

#[test]
fn files_of_strangers_and_open_files_are_bounded() {
    let dir = TempDir::new().unwrap();
    for run in 0..2 {
        let mut store = Store::new(dir.path());
        for number in run * 100..(run + 1) * 100 {
            store.append(stranger(number), &message("<6>a: b")).unwrap();
        }
        assert_eq!(names(&store), MAX_STRANGERS + 1);
    }
    let mut store = Store::new(dir.path());
    let others = read(&store, OTHERS);
    assert_eq!(others.lines().count(), 200 - MAX_STRANGERS);
    assert!(others.ends_with("Z info 10.0.0.199 a: b\n"), "{others}");

    for number in 0..200 {
        let mac = Mac { octets: [2, 0, 0, 0, 0, number] };
        let machine = LineSource::Machine { mac, address: MACHINE.address() };
        store.append(machine, &message("<6>a: b")).unwrap();
        assert!(store.open.len() <= MAX_OPEN);
    }
    assert_eq!(names(&store), MAX_STRANGERS + 1 + 200);
}

#[test]
fn what_is_in_the_way_of_one_file_keeps_no_other_from_being_written() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::new(dir.path());
    let secret = dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::create_dir(store.directory()).unwrap();
    for _ in 0..2 {
        let _ = fs::remove_file(store.directory().join(FILE));
        symlink(&secret, store.directory().join(FILE)).unwrap();
        let error = store.append(MACHINE, &message("<6>a: b")).unwrap_err();
        assert!(is_refused(&error), "{error}");
        store.append(stranger(1), &message("<6>a: b")).unwrap();
        store.probe().unwrap();
        let (why, count) = store.refused().unwrap();
        assert!(why.contains(FILE) && why.contains("a symbolic link") && count == 1, "{why}");
        fs::remove_file(store.directory().join(FILE)).unwrap();
        store.probe().unwrap();
        assert_eq!(store.refused(), None);
        store.append(MACHINE, &message("<6>a: b")).unwrap();
    }
    assert_eq!(read(&store, FILE).lines().count(), 1);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
}

/// A link in the place of the file before, and of the probe's.
#[test]
fn rotation_and_probe_follow_no_link() {
    let dir = TempDir::new().unwrap();
    let mut store = Store { max_bytes: 100, ..Store::new(dir.path()) };
    let secret = dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    store.append(MACHINE, &message(&format!("<6>a: {}", "x".repeat(90)))).unwrap();
    symlink(&secret, store.directory().join(format!("{FILE}.1"))).unwrap();
    store.append(MACHINE, &message("<6>a: b")).unwrap();
    assert!(read(&store, &format!("{FILE}.1")).contains("xxx"));
    fs::remove_file(store.directory().join(format!("{FILE}.1"))).unwrap();
    fs::create_dir(store.directory().join(format!("{FILE}.1"))).unwrap();
    store.append(MACHINE, &message(&format!("<6>a: {}", "x".repeat(90)))).unwrap_err();
    assert!(store.refused().unwrap().0.contains("is a directory and no regular file"));
    fs::remove_dir(store.directory().join(format!("{FILE}.1"))).unwrap();
    symlink(&secret, store.directory().join(PROBE)).unwrap();
    assert!(is_refused(&store.probe().unwrap_err()));
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
}

#[test]
fn an_unusable_directory_is_an_error_until_it_is_usable() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::new(dir.path());
    fs::write(store.directory(), "in the way").unwrap();
    store.append(MACHINE, &message("<6>a: b")).unwrap_err();
    fs::remove_file(store.directory()).unwrap();
    store.append(MACHINE, &message("<6>a: b")).unwrap();
}
