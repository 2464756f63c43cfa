//! Tests of changes of the tables in place.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::Ipv4Net;
use netboot_site::model::{Config, Host, NetworkOverrides};

use super::*;
use crate::golden::site;

const ROUTE: &str = "10.0.0.0/8";

/// A host of the golden site's first subnet. Its kind says what is its own.
fn host(mac: u8, ip: u8, kind: u8) -> Arc<Host> {
    let mac = netboot_ebpf::shared::Mac { octets: [2, 0, 0, 0, 1, mac] };
    let mut host = Host { mac, ip: [172, 30, 0, ip].into(), ..Host::default() };
    match kind {
        0 => {}
        1 => host.hostname = Some("named".to_owned()),
        2 => host.boot_file = Some("own.efi".to_owned()),
        3 => {
            let routes = Some(vec![(ROUTE.parse::<Ipv4Net>().unwrap(), [172, 30, 0, 9].into())]);
            host.network = NetworkOverrides { routes, ..NetworkOverrides::default() }.into();
        }
        _ => host.netboot = false,
    }
    Arc::new(host)
}

fn tables(hosts: &[(u8, u8, u8)]) -> Tables {
    let hosts = hosts.iter().map(|&(mac, ip, kind)| host(mac, ip, kind)).collect();
    site::tables_of(&Config { hosts, ..site::config().unwrap() }).unwrap()
}

/// What each machine is answered with, without the numbers of rows.
fn answers(tables: &Tables) -> BTreeMap<Station, String> {
    let answer = |row: &Reservation| {
        let subnet = tables.subnets[row.subnet as usize];
        let classless = subnet.classless.checked_sub(1).map(|row| tables.subnets[row as usize]);
        let width = Stage::rows(tables.settings.slots) as usize;
        let boot = (row.boot_set != 0)
            .then(|| &tables.boot_files[row.boot_set as usize..row.boot_set as usize + width]);
        let row = Reservation { subnet: 0, boot_set: 0, ..*row };
        format!("{row:?} {:?} {classless:?} {boot:?}", Subnet { classless: 0, ..subnet })
    };
    tables.reservations.iter().map(|(station, row)| (*station, answer(row))).collect()
}

/// From one set of machines to another; `expect`: how it is told, `None` where it is not possible in place.
#[track_caller]
fn check(from: &[(u8, u8, u8)], to: &[(u8, u8, u8)], expect: Option<&str>) {
    let (old, new) = (tables(from), tables(to));
    let changed: Vec<_> = to.iter().filter(|host| !from.contains(host)).copied().collect();
    let is_gone = |mac: u8| to.iter().all(|host| host.0 != mac);
    let removed: Vec<_> = from
        .iter()
        .filter(|host| is_gone(host.0))
        .map(|&(mac, ip, kind)| host(mac, ip, kind).station())
        .collect();
    let grafted = old.graft(&tables(&changed), &removed);
    assert_eq!(grafted.as_ref().map(ToString::to_string).as_deref(), expect);
    for patch in [grafted, old.patch_to(&new)].into_iter().flatten() {
        let mut patched = old.clone();
        patched.apply(&patch);
        assert_eq!(answers(&patched), answers(&new));
        patched.apply(&patch.undone(&old));
        assert_eq!(answers(&patched), answers(&old));
    }
}

#[test]
fn machines_change_in_place() {
    let site = [(1, 51, 0), (2, 52, 1), (3, 53, 2), (4, 54, 3), (5, 55, 4)];
    check(&site, &site, Some("0 added, 0 changed, 0 removed"));
    for (at, kind) in (0..5).flat_map(|at| (0..5).map(move |kind| (at, kind))) {
        let mut to = site;
        to[at].2 = kind;
        let changed = usize::from(to != site);
        check(&site, &to, Some(&format!("0 added, {changed} changed, 0 removed")));
    }
    check(&site, &site[..3], Some("0 added, 0 changed, 2 removed"));
    check(&site[..1], &site, Some("4 added, 0 changed, 0 removed"));
    check(&site[..2], &[(1, 61, 2), (6, 62, 3)], Some("1 added, 1 changed, 1 removed"));
}

#[test]
fn no_address_goes_from_one_machine_to_another() {
    check(&[(1, 51, 0), (2, 52, 0)], &[(1, 52, 0), (2, 51, 0)], None);
    check(&[(1, 51, 0), (2, 52, 0)], &[(1, 52, 0), (2, 53, 0)], None);
    check(&[(1, 51, 0), (2, 52, 0)], &[(3, 51, 0), (2, 52, 0)], None);
    check(&[(1, 51, 0)], &[(1, 52, 0)], Some("0 added, 1 changed, 0 removed"));
}

#[test]
fn settings_are_not_changed_in_place() {
    let old = tables(&[(1, 51, 0)]);
    let mut config = site::config().unwrap();
    config.hosts = vec![host(1, 51, 0)];
    let check = |config: &Config, expect: bool| {
        let new = site::tables_of(config).unwrap();
        assert_eq!(old.patch_to(&new).is_some(), expect);
    };
    check(&config, true);
    let mut other = config.clone();
    other.dhcp.authoritative = false;
    check(&other, false);
    config.subnets[0].domain = Some("other.test".to_owned());
    check(&config, false);
}

#[test]
fn rows_that_nothing_refers_to_do_not_add_up() {
    let check = |subnets: usize, boot_files: usize, expect: bool| {
        let patch = Patch {
            subnets: (subnets, Vec::new()),
            boot_files: (boot_files, vec![BootFile::NONE; 7]),
            ..Patch::default()
        };
        assert_eq!(patch.outgrows([3, 100]), expect, "{subnets} {boot_files}");
    };
    check(3, 100, false);
    check(3, 100 + MOST_ROWS - 7, false);
    check(3, 100 + MOST_ROWS - 6, true);
    check(3 + MOST_ROWS, 100, false);
    check(4 + MOST_ROWS, 100, true);
}

#[test]
fn what_has_no_room_in_rows_is_replaced_as_a_whole() {
    let plain = tables(&[(1, 51, 0)]);
    let station = *plain.reservations.keys().next().unwrap();
    let mut of_host = plain.clone();
    of_host.more.of_hosts.insert(station, vec![225, 1, 0]);
    let mut of_row = plain.clone();
    of_row.more.of_rows.insert(0, vec![224, 1, 0]);
    for long in [&of_host, &of_row] {
        for (old, new) in [(&plain, long), (long, &plain)] {
            assert_eq!(old.patch_to(new), None);
            assert_eq!(old.graft(new, &[]), None);
        }
        assert!(long.patch_to(long).unwrap().is_empty());
    }
}
