//! Answers that are longer than the client or the link takes, and the options that they lose.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Answered, Ask, SERVER, Site, ask, block};

const UUID: [u8; 17] = [9; 17];

/// The whole answer: 53, 54, 51, 58, 59, 1, 3, 6, 15, 42, 119, 61, 97, 12, 26, 60, 43, 66, 175, 67, 82.
fn site(mtu: u16) -> Site {
    let mut site = Site::new().boot_name(&"n".repeat(140));
    let row = &mut site.subnets[0];
    let (options, len) = block(&[
        (54, &SERVER),
        (51, &[0, 1, 0x51, 0x80]),
        (58, &[0, 0, 0xa8, 0xc0]),
        (59, &[0, 1, 0x27, 0x50]),
        (1, &[255, 255, 255, 0]),
        (3, &SERVER),
        (6, &[8, 8, 8, 8]),
        (15, b"lab.test"),
        (42, &[172, 30, 0, 5]),
        (119, b"\x03lab\x04test\x00"),
    ]);
    (row.options, row.options_len) = (options, u32::from(len));
    let machine = site.machine();
    (machine.options, machine.options_len) = block(&[(12, b"machine1"), (26, &[5, 0xdc])]);
    for row in &mut site.boot_files[1..] {
        (row.options, row.options_len) = block(&[
            (60, b"HTTPClient"),
            (43, &[6, 1, 8, 255]),
            (66, b"172.30.0.1"),
            (175, &[0xb0, 1, 1]),
        ]);
    }
    site.interfaces.get_mut(&2).unwrap().mtu = mtu;
    site
}

/// With what is echoed; 61 makes an answer of more than 300 bytes of what is always told.
fn request(kind: Ask, list: &[u8]) -> Ask {
    let ask = kind.with(60, b"HTTPClient").with(93, &[0, 0]).with(57, &[5, 0xdc]);
    let ask = ask.with(61, &[7; 100]).with(97, &UUID).with(82, &[1, 6, 1, 2, 3, 4, 5, 6]);
    if list.is_empty() { ask } else { ask.with(55, list) }
}

/// Options in the order in which they are left out as the link takes less and less.
fn check(list: &[u8], expect: &[u8]) {
    for (kind, shortened) in [
        (Ask::discover(), Verdict::OfferShortened),
        (Ask::selecting(ADDRESS), Verdict::AckShortened),
    ] {
        let frame = request(kind, list).frame();
        let whole = ask(&site(1500), &frame).unwrap();
        let mut left_out: Vec<u8> = vec![];
        for mtu in (0..=whole.used() + 28).rev() {
            let outcome = ask(&site(mtu as u16), &frame);
            let Ok(reply) = outcome else {
                assert_eq!(outcome, Err(Verdict::ReplyTooLong));
                break;
            };
            for code in whole.codes() {
                if reply.option(code).is_none() && !left_out.contains(&code) {
                    left_out.push(code);
                }
            }
            let expect = match &left_out[..] {
                [] => whole.verdict,
                [.., 82] => Verdict::NoRelayInfo,
                _ => shortened,
            };
            assert_eq!(reply.verdict, expect, "{mtu}, without {left_out:?}");
            is_whole_without(&whole, &reply, &left_out, mtu - 28);
        }
        assert_eq!(left_out, expect, "{list:?}");
    }
}

/// The rest stands as it stood, and no more is left out than what does not fit.
fn is_whole_without(whole: &Answered, reply: &Answered, left_out: &[u8], fits: usize) {
    let rest = |left_out: &[u8]| {
        let mut options = whole.options.clone();
        options.retain(|(code, _)| !left_out.contains(code));
        options
    };
    assert_eq!(reply.options, rest(left_out), "without {left_out:?}");
    assert_eq!(reply.message[..236], whole.message[..236]);
    assert_eq!(reply.message.len(), reply.used().max(300));
    assert!(reply.message.len() <= fits);
    if let [before @ .., _] = left_out {
        let mut with_it = reply.clone();
        with_it.options = rest(before);
        assert!(with_it.used() > fits, "{left_out:?} is more than what does not fit in {fits}");
    }
}

