//! Relays: where they may stand, and what they tell in option 82.

use netboot_ebpf::{responder::Scratch, verdict::Verdict};

use crate::common::{
    ADDRESS, Ask, OTHER_RELAY, OTHER_SERVER, RELAY, SERVER, STRANGER, Site, ask, daemon, kernel,
    verdict,
};

/// A relay in a network that we do not know.
const FAR_RELAY: [u8; 4] = [10, 9, 8, 7];
/// What the client shall know us by.
const KNOWN_AS: [u8; 4] = [172, 30, 0, 254];

fn check(relay: [u8; 4], agent: &[u8], expect: Verdict) {
    let request = Ask::discover().with(57, &[5, 0xdc]).with(82, agent).relayed(relay);
    let outcome = ask(&Site::new(), &request.frame());
    if let Ok(reply) = &outcome {
        assert_eq!((reply.destination, reply.port), (relay, 67), "{agent:02x?}");
        assert_eq!(reply.option(82), Some(agent), "echoed verbatim");
        assert_eq!(reply.codes().last(), Some(&82));
    }
    let verdict = outcome.map_or_else(|verdict| verdict, |reply| reply.verdict);
    assert_eq!(verdict, expect, "{relay:?}: {agent:02x?}");
}

/// The machine is in the link's subnet, wherever the relay's address is (RFC 3527).
#[test]
fn link_selection() {
    check(FAR_RELAY, &[], Verdict::WrongSubnet);
    check(FAR_RELAY, &[5, 4, 172, 30, 0, 0], Verdict::Offer);
    check(FAR_RELAY, &[5, 4, 172, 30, 0, 200], Verdict::Offer);
    check(FAR_RELAY, &[5, 4, 172, 29, 0, 0], Verdict::WrongSubnet);
    check(RELAY, &[5, 4, 172, 30, 0, 9], Verdict::Offer);
    check(RELAY, &[5, 4, 172, 29, 0, 0], Verdict::WrongSubnet);
    check(RELAY, &[5, 4, 10, 9, 8, 7], Verdict::WrongSubnet);
    // Zero is none.
    check(RELAY, &[5, 4, 0, 0, 0, 0], Verdict::Offer);
    check(FAR_RELAY, &[5, 4, 0, 0, 0, 0], Verdict::WrongSubnet);
}

#[test]
fn among_other_sub_options() {
    const LINK: &[u8] = &[5, 4, 172, 30, 0, 0];
    let check = |before: &[u8], after: &[u8], expect| {
        check(FAR_RELAY, &[before, LINK, after].concat(), expect);
    };
    check(&[1, 3, b'e', b't', b'h'], &[2, 2, 5, 4], Verdict::Offer);
    // There is neither pad nor end among sub-options (RFC 3046 section 2.0).
    check(&[0, 0], &[0], Verdict::Offer);
    check(&[0, 1, 9], &[], Verdict::Offer);
    check(&[255, 0], &[255], Verdict::Offer);
    // What looks like one within another is none.
    let hidden = [&[1, 6][..], LINK].concat();
    self::check(FAR_RELAY, &hidden, Verdict::WrongSubnet);
    check(&[1, 6, 5, 4, 10, 9, 8, 7], &[], Verdict::Offer);
    // The last place that there is, and cut behind it.
    check(&[&[1, 247][..], &[7; 247]].concat(), &[], Verdict::Offer);
    check(&[&[1, 240][..], &[7; 240]].concat(), &[9, 5, 1, 2, 3, 4], Verdict::Offer);
    // Sixteen are read.
    check(&[9, 0].repeat(15), &[], Verdict::Offer);
    check(&[9, 0].repeat(16), &[], Verdict::WrongSubnet);
}

/// What is malformed is the relay's: it is echoed, and says nothing.
#[test]
fn malformed_sub_options() {
    for agent in [
        &[][..],
        &[5],
        &[5, 0],
        &[5, 4],
        &[5, 3, 172, 30, 0],
        &[5, 4, 172, 30, 0],
        &[5, 5, 172, 30, 0, 0, 0],
        &[5, 8, 172, 30, 0, 0, 172, 30, 0, 0],
        &[5, 255, 172, 30, 0, 0],
        &[6, 4, 172, 30, 0, 0],
        &[1, 9, 0, 5, 4, 172, 30, 0, 0],
        &[1, 255, 5, 4, 172, 30, 0, 0],
        &[255],
        &[0; 255],
        &[255; 255],
    ] {
        check(FAR_RELAY, agent, Verdict::WrongSubnet);
        check(RELAY, agent, Verdict::Offer);
    }
    // The option behind it does not complete it.
    let request = Ask::discover().with(82, &[5, 4, 172, 30]).with(0, &[]).relayed(FAR_RELAY);
    assert_eq!(verdict(&Site::new(), &request.frame()), Verdict::WrongSubnet);
}

/// A client on our own link has no relay that could say where it is.
#[test]
fn link_selection_without_a_relay() {
    let request = Ask::discover().with(82, &[5, 4, 172, 29, 0, 0]);
    assert_eq!(verdict(&Site::new(), &request.frame()), Verdict::Offer);
}

