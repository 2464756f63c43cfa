//! Options that have no room in the rows: the daemon sends them, those over 255 bytes in pieces (RFC 3396).

use netboot_ebpf::{side::Kernel, tables::Tables as _, verdict::Verdict};

use super::*;

/// The options of a message, pieces put together.
fn whole(mut options: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found: Vec<(u8, Vec<u8>)> = Vec::new();
    while let [code, len, rest @ ..] = options
        && *code != 255
    {
        let (value, rest) = rest.split_at(usize::from(*len));
        match found.last_mut() {
            Some((last, whole)) if last == code => {
                assert_eq!(whole.len() % 255, 0, "{code}");
                whole.extend(value);
            }
            _ => found.push((*code, value.to_vec())),
        }
        options = rest;
    }
    let codes: std::collections::BTreeSet<u8> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), found.len(), "pieces apart");
    found
}

/// A captured request, with what a relay puts behind it.
fn request() -> Vec<u8> {
    let captured = golden::frames().unwrap().into_iter().find(|golden| golden.name == UEFI);
    let mut message = captured.unwrap().frame[42..].to_vec();
    let mut end = 240;
    while message[end] != 255 {
        end += 2 + usize::from(message[end + 1]);
    }
    message.splice(end..end, [82, 3, 1, 1, 82]);
    golden::Headers::BROADCAST.frame(&message).unwrap()
}

/// What becomes of a request over a link of this MTU, and how long options are in the answer, 0: not there.
#[track_caller]
fn check(
    subnet: &[(u8, usize)],
    own: &[(u8, usize)],
    mtu: u16,
    verdict: Verdict,
    expect: &[(u8, usize)],
) {
    let custom = |options: &[(u8, usize)]| -> Vec<Custom> {
        let option =
            |(code, bytes): &(u8, usize)| Custom { code: *code, value: vec![*code; *bytes] };
        options.iter().map(option).collect()
    };
    let mut config = site::config().unwrap();
    edit(&mut config, |row| row.options = custom(subnet), |host| host.options = custom(own));
    let mut tables = site::tables_of(&config).unwrap();
    tables.interfaces.get_mut(&IFINDEX).unwrap().mtu = mtu;
    let frame = request();
    let mut scratch = Box::new(Scratch::new());
    let kernel = slow::answer::<Kernel>(&frame, IFINDEX, &mut scratch, &tables);
    assert_eq!(kernel.err(), Some(Verdict::Quirk));
    let answer = slow::answer::<Daemon>(&frame, IFINDEX, &mut scratch, &tables).unwrap();
    assert_eq!(answer.verdict, verdict);
    let bytes = slow::bytes(&frame, &scratch, answer);
    let options = whole(&bytes[42 + 240..]);
    assert_eq!(options.last(), Some(&(82, vec![1, 1, 82])));
    for (code, len) in expect {
        let value = options.iter().find(|(found, _)| found == code).map(|(_, value)| value);
        assert_eq!(value.map_or(0, Vec::len), *len, "{code}");
        assert!(value.into_iter().flatten().all(|byte| byte == code));
    }
    for code in [54, 51, 1, 3] {
        assert!(options.iter().any(|(found, _)| *found == code), "{code}");
    }
}

#[test]
fn the_daemon_sends_them() {
    let offer = Verdict::Offer;
    check(&[(224, 320)], &[], 1500, offer, &[(224, 320)]);
    check(&[(224, 255), (225, 255)], &[], 1500, offer, &[(224, 255), (225, 255)]);
    check(&[(224, 200)], &[(225, 200)], 1500, offer, &[(224, 200), (225, 200)]);
    check(&[], &[(225, 320), (226, 10)], 1500, offer, &[(225, 320), (226, 10)]);
    check(&[(224, 300)], &[(225, 300)], 1500, offer, &[(224, 300), (225, 300)]);
    // All pieces, or none.
    check(&[(224, 600)], &[(226, 10)], 700, Verdict::OfferShortened, &[(224, 0), (226, 10)]);
}

#[test]
fn many_routes() {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    config.subnets[0].routes = (0..39)
        .map(|number| (format!("10.0.{number}.0/24").parse().unwrap(), [172, 30, 0, 9].into()))
        .collect();
    let tables = site::tables_of(&config).unwrap();
    let host = tables.reservations.values().next().unwrap();
    assert!(host.has(Reservation::HAS_MORE));
    let row = tables.subnets[host.subnet as usize];
    let [more, own] = tables.more(row.classless - 1, &host.station);
    // With the default route, in two pieces.
    assert_eq!(whole(more), [(121, routes_of(39))]);
    assert!(own.is_empty());
}

fn routes_of(count: u8) -> Vec<u8> {
    let route = |number: u8| [24, 10, 0, number, 172, 30, 0, 9];
    (0..count).flat_map(route).chain([0, 172, 30, 0, 1]).collect()
}
