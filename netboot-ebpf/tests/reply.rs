use netboot_ebpf::{
    shared::{BOOT_NAME, BOOT_OPTIONS, HOST_OPTIONS, SUBNET_OPTIONS},
    verdict::Verdict,
};

use crate::common::{ADDRESS, Answered, Ask, RELAY, SERVER, Site, ask, block, kernel_verdict};

const UUID: [u8; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

fn pxe(ask: Ask) -> Ask {
    ask.with(60, b"PXEClient:Arch:00000:UNDI:002001").with(93, &[0, 0])
}

fn answer(request: &Ask) -> Answered {
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
    check(odd(Ask::discover()).relayed(RELAY), [0; 4]);
    check(odd(Ask::selecting(ADDRESS)), [0; 4]);
    check(odd(Ask::renewing(ADDRESS)), ADDRESS);
    check(odd(Ask::rebinding(ADDRESS)).relayed(RELAY), ADDRESS);
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
    for code in [61, 82, 97] {
        for (len, expect) in [(62, Verdict::Offer), (63, Verdict::EchoTooLong)] {
            let frame = Ask::discover().with(code, &vec![3; len]).frame();
            assert_eq!(kernel_verdict(&Site::new(), &frame), expect, "{code} of {len}");
        }
    }
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

/// The longest answer is what the client and the link take, as an IP datagram (option 57). The daemon
/// shortens what the kernel finds too long.
#[test]
fn answers_that_are_too_long() {
    let check = |max: Option<u16>, mtu: u16, fits: usize| {
        for (len, kernel, daemon) in [
            (fits, Verdict::Offer, Verdict::Offer),
            (fits + 1, Verdict::ReplyTooLong, Verdict::OfferShortened),
        ] {
            let (mut site, mut request) = of_length(len);
            site.interfaces.get_mut(&2).unwrap().mtu = mtu;
            if let Some(max) = max {
                request = request.with(57, &max.to_be_bytes());
            }
            assert_eq!(kernel_verdict(&site, &request.frame()), kernel, "{max:?}, {mtu}: {len}");
            let reply = ask(&site, &request.frame()).unwrap();
            assert_eq!(reply.verdict, daemon, "{max:?}, MTU {mtu}: {len}");
            assert_eq!(reply.message.len() == len, len == fits, "{max:?}, MTU {mtu}: {len}");
            assert_eq!(reply.option(12).is_some(), len == fits);
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

/// EDK2 does not read longer ones, whatever it says.
#[test]
fn no_answer_is_longer_than_an_ethernet_frame() {
    let echoed =
        [61, 97, 82].into_iter().fold(pxe(Ask::discover()), |ask, code| ask.with(code, &[7; 255]));
    let frame = echoed.with(57, &[0xff, 0]).frame();
    let answer = |filler: usize| {
        let mut site = Site::new().boot_name(&"n".repeat(BOOT_NAME - 1));
        site.interfaces.get_mut(&2).unwrap().mtu = 9000;
        fill(&mut site, filler);
        ask(&site, &frame).unwrap()
    };
    let fits = 1472 - answer(2).used() + 2;
    assert_eq!((answer(fits).verdict, answer(fits).used()), (Verdict::Offer, 1472));
    assert_eq!(answer(fits + 1).verdict, Verdict::OfferShortened);
}

/// What is answered with just so many bytes by either side: the rest is spread over the subnet's options
/// and what is echoed.
fn of_length(len: usize) -> (Site, Ask) {
    let (mut site, mut request) = (Site::new(), Ask::discover());
    let mut more = len - ask(&site, &request.frame()).unwrap().used();
    // No option has one byte: two are left to the next, where it is not full.
    let mut take = |most: usize| {
        let taken = if more == most + 1 { most - 1 } else { most.min(more) };
        more -= taken;
        taken
    };
    fill(&mut site, take(200));
    for code in [61, 97, 82] {
        if let Some(len) = take(64).checked_sub(2) {
            request = request.with(code, &vec![7; len]);
        }
    }
    (site, request)
}

/// Gives the subnet one more option, of so many bytes with its code and length.
fn fill(site: &mut Site, whole: usize) {
    let row = &mut site.subnets[0];
    let used = row.options_len as usize;
    row.options[used..used + 2].copy_from_slice(&[224, whole as u8 - 2]);
    row.options[used + 2..used + whole].fill(9);
    row.options_len += whole as u32;
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
