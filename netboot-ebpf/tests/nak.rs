//! RFC 2131 table 3: a NAK says no, why, to whom, and nothing else.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Ask, RELAY, SERVER, Site, ask, verdict};

const WRONG: [u8; 4] = [172, 30, 0, 9];

fn check(request: &Ask, flags: [u8; 2], codes: &[u8]) {
    let reply = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!(reply.verdict, Verdict::Nak);
    let header = [
        &[2, 1, 6, 0][..],
        &request.xid,
        &[0, 0],
        &flags,
        &[0; 12],
        &request.giaddr,
        &request.chaddr,
        &[0; 192],
    ]
    .concat();
    assert_eq!(reply.message[..236], header, "{request:?}");
    assert_eq!(reply.codes(), codes, "{request:?}");
    assert_eq!(reply.option(53), Some(&[6][..]));
    assert_eq!(reply.option(54), Some(&SERVER[..]));
    assert!(reply.option(56).unwrap().is_ascii());
    assert_eq!(reply.message.len(), 300);
}

#[test]
fn contents() {
    let boot = |ask: Ask| ask.with(60, b"PXEClient").with(93, &[0, 0]).with(97, &[0; 17]);
    for request in [Ask::selecting(WRONG), Ask::init_reboot(WRONG), Ask::renewing(WRONG)] {
        check(&request, [0, 0], &[53, 54, 56]);
        check(&boot(request.clone()), [0, 0], &[53, 54, 56]);
        let echoed = request.clone().with(82, b"relay").with(61, &[1, 2, 3]);
        check(&echoed, [0, 0], &[53, 54, 56, 61, 82]);
        check(&request.clone().broadcast_flag(), [0x80, 0], &[53, 54, 56]);
        check(&Ask { flags: [0x12, 0x34], ..request }, [0x12, 0x34], &[53, 54, 56]);
    }
}

/// On an interface that no subnet is on, another one may answer the same machine: it hears the broadcast too.
#[test]
fn an_interface_without_a_subnet() {
    let site = || Site::new().with(|site| site.subnets[0].ifindex += 1);
    let check = |request: Ask, expect: Verdict| {
        assert_eq!(verdict(&site(), &request.frame()), expect, "{request:?}");
    };
    for address in [WRONG, ADDRESS] {
        check(Ask::selecting(address), Verdict::WrongSubnet);
        check(Ask::init_reboot(address), Verdict::WrongSubnet);
        check(Ask::rebinding(address), Verdict::WrongSubnet);
    }
    // What is sent to us, and what a relay passes on, no other interface hears.
    check(Ask::renewing(ADDRESS), Verdict::Ack);
    check(Ask::renewing(WRONG), Verdict::Nak);
    check(Ask::selecting(WRONG).relayed(RELAY), Verdict::Nak);
}

/// A relay must broadcast it.
#[test]
fn relayed_with_the_broadcast_flag() {
    for request in [Ask::selecting(WRONG), Ask::renewing(WRONG), Ask::rebinding(WRONG)] {
        check(&request.clone().relayed(RELAY), [0x80, 0], &[53, 54, 56]);
        let flags = Ask { flags: [0x12, 0x34], ..request };
        check(&flags.relayed(RELAY), [0x92, 0x34], &[53, 54, 56]);
    }
}

#[test]
fn echoes_are_verbatim() {
    let [id, relay] = [[0xc1; 255], [0xc2; 255]];
    let request = Ask::selecting(WRONG).with(61, &id).with(82, &relay).with(57, &[5, 0xdc]);
    let reply = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!(reply.option(61), Some(&id[..]));
    assert_eq!(reply.option(82), Some(&relay[..]));
    assert_eq!(reply.codes().last(), Some(&82));
}

/// A NAK too is no longer than the client takes: the reason goes first, then the relay's option.
#[test]
fn length_is_limited() {
    let check = |relay: usize, verdict, codes: &[u8]| {
        let request = Ask::selecting(WRONG).with(61, &[1; 255]).with(82, &vec![2; relay]);
        let reply = ask(&Site::new(), &request.frame()).unwrap();
        assert_eq!((reply.verdict, &reply.codes()[..]), (verdict, codes), "{relay}");
        assert!(reply.message.len() <= 548);
    };
    check(24, Verdict::Nak, &[53, 54, 56, 61, 82]);
    check(25, Verdict::Nak, &[53, 54, 61, 82]);
    check(39, Verdict::Nak, &[53, 54, 61, 82]);
    // Without that there is room for the reason again.
    check(40, Verdict::NoRelayInfo, &[53, 54, 56, 61]);
    check(255, Verdict::NoRelayInfo, &[53, 54, 56, 61]);
}