/// RFC 5107: the client knows us by the relay's address, and renews through the relay.
#[test]
fn server_override() {
    let agent = [&[1, 1, 9, 11, 4][..], &KNOWN_AS].concat();
    let check = |request: Ask, expect: Verdict| {
        let plain = ask(&Site::new(), &request.clone().relayed(RELAY).frame());
        let request = request.with(82, &agent).relayed(RELAY);
        let reply = ask(&Site::new(), &request.frame()).unwrap();
        assert_eq!(reply.verdict, expect, "{request:?}");
        assert_eq!(reply.option(54), Some(&KNOWN_AS[..]));
        assert_eq!(reply.source, SERVER, "it goes out from our own address");
        // All else is as without.
        if let Ok(mut plain) = plain {
            plain.options[1] = (54, KNOWN_AS.to_vec());
            plain.options.push((82, agent.clone()));
            assert_eq!(reply.options, plain.options);
        }
    };
    let selecting = |address: [u8; 4]| Ask::new(3).with(54, &KNOWN_AS).with(50, &address);
    check(Ask::discover(), Verdict::Offer);
    check(selecting(ADDRESS), Verdict::Ack);
    check(selecting([172, 30, 0, 9]), Verdict::Nak);
    check(Ask::selecting(ADDRESS), Verdict::Ack);
    check(Ask::selecting([172, 30, 0, 9]), Verdict::Nak);
    check(Ask::init_reboot(ADDRESS), Verdict::Ack);
    check(Ask::rebinding(ADDRESS), Verdict::Ack);
    check(Ask { ciaddr: ADDRESS, ..Ask::new(8) }, Verdict::InformAck);
}

#[test]
fn server_override_is_the_requests_own() {
    let check = |server: [u8; 4], agent: &[u8], expect| {
        let request = Ask::new(3).with(54, &server).with(50, &ADDRESS).with(82, agent);
        let request = request.relayed(RELAY);
        assert_eq!(verdict(&Site::new(), &request.frame()), expect, "{server:?}, {agent:02x?}");
    };
    check(KNOWN_AS, &[11, 4, 172, 30, 0, 254], Verdict::Ack);
    check(KNOWN_AS, &[11, 4, 172, 30, 0, 253], Verdict::OtherServer);
    check(KNOWN_AS, &[11, 3, 172, 30, 0], Verdict::OtherServer);
    check(KNOWN_AS, &[5, 4, 172, 30, 0, 254], Verdict::OtherServer);
    check(KNOWN_AS, &[], Verdict::OtherServer);
    check([9; 4], &[11, 4, 172, 30, 0, 254], Verdict::OtherServer);
    check(SERVER, &[11, 4, 172, 30, 0, 254], Verdict::Ack);
    // A client may also decline and release to the one that it knows.
    for (message_type, expect) in [(4, Verdict::Decline), (7, Verdict::Release)] {
        let ciaddr = if message_type == 7 { ADDRESS } else { [0; 4] };
        let request = Ask { ciaddr, ..Ask::new(message_type).with(54, &KNOWN_AS) };
        let request = request.with(50, &ADDRESS).with(82, &[11, 4, 172, 30, 0, 254]);
        assert_eq!(verdict(&Site::new(), &request.relayed(RELAY).frame()), expect);
    }
}

#[test]
fn server_override_that_is_none() {
    for agent in [&[][..], &[11, 4, 0, 0, 0, 0], &[11, 3, 172, 30, 0], &[11, 4, 172, 30, 0], &[11]]
    {
        let request = Ask::discover().with(82, agent).relayed(RELAY);
        let reply = ask(&Site::new(), &request.frame()).unwrap();
        assert_eq!(reply.option(54), Some(&SERVER[..]), "{agent:02x?}");
    }
}

/// Sub-options are forgotten with their message.
#[test]
fn nothing_is_left_of_an_earlier_relay() {
    let earlier = [&[11, 4][..], &KNOWN_AS, &[5, 4, 172, 29, 0, 0]].concat();
    let earlier = Ask::discover().with(82, &earlier).relayed(RELAY).frame();
    for request in
        [Ask::discover(), Ask::discover().with(82, &[1, 4, 9, 9, 9, 9, 2, 4, 172, 29, 0, 0])]
    {
        let frame = request.relayed(RELAY).frame();
        for run in [kernel, daemon] {
            let mut used = Scratch::new();
            assert_eq!(run(&Site::new(), &earlier, &mut used), Err(Verdict::WrongSubnet));
            let fresh = run(&Site::new(), &frame, &mut Scratch::new());
            assert!(fresh.is_ok());
            assert_eq!(run(&Site::new(), &frame, &mut used), fresh);
        }
    }
}

/// An answer could not go there, or would come back to us.
#[test]
fn relays_that_cannot_be() {
    let check = |relay: [u8; 4], expect| {
        for request in [Ask::discover(), Ask::init_reboot(ADDRESS), Ask::new(8), Ask::new(4)] {
            for request in [request.clone(), request.with(54, &[9; 4]).mac(STRANGER)] {
                let bad = verdict(&Site::new(), &request.relayed(relay).frame());
                assert_eq!(bad == Verdict::BadRelay, expect, "{relay:?}: {bad:?}");
            }
        }
    };
    for relay in [
        [127, 0, 0, 1],
        [127, 255, 255, 255],
        [224, 0, 0, 1],
        [239, 255, 255, 250],
        [240, 0, 0, 1],
        [255; 4],
        [0, 0, 0, 1],
        [0, 172, 30, 0],
        SERVER,
        OTHER_SERVER,
    ] {
        check(relay, true);
    }
    for relay in
        [RELAY, OTHER_RELAY, FAR_RELAY, [1, 0, 0, 0], [126, 9, 9, 9], [128, 0, 0, 1], [223; 4]]
    {
        check(relay, false);
    }
}
