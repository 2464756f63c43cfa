use netboot_ebpf::{
    shared::{BOOT_NAME, BOOT_OPTIONS, HOST_OPTIONS, SUBNET_OPTIONS},
    verdict::Verdict,
};

use crate::common::{ADDRESS, Ask, Reply, SERVER, Site, ask, block};

const NEAR_RELAY: [u8; 4] = [172, 30, 0, 3];
const UUID: [u8; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

fn pxe(ask: Ask) -> Ask {
    ask.with(60, b"PXEClient:Arch:00000:UNDI:002001").with(93, &[0, 0])
}

fn answer(request: &Ask) -> Reply {
    ask(&Site::new(), &request.frame()).unwrap()
}

/// RFC 2131 table 3.
#[test]
fn header() {
    let check = |request: Ask, ciaddr: [u8; 4]| {
        let reply = answer(&request);
        let expect = [
            &[2, 1, 6, 0][..],
            &request.xid,
            &[0, 0],
            &request.flags,
            &ciaddr,
            &ADDRESS,
            &SERVER,
            &request.giaddr,
            &request.chaddr,
            &[0; 64],
        ]
        .concat();
        assert_eq!(reply.message[..108], expect, "{request:?}");
        assert_eq!(reply.boot_file(), "undionly.kpxe");
    };
    let odd = |ask: Ask| {
        let mut ask = Ask { secs: [0x12, 0x34], xid: [0; 4], flags: [0x35, 0x79], ..pxe(ask) };
        ask.chaddr[6..].fill(0x77);
        ask
    };
    check(pxe(Ask::discover()), [0; 4]);
    check(odd(Ask::discover()), [0; 4]);
    check(odd(Ask::discover()).broadcast_flag(), [0; 4]);
    check(odd(Ask::discover()).relayed(NEAR_RELAY), [0; 4]);
    check(odd(Ask::selecting(ADDRESS)), [0; 4]);
    check(odd(Ask::renewing(ADDRESS)), ADDRESS);
    check(odd(Ask::rebinding(ADDRESS)).relayed(NEAR_RELAY), ADDRESS);
    check(Ask { ciaddr: [9; 4], ..odd(Ask::discover()) }, [0; 4]);
}

#[test]
fn a_plain_client_gets_no_boot_file() {
    let reply = answer(&Ask::discover());
    assert_eq!(reply.message[20..24], [0; 4], "siaddr");
    assert_eq!(reply.boot_file(), "");
    assert_eq!(reply.codes(), [53, 54, 51, 58, 59, 1, 3, 6, 12]);
}

#[test]
fn order_of_the_options() {
    let check = |request: Ask, expect: &[u8]| assert_eq!(answer(&request).codes(), expect);
    let subnet = [53, 54, 51, 58, 59, 1, 3, 6];
    check(pxe(Ask::discover()), &[&subnet[..], &[12, 43]].concat());
    check(pxe(Ask::selecting(ADDRESS)), &[&subnet[..], &[12, 43]].concat());
    // Whatever order the client has.
    let echoed = |ask: Ask| pxe(ask.with(82, &[1, 2, 3, 4]).with(97, &UUID).with(61, &[1, 2]));
    check(echoed(Ask::discover()), &[&subnet[..], &[61, 97, 12, 43, 82]].concat());
    check(echoed(Ask::selecting(ADDRESS)), &[&subnet[..], &[61, 97, 12, 43, 82]].concat());
    let http = Ask::discover().with(60, b"HTTPClient:Arch:00016:UNDI:003000").with(93, &[0, 16]);
    check(http, &[&subnet[..], &[12, 60]].concat());
    check(pxe(Ask::discover()).with(77, b"iPXE"), &[&subnet[..], &[12, 43, 175]].concat());
}

/// What a client says of itself is never said back (RFC 2131 table 3), but for 61, 82 and 97.
#[test]
fn options_that_are_not_echoed() {
    let mut request = Ask::selecting(ADDRESS);
    for code in [12, 51, 55, 56, 60, 66, 67, 77, 80, 81, 93, 94, 116, 118, 145, 224] {
        request = request.with(code, &[1, 2, 3, 4]);
    }
    let reply = answer(&request.with(57, &[5, 0xc0]));
    assert_eq!(reply.codes(), [53, 54, 51, 58, 59, 1, 3, 6, 12]);
    assert_eq!(reply.option(12), Some(&b"machine1"[..]));
}

#[test]
fn echoed_options_are_verbatim() {
    for code in [61, 82, 97] {
        for len in [0, 1, 7, 17, 61, 62, 63, 64, 100, 254, 255] {
            let value: Vec<u8> = (0..len).map(|byte| 255 - byte as u8).collect();
            let request = pxe(Ask::discover()).with(code, &value).with(57, &[5, 0xdc]);
            // Last in the message: what is copied beyond it must not show.
            for end in [vec![255], vec![], vec![255; 300]] {
                let reply = answer(&Ask { end, ..request.clone() });
                assert_eq!(reply.option(code), Some(&value[..]), "{code} of {len}");
            }
            assert_eq!(answer(&request.with(200, &[0xee; 200])).option(code), Some(&value[..]));
        }
        assert_eq!(answer(&Ask::discover()).option(code), None);
    }
    // Relay information that comes without a relay's address is echoed too.
    assert_eq!(answer(&Ask::renewing(ADDRESS).with(82, b"x")).option(82), Some(&b"x"[..]));
}

#[test]
fn the_kernel_echoes_62_bytes() {
    use crate::common::kernel;
    let check = |len: usize, expect: bool| {
        let frame = Ask::discover().with(61, &vec![3; len]).frame();
        let sent = kernel(&Site::new(), &frame, &mut Default::default());
        assert_eq!(sent.is_ok(), expect, "{len}: {sent:?}");
        assert!(expect || sent == Err(Verdict::EchoTooLong));
    };
    check(62, true);
    check(63, false);
}

#[test]
fn short_answers_are_padded() {
    let mut site = Site::new();
    site.subnets[0].options.fill(0);
    site.subnets[0].options_len = 0;
    site.machine().options_len = 0;
    site.machine().options.fill(0);
    let reply = ask(&site, &Ask::discover().frame()).unwrap();
    assert_eq!(reply.message.len(), 300);
    assert_eq!(reply.codes(), [53]);
    // End is the 300th byte, then the 301st.
    for (len, expect) in [(54, 300), (55, 301)] {
        let reply = ask(&site, &Ask::discover().with(61, &vec![7; len]).frame()).unwrap();
        assert_eq!((reply.message.len(), reply.message.last()), (expect, Some(&255)), "{len}");
    }
}

/// A name up to 127 bytes goes to `file`; longer, to option 67, where it may follow anything.
#[test]
fn long_names() {
    let check = |len: usize| {
        let name: String =
            "http://s/".chars().chain("0123456789".chars().cycle()).take(len).collect();
        let site = Site::new().boot_name(&name);
        for request in [Ask::discover(), Ask::discover().with(82, b"relay").with(61, &[7; 30])] {
            let reply = ask(&site, &pxe(request).with(57, &[5, 0xdc]).frame()).unwrap();
            assert_eq!(reply.boot_file(), name);
            assert_eq!(reply.option(67).is_some(), len > 127, "{len}");
            assert_eq!(reply.message[108] == 0, len > 127, "{len}");
            assert_eq!(reply.message[235], 0);
            let last = *reply.codes().last().unwrap();
            assert!(last == 82 || len <= 127 || last == 67, "{last}");
        }
    };
    for len in [1, 126, 127, 128, 129, 200] {
        check(len);
    }
    for len in 220..BOOT_NAME {
        check(len);
    }
}

/// All blocks full: nothing is cut, nothing shines through.
#[test]
fn full_blocks() {
    let [subnet, host, choice] =
        [vec![200; SUBNET_OPTIONS - 2], vec![201; HOST_OPTIONS - 2], vec![202; BOOT_OPTIONS - 2]];
    let mut site = Site::new();
    site.subnets[0].options = block(&[(200, &subnet)]).0;
    site.subnets[0].options_len = SUBNET_OPTIONS as u32;
    (site.machine().options, site.machine().options_len) = block(&[(201, &host)]);
    for row in &mut site.boot_files[1..] {
        (row.options, row.options_len) = block(&[(202, &choice)]);
    }
    // With a short name the boot choice's block is the last, with a long one option 67.
    for name in ["short".to_owned(), "n".repeat(BOOT_NAME - 1)] {
        site = site.boot_name(&name);
        let request = || pxe(Ask::discover()).with(57, &[0xff, 0]);
        for request in [
            request(),
            request().with(61, &[1; 62]).with(97, &[2; 62]).with(82, &[3; 62]),
            request().with(61, &[1; 255]).with(82, &[3; 17]),
        ] {
            let reply = ask(&site, &request.frame()).unwrap();
            assert_eq!(reply.option(200), Some(&subnet[..]));
            assert_eq!(reply.option(201), Some(&host[..]));
            assert_eq!(reply.option(202), Some(&choice[..]));
            assert_eq!(reply.boot_file(), name);
        }
    }
}

/// The longest answer is what the client and the link take, as an IP datagram (option 57).
#[test]
fn answers_that_are_too_long() {
    let check = |max: Option<u16>, mtu: u16, fits: usize| {
        let mut site = Site::new();
        site.interfaces.get_mut(&2).unwrap().mtu = mtu;
        for (len, expect) in [(fits, None), (fits + 1, Some(Verdict::ReplyTooLong))] {
            // Two options of any length make an answer of `len` bytes.
            let base = answer_len(&site);
            let more = len - base;
            let mut request = Ask::discover().with(61, &vec![1; (more - 4).min(255)]);
            request = request.with(82, &vec![2; more - 4 - (more - 4).min(255)]);
            if let Some(max) = max {
                request = request.with(57, &max.to_be_bytes());
            }
            let outcome = ask(&site, &request.frame());
            if let Ok(reply) = &outcome {
                assert_eq!(reply.message.len(), len);
            }
            assert_eq!(outcome.err(), expect, "{max:?}, MTU {mtu}: {len}");
        }
    };
    check(None, 1500, 548);
    check(Some(0), 1500, 548);
    check(Some(300), 1500, 548);
    check(Some(575), 1500, 548);
    check(Some(576), 1500, 548);
    check(Some(577), 1500, 549);
    check(Some(640), 1500, 612);
    check(Some(1472), 700, 672);
    check(Some(0xff00), 576, 548);
    check(None, 500, 472);
}

/// The length of an answer without 61 and 82, before it is padded.
fn answer_len(site: &Site) -> usize {
    let reply = ask(site, &Ask::discover().with(61, &[0; 100]).frame());
    let options: usize = match reply {
        Ok(reply) => reply.options.iter().map(|(_, value)| 2 + value.len()).sum(),
        Err(verdict) => panic!("{verdict:?}"),
    };
    240 + options - 102 + 1
}

/// An option to be echoed may stand anywhere in a request of an Ethernet frame's size.
#[test]
fn echo_from_the_end_of_a_long_request() {
    for before in 0..5 {
        for rest in (0..=255).step_by(5) {
            let mut request = Ask::discover().with(57, &[5, 0xdc]);
            for code in 0..before {
                request = request.with(200 + code, &[9; 255]);
            }
            let request = request.with(220, &vec![9; rest]).with(61, b"id");
            assert_eq!(answer(&request).option(61), Some(&b"id"[..]), "{before}, {rest}");
        }
    }
}
