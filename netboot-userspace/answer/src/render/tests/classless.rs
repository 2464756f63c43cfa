//! The rows of subnets for clients that ask for classless routes.

use ipnet::Ipv4Net;
use netboot_site::blocks::{Block, Fit, Missed};

use super::*;

/// The codes of an options block, in their order.
fn codes(mut block: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    while let [code, len, rest @ ..] = block {
        codes.push(*code);
        block = &rest[usize::from(*len)..];
    }
    codes
}

/// Which of options 3, 33 and 121 the first host's answers have: with its usual row, and with the one for
/// clients that ask for 121.
#[track_caller]
fn check(change: impl Fn(&mut Config), usual: &[u8], classless: Option<&[u8]>) {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    change(&mut config);
    let tables = site::tables_of(&config).unwrap();
    let host = tables.reservations.values().next().unwrap();
    let own = codes(&host.options[..usize::from(host.options_len)]);
    let of_row = |index: u32| {
        let row = &tables.subnets[index as usize];
        assert_eq!(row.options[..2], [54, 4]);
        let mut found = codes(&row.options[..row.options_len as usize]);
        found.extend(&own);
        found.retain(|code| [3, 33, 121].contains(code));
        found.sort_unstable();
        found
    };
    assert_eq!(of_row(host.subnet), usual);
    let second = tables.subnets[host.subnet as usize].classless.checked_sub(1);
    assert_eq!(second.map(of_row).as_deref(), classless);
    if let Some(second) = second {
        let second = &tables.subnets[second as usize];
        let first = &tables.subnets[host.subnet as usize];
        assert_eq!(
            (second.classless, second.ifindex, second.server),
            (0, first.ifindex, first.server)
        );
    }
}

#[test]
fn routers_do_not_stand_beside_classless_routes() {
    let route: (Ipv4Net, Ipv4Addr) = ("10.0.0.0/8".parse().unwrap(), [172, 30, 0, 9].into());
    let routes = |config: &mut Config| edit(config, |own| own.routes = vec![route], |_| {});
    let option = |code: u8| Custom { code, value: vec![0, 172, 30, 0, 9, 0, 0, 0] };
    let of_subnet = |codes: &'static [u8]| {
        move |config: &mut Config| {
            edit(config, |own| own.options = codes.iter().copied().map(option).collect(), |_| {});
        }
    };
    let of_host = |codes: &'static [u8]| {
        move |config: &mut Config| {
            edit(config, |_| {}, |own| own.options = codes.iter().copied().map(option).collect());
        }
    };
    check(|_| {}, &[3], None);
    check(routes, &[3, 121], Some(&[121]));
    check(of_subnet(&[33]), &[3, 33], None);
    check(of_subnet(&[33, 121]), &[3, 33, 121], Some(&[121]));
    check(of_host(&[121]), &[3, 121], Some(&[121]));
    check(of_host(&[3, 33, 121]), &[3, 33, 121], Some(&[121]));
    check(of_host(&[3, 33]), &[3, 33], None);
    let both = |config: &mut Config| {
        routes(config);
        of_host(&[3, 33, 15])(config);
    };
    check(both, &[3, 33, 121], Some(&[121]));
    let without_router = |config: &mut Config| {
        routes(config);
        edit(config, |own| own.routers.clear(), |_| {});
    };
    check(without_router, &[121], None);
}

/// What option 121 says: with the usual row, and to clients that ask for it.
#[track_caller]
fn check_routes(change: impl Fn(&mut ConfiguredSubnet, &mut Host), expect: Option<&[u8]>) {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    let subnet = &mut config.settings.subnets[0];
    assert_eq!(subnet.routers, [Ipv4Addr::new(172, 30, 0, 1)]);
    change(subnet, Arc::make_mut(&mut config.hosts[0]));
    let tables = site::tables_of(&config).unwrap();
    let host = tables.reservations.values().next().unwrap();
    let own = &host.options[..usize::from(host.options_len)];
    let row = &tables.subnets[host.subnet as usize];
    let asked = row.classless.checked_sub(1).map(|row| &tables.subnets[row as usize]);
    for row in [Some(row), asked].into_iter().flatten() {
        let block = [&row.options[..row.options_len as usize], own].concat();
        let block = Block { bytes: block };
        assert_eq!(block.value(121).as_deref(), expect);
    }
}

