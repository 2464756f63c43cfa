//! Answers as the firmware of some machines needs them.

use netboot_ebpf::{shared::Reservation, verdict::Verdict};

use crate::common::{
    ADDRESS, Answered, Ask, MAC, OTHER_RELAY, RELAY, STRANGER, Site, ask, kernel_verdict, verdict,
};

const WRONG: [u8; 4] = [172, 30, 0, 9];
const FOREIGN: [u8; 4] = [10, 9, 8, 7];
const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x67];

/// A site whose machine has a quirk, and another that has none.
fn site(flag: u16) -> Site {
    Site::new().with(|site| {
        site.machine().flags = flag;
        site.reserve(STRANGER, [172, 30, 0, 60], 0);
    })
}

/// The answer to a machine with a quirk, and without.
fn check(flag: u16, request: &Ask) -> (Answered, Answered) {
    let answer = |flag| ask(&site(flag), &request.frame()).unwrap();
    (answer(flag), answer(0))
}

#[test]
fn never_nak() {
    for request in [
        Ask::selecting(WRONG),
        Ask::init_reboot(WRONG),
        Ask::init_reboot(FOREIGN),
        Ask::renewing(WRONG),
        Ask::rebinding(WRONG),
        Ask::selecting(ADDRESS).relayed(OTHER_RELAY),
    ] {
        let check = |flag, request: &Ask, expect| {
            let site = site(flag);
            let frame = request.frame();
            assert_eq!(verdict(&site, &frame), expect, "{request:?}");
            assert_eq!(kernel_verdict(&site, &frame), expect, "{request:?}");
        };
        check(Reservation::NEVER_NAK, &request, Verdict::WrongAddress);
        check(!Reservation::NEVER_NAK, &request, Verdict::Nak);
        check(Reservation::NEVER_NAK, &request.clone().mac(STRANGER), Verdict::Nak);
    }
    for request in [Ask::discover(), Ask::selecting(ADDRESS), Ask::renewing(ADDRESS)] {
        let (with, without) = check(Reservation::NEVER_NAK, &request);
        assert_eq!(with, without);
    }
}

#[test]
fn always_broadcast() {
    let check = |request: &Ask, expect: ([u8; 6], [u8; 4], u16)| {
        let (with, mut without) = check(Reservation::ALWAYS_BROADCAST, request);
        assert_eq!((with.to, with.destination, with.port), expect, "{request:?}");
        // The flag says so to a relay, too. The flags' other bits are the client's.
        without.message[10] |= 0x80;
        assert_eq!(with.message, without.message);
    };
    let everybody = ([255; 6], [255; 4], 68);
    let flags = |ask: Ask| Ask { flags: [0x12, 0x34], ..ask };
    for request in [Ask::discover(), Ask::selecting(ADDRESS), Ask::init_reboot(ADDRESS)] {
        check(&request, everybody);
        check(&flags(request.clone()), everybody);
        check(&request.clone().broadcast_flag(), everybody);
        check(&request.relayed(RELAY), (RELAY_MAC, RELAY, 67));
    }
    // An address in use is answered there, as with the client's own flag.
    check(&Ask::renewing(ADDRESS), (MAC, ADDRESS, 68));
}

/// Some firmware takes option 67 with the byte that follows it.
#[test]
fn no_boot_file_option() {
    let pxe = |ask: Ask| ask.with(60, b"PXEClient").with(93, &[0, 0]).with(82, b"relay");
    for len in [1, 127, 128, 200, 255] {
        let name = "n".repeat(len);
        for request in [pxe(Ask::discover()), pxe(Ask::selecting(ADDRESS))] {
            let request = request.with(57, &[5, 0xdc]).frame();
            let plain = ask(&Site::new().boot_name(&name), &request).unwrap();
            let site = site(Reservation::NO_BOOT_FILE_OPTION).boot_name(&name);
            let mut expect = plain.options.clone();
            expect.retain(|(code, _)| *code != 67);
            let reply = ask(&site, &request).unwrap();
            assert_eq!(reply.options, expect);
            assert_eq!(reply.boot_file(), if len > 127 { "" } else { &name });
            assert_eq!(reply.message[..236], plain.message[..236]);
        }
    }
}