/// What the client did not ask for goes first, the last one before the others; then its list, from its
/// end (RFC 2132 section 9.8); then what boots it; then the relay's (RFC 3046 section 2.2).
#[test]
fn order_of_what_is_left_out() {
    const BOOT: [u8; 7] = [97, 175, 66, 43, 67, 60, 82];
    let check = |list: &[u8], expect: &[u8]| check(list, &[expect, &BOOT].concat());
    check(&[], &[26, 12, 119, 42, 15, 6, 59, 58]);
    // A place on the list is worth more than none, and one at its begin more than one at its end.
    check(&[6], &[26, 12, 119, 42, 15, 59, 58, 6]);
    check(&[6, 26], &[12, 119, 42, 15, 59, 58, 26, 6]);
    check(&[26, 6], &[12, 119, 42, 15, 59, 58, 6, 26]);
    check(&[58, 59, 6, 15, 12, 42, 119, 26], &[26, 119, 42, 12, 15, 6, 59, 58]);
    check(&[26, 119, 42, 12, 15, 6, 59, 58], &[58, 59, 6, 15, 12, 42, 119, 26]);
    // The first place counts where a code comes twice; unknown ones mean nothing.
    check(&[42, 200, 15, 42], &[26, 12, 119, 6, 59, 58, 15, 42]);
    // The list says nothing of what boots the machine, nor of what is always told.
    check(&[1, 3, 51, 53, 54, 60, 43, 66, 67, 97, 175, 82, 6], &[26, 12, 119, 42, 15, 59, 58, 6]);
    check(&[97, 6], &[26, 12, 119, 42, 15, 59, 58, 6]);
    let long = [&[200; 254][..], &[15]].concat();
    check(&long, &[26, 12, 119, 42, 6, 59, 58, 15]);
}

/// Firmware that is told option 60 PXEClient without 43 looks for boot servers; HTTP boot needs 60 alone.
#[test]
fn option_60_of_pxe_goes_with_43() {
    for (class, alone) in [(&b"PXEClient"[..], false), (b"HTTPClient", true)] {
        let (mut both, mut without) = (0, 0);
        for mtu in 400..1500 {
            let site = site(mtu).with(|site| {
                for row in &mut site.boot_files[1..] {
                    let options = [(60, class), (43, &[6, 1, 8, 255]), (66, &b"172.30.0.1"[..])];
                    (row.options, row.options_len) = block(&options);
                }
            });
            let Ok(reply) = ask(&site, &request(Ask::discover(), &[]).frame()) else { continue };
            match (reply.option(60), reply.option(43)) {
                (Some(_), Some(_)) => both += 1,
                (Some(_), None) => assert!(alone, "{mtu}"),
                (None, Some(_)) => panic!("60 goes last, {mtu}"),
                (None, None) => without += 1,
            }
        }
        assert!(both > 0 && without > 0, "{both}, {without}");
    }
}

/// Zeros follow the End, to the 300th byte and to the length that some firmware wants.
#[test]
fn nothing_is_left_behind_the_end() {
    // One is longer than that with what is always told, the other shorter.
    for (request, shortest) in [
        (request(Ask::discover(), &[]), 400),
        (Ask::discover().with(60, b"HTTPClient").with(93, &[0, 0]).with(82, b"relay"), 328),
    ] {
        for least in [0, 300, 400, 500, 548] {
            for mtu in shortest..576 {
                let site = site(mtu).with(|site| site.machine().min_message = least);
                let reply = ask(&site, &request.frame()).unwrap();
                let expect = reply.used().max(300).max(usize::from(least.min(mtu - 28)));
                assert_eq!(reply.message.len(), expect, "{least}, {mtu}");
            }
        }
    }
}

/// An INFORM's answer is without times before it is too long.
#[test]
fn informs_are_shortened_too() {
    let frame = request(Ask { ciaddr: ADDRESS, ..Ask::new(8) }, &[]).frame();
    let whole = ask(&site(1500), &frame).unwrap();
    let mtu = whole.used() as u16 + 28;
    assert_eq!(ask(&site(mtu), &frame).map(|reply| reply.verdict), Ok(Verdict::InformAck));
    let reply = ask(&site(mtu - 1), &frame).unwrap();
    assert_eq!((reply.verdict, reply.yiaddr()), (Verdict::AckShortened, [0; 4]));
    assert!(reply.option(26).is_none() && reply.option(12).is_some());
}

/// Option 57 says it as the link does.
#[test]
fn what_the_client_takes() {
    let full = [(Some(1500u16), Verdict::Offer), (Some(576), Verdict::OfferShortened)];
    for (max, expect) in full.into_iter().chain([(None, Verdict::OfferShortened)]) {
        let mut request = Ask::discover().with(60, b"HTTPClient").with(93, &[0, 0]);
        if let Some(max) = max {
            request = request.with(57, &max.to_be_bytes());
        }
        let reply = ask(&site(1500), &request.with(61, &[7; 100]).frame()).unwrap();
        assert_eq!(reply.verdict, expect, "{max:?}");
        assert!(reply.message.len() + 28 <= usize::from(max.unwrap_or(576)));
    }
}
