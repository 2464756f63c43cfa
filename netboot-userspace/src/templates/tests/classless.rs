//! The rows of subnets for clients that ask for classless routes.

use ipnet::Ipv4Net;

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