/// A REQUEST of a Raspberry Pi's old firmware has no option 60.
#[test]
fn assume_pxe() {
    let check = |request: &Ask, expect: &str| {
        let (with, without) = check(Reservation::ASSUME_PXE, request);
        assert_eq!(with.boot_file(), expect, "{request:?}");
        // Who says what it is gets what it asks for.
        let says = request.options.windows(2).any(|part| part == b"Cl" || part == b"Ti");
        assert_eq!(with == without, says, "{request:?}");
    };
    for request in [Ask::discover(), Ask::selecting(ADDRESS), Ask::renewing(ADDRESS)] {
        let request = request.with(93, &[0, 0]);
        check(&request, "undionly.kpxe");
        check(&request.clone().with(60, b"udhcp 1.35"), "undionly.kpxe");
        check(&request.clone().with(60, b"PXEClient"), "undionly.kpxe");
        check(&request.clone().with(60, b"HTTPClient"), "http://172.30.0.1/ipxe/undionly.kpxe");
        check(&request.with(77, b"Tinkerbell"), "http://172.30.0.1/auto.ipxe");
    }
    // It is taken for a machine of no architecture that is known.
    let reply = ask(&site(Reservation::ASSUME_PXE), &Ask::discover().frame()).unwrap();
    assert_eq!((reply.verdict, reply.boot_file()), (Verdict::OfferNoBootFile, ""));
    // As is: nothing but the lease is reserved.
    let site = site(Reservation::ASSUME_PXE).with(|site| site.machine().boot_set = 0);
    let reply = ask(&site, &Ask::discover().with(93, &[0, 0]).frame()).unwrap();
    assert_eq!((reply.verdict, reply.boot_file()), (Verdict::Offer, ""));
}

/// The kernel passes what is late or long on purpose; the daemon answers.
#[test]
fn min_message() {
    let request = Ask::discover().with(82, b"relay").with(57, &[5, 0xdc]);
    let usual = ask(&Site::new(), &request.frame()).unwrap();
    let check = |least: u16, mtu: u16, expect: usize| {
        let site = Site::new().with(|site| {
            site.machine().min_message = least;
            site.interfaces.get_mut(&2).unwrap().mtu = mtu;
        });
        assert_eq!(kernel_verdict(&site, &request.frame()), Verdict::Quirk);
        let reply = ask(&site, &request.frame()).unwrap();
        assert_eq!(
            (reply.verdict, reply.message.len()),
            (Verdict::Offer, expect),
            "{least}, {mtu}"
        );
        assert_eq!(reply.options, usual.options);
    };
    let len = usual.message.len();
    check(1, 1500, len);
    check(len as u16, 1500, len);
    for more in 1..70 {
        check((len + more) as u16, 1500, len + more);
    }
    check(548, 1500, 548);
    check(1472, 1500, 1472);
    // Not longer than what the client and the link take.
    check(1473, 1500, 1472);
    check(u16::MAX, 1500, 1472);
    check(1000, 600, 572);
}

#[test]
fn delay() {
    let site = Site::new().with(|site| site.machine().delay = 1);
    for request in [Ask::discover(), Ask::selecting(ADDRESS), Ask::renewing(ADDRESS)] {
        let frame = request.frame();
        assert_eq!(kernel_verdict(&site, &frame), Verdict::Quirk);
        // The daemon waits before it sends the same.
        assert_eq!(ask(&site, &frame), ask(&Site::new(), &frame));
    }
    // What is not answered is not passed for it.
    let check = |request: Ask, expect| {
        assert_eq!(kernel_verdict(&site, &request.frame()), expect);
        assert_eq!(verdict(&site, &request.frame()), expect);
    };
    check(Ask::discover().relayed(OTHER_RELAY), Verdict::WrongSubnet);
    check(Ask::new(3).with(50, &ADDRESS).with(54, &FOREIGN), Verdict::OtherServer);
}
