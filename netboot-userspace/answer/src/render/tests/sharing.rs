//! Hosts that have a row of `SUBNETS` in common.

use ipnet::Ipv4Net;
use netboot_site::model::NetworkOverrides;

use super::*;

/// Whether the hosts' row is that of the subnet itself, and whether it is one row; `change` is told which
/// of both it changes.
#[track_caller]
fn check(subnet: impl Fn(&mut ConfiguredSubnet), change: impl Fn(&mut Host, u8), expect: Rows) {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    config.subnets.iter_mut().for_each(subnet);
    let first = config.hosts[0].clone();
    config.hosts = [1, 2]
        .map(|number: u8| {
            let mut host = Host::clone(&first);
            host.mac.octets[5] = number;
            host.ip = [172, 30, 0, 50 + number].into();
            change(&mut host, number);
            Arc::new(host)
        })
        .to_vec();
    let tables = site::tables_of(&config).unwrap();
    let rows: Vec<_> = config
        .hosts
        .iter()
        .map(|host| {
            let row = &tables.reservations[&host.station()];
            assert_eq!(row.address, host.ip.octets());
            row.subnet
        })
        .collect();
    let found = match rows[..] {
        [0, 0] => Rows::OfTheSubnet,
        [one, other] if one == other => Rows::Shared,
        _ => Rows::Apart,
    };
    assert_eq!(found, expect, "{rows:?}");
}

#[derive(Debug, PartialEq, Eq)]
enum Rows {
    OfTheSubnet,
    Shared,
    Apart,
}

fn option(code: u8, last: u8) -> Custom {
    Custom { code, value: vec![10, 0, 0, last] }
}

#[test]
fn hosts_share_what_is_equal() {
    let plain = |_: &mut ConfiguredSubnet| {};
    let routes = |subnet: &mut ConfiguredSubnet| {
        let route: (Ipv4Net, Ipv4Addr) = ("10.0.0.0/8".parse().unwrap(), [172, 30, 0, 9].into());
        subnet.routes = vec![route];
    };
    check(plain, |_, _| {}, Rows::OfTheSubnet);
    check(plain, |host, number| host.hostname = Some(format!("n{number}")), Rows::OfTheSubnet);
    check(plain, |host, _| host.lease_time = Some(Duration::from_secs(60)), Rows::Shared);
    check(
        plain,
        |host, number| host.lease_time = Some(Duration::from_secs(number.into())),
        Rows::Apart,
    );
    let mtu = |mtu| NetworkOverrides { mtu: Some(mtu), ..NetworkOverrides::default() };
    check(plain, |host, _| host.network = mtu(9000).into(), Rows::Shared);
    check(plain, |host, number| host.network = mtu(9000 + u16::from(number)).into(), Rows::Apart);
    // The values stand in the hosts' own blocks.
    check(plain, |host, number| host.options = vec![option(6, number)], Rows::Shared);
    check(plain, |host, number| host.options = vec![option(200 + number, 0)], Rows::OfTheSubnet);
    check(plain, |host, number| host.options = vec![option(3, number)], Rows::Shared);
    check(plain, |host, number| host.options = vec![option(2 + number, 0)], Rows::Apart);
    // Here they stand in the row.
    for code in [3, 33, 121] {
        check(routes, |host, number| host.options = vec![option(code, number)], Rows::Apart);
        check(routes, |host, _| host.options = vec![option(code, 9)], Rows::Shared);
    }
    check(plain, |host, number| host.options = vec![option(121, number)], Rows::Apart);
}