#[test]
fn routes_end_with_the_default_route() {
    const FAR: [u8; 6] = [8, 10, 172, 30, 0, 9];
    let to = |destination: &str, last: u8| -> (Ipv4Net, Ipv4Addr) {
        (destination.parse().unwrap(), [172, 30, 0, last].into())
    };
    let (far, default) = (to("10.0.0.0/8", 9), to("0.0.0.0/0", 7));
    let address = |last: u8| Ipv4Addr::new(172, 30, 0, last);
    let by = |last: u8| [&FAR[..], &[0, 172, 30, 0, last]].concat();
    type Own = netboot_site::model::NetworkOverrides;
    let network = |routers: Option<Vec<Ipv4Addr>>, routes: Option<Vec<(Ipv4Net, Ipv4Addr)>>| Own {
        routers,
        routes,
        ..Own::default()
    };
    let of_subnet = |routes: &[(Ipv4Net, Ipv4Addr)], routers: &[u8], expect: Option<&[u8]>| {
        let routers: Vec<_> = routers.iter().map(|last| address(*last)).collect();
        check_routes(
            |subnet, _| {
                subnet.routes = routes.to_vec();
                subnet.routers.clone_from(&routers);
            },
            expect,
        );
    };
    of_subnet(&[far], &[1], Some(&by(1)));
    of_subnet(&[far], &[2, 1], Some(&by(2)));
    of_subnet(&[far, default], &[1], Some(&by(7)));
    let first: &[u8] = &[0, 172, 30, 0, 7, 8, 10, 172, 30, 0, 9];
    of_subnet(&[default, far], &[1], Some(first));
    of_subnet(&[far], &[], Some(&FAR));
    of_subnet(&[], &[1], None);

    // A host's settings beside its subnet's.
    let of_host = |subnet_routes: &[(Ipv4Net, Ipv4Addr)], own: Own, expect: Option<&[u8]>| {
        check_routes(
            |subnet, host| {
                subnet.routes = subnet_routes.to_vec();
                host.network = own.clone().into();
            },
            expect,
        );
    };
    of_host(&[], network(None, Some(vec![far])), Some(&by(1)));
    of_host(&[far], network(Some(vec![address(5), address(6)]), None), Some(&by(5)));
    of_host(&[far], network(Some(Vec::new()), None), Some(&FAR));
    of_host(&[far], network(None, Some(Vec::new())), None);
    of_host(&[far, default], network(Some(vec![address(5)]), None), Some(&by(7)));
    of_host(&[default], network(Some(vec![address(5)]), Some(vec![far])), Some(&by(5)));
    of_host(&[], network(Some(Vec::new()), Some(vec![far])), Some(&FAR));

    // By number: routers are read, routes go as they are.
    let by_number = |code: u8, value: &'static [u8], expect: &[u8]| {
        check_routes(
            |subnet, host| {
                subnet.routes = vec![far];
                host.options = vec![Custom { code, value: value.to_vec() }];
            },
            Some(expect),
        );
    };
    by_number(3, &[172, 30, 0, 4, 172, 30, 0, 3], &by(4));
    by_number(121, &[16, 10, 1, 172, 30, 0, 9], &[16, 10, 1, 172, 30, 0, 9]);
}

/// Another option of this length.
fn padding(bytes: usize) -> Vec<Custom> {
    vec![Custom { code: 224, value: vec![0xee; bytes] }]
}

/// However long the other options are: routes that fit in place of the routers are told to who asks for them, and
/// what is left out for others is said.
#[test]
fn routes_that_just_fit() {
    const ROUTES: u8 = 12;
    let (mut left_out, mut refused) = (0, 0);
    for bytes in (1..120).chain(950..1150) {
        let mut config = site::config().unwrap();
        config.hosts.clear();
        config.subnets.truncate(1);
        config.subnets[0].options = padding(bytes);
        config.subnets[0].routes = (0..ROUTES)
            .map(|number| (format!("10.0.{number}.0/24").parse().unwrap(), [172, 30, 0, 9].into()))
            .collect();
        let fit = Fit::new(&config);
        let row = fit.subnet(&config.subnets[0]);
        let Ok(tables) = site::tables_of(&config) else {
            assert!(row.is_err(), "{bytes} bytes");
            refused += 1;
            continue;
        };
        assert_eq!(refused, 0, "{bytes} bytes");
        let usual = &tables.subnets[0];
        let asked = &tables.subnets[usual.classless as usize - 1];
        let block = |row: &netboot_ebpf::shared::Subnet| {
            let at = tables.subnets.iter().position(|other| other == row).unwrap();
            let more = tables.more.of_rows.get(&u32::try_from(at).unwrap());
            let mut bytes = row.options[..row.options_len as usize].to_vec();
            bytes.extend(more.into_iter().flatten());
            Block { bytes }
        };
        let value = block(asked).value(121).unwrap();
        assert_eq!(value.len(), 8 * usize::from(ROUTES) + 5);
        assert!(value.ends_with(&[0, 172, 30, 0, 1]));
        assert_eq!(block(usual).value(3).as_deref(), Some(&[172, 30, 0, 1][..]));
        let missed = row.unwrap().missed;
        match block(usual).value(121) {
            Some(usual) => assert_eq!((usual, missed), (value, Vec::new())),
            None => {
                assert_eq!(missed, [Missed::ClasslessRoutes]);
                left_out += 1;
            }
        }
    }
    assert!(left_out > 0 && refused > 0);
}

/// Machines with routes that have no room beside the routers and machines without routes are told the same where
/// they ask for none; each has what it asks for.
#[test]
fn rows_differ_by_what_is_asked_for() {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    config.subnets.truncate(1);
    let without = Arc::clone(&config.hosts[0]);
    let mut with = Host::clone(&without);
    with.mac.octets[5] ^= 1;
    with.ip = [172, 30, 0, 77].into();
    let routes = |number: u8| (format!("10.0.{number}.0/24").parse().unwrap(), [0; 4].into());
    let routes = Some((0..12).map(routes).collect());
    with.network = netboot_site::model::NetworkOverrides { routes, ..Default::default() }.into();
    config.hosts = vec![Arc::clone(&without), Arc::new(with.clone())];
    let mut same = 0;
    for bytes in 1..120 {
        config.subnets[0].options = padding(bytes);
        let tables = site::tables_of(&config).unwrap();
        if !tables.more.of_rows.is_empty() {
            break;
        }
        let [plain, routed] = [&without.station(), &with.station()]
            .map(|own| &tables.subnets[tables.reservations[own].subnet as usize]);
        assert_eq!((plain.classless, routed.classless > 0), (0, true));
        same += u8::from(plain.options == routed.options);
    }
    assert_eq!(same, 6);
}
