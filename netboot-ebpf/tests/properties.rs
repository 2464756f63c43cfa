//! Properties of any frame. [`ask`] itself checks that answers are valid, that used memory changes
//! nothing, and that the kernel sends the daemon's bytes.

use netboot_ebpf::{
    request::is_unicast,
    responder::Scratch,
    shared::{Reservation, Settings},
    verdict::Verdict,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    common::{
        ADDRESS, Answered, Ask, SERVER, STRANGER, Shape, any_message, ask, daemon, in_pieces,
        kernel, kernel_verdict, mutated, options, request,
    },
    golden,
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What RFC 3046 calls well formed, as far as it is: the address in a sub-option.
fn sub_option(agent: &[u8], wanted: u8) -> Option<[u8; 4]> {
    let (mut rest, mut found) = (agent, None);
    for _ in 0..16 {
        let [code, len, after @ ..] = rest else { break };
        let Some((value, after)) = after.split_at_checked(usize::from(*len)) else { break };
        if *code == wanted {
            found = value.try_into().ok();
        }
        rest = after;
    }
    found.filter(|address| *address != [0; 4])
}

/// The value of an option of the request.
fn said(request: &Ask, code: u8) -> Option<Vec<u8>> {
    let mut options = options(&[&request.options[..], &[255]].concat()).unwrap();
    let at = options.iter().position(|(other, _)| *other == code)?;
    Some(options.swap_remove(at).1)
}

/// RFC 2131 table 3 and section 4.1, RFC 3046, RFC 6842.
fn keeps_the_rules(shape: &Shape, request: &Ask, reply: &Answered) {
    let refused = reply.message_type == 6;
    let asked = request.options[2];
    assert!(matches!((asked, reply.message_type), (1, 2) | (3, 5 | 6) | (8, 5)));
    let max = said(request, 57).map_or(576, |max| u16::from_be_bytes([max[0], max[1]]));
    let fits = usize::from(max.max(576).min(shape.mtu).min(1500));
    assert!(reply.message.len() + 28 <= fits);

    let given = if refused || asked == 8 || shape.is_proxy() { [0; 4] } else { ADDRESS };
    assert_eq!(reply.yiaddr(), given, "yiaddr");
    assert_eq!(reply.message[4..8], request.xid);
    assert_eq!(reply.message[24..28], request.giaddr);
    assert_eq!(reply.message[28..44], request.chaddr);
    assert_eq!(reply.message[11], request.flags[1]);

    let codes = reply.codes();
    assert_eq!(codes[0], 53);
    let agent = said(request, 82);
    // A ProxyDHCP's has no lease that would be renewed through the relay (RFC 5107).
    let is_lease = request.giaddr != [0; 4] && !shape.is_proxy();
    let known_as = agent.as_ref().filter(|_| is_lease);
    let known_as = known_as.and_then(|agent| sub_option(agent, 11));
    let known_as = known_as.filter(|known_as| is_unicast(*known_as)).unwrap_or(SERVER);
    assert_eq!(reply.option(54), Some(&known_as[..]));
    assert_eq!(reply.option(51).is_some(), !refused && asked != 8);
    assert_eq!(reply.option(61), said(request, 61).as_deref());
    if let Some(echoed) = reply.option(118) {
        assert_eq!(Some(echoed), said(request, 118).as_deref());
        assert!(shape.flags & Settings::SUBNET_SELECTION != 0 && echoed.len() == 4);
    }
    if let Some(echoed) = reply.option(97) {
        assert_eq!(Some(echoed), said(request, 97).as_deref());
    }
    let expect = agent.filter(|_| reply.verdict != Verdict::NoRelayInfo);
    assert_eq!(reply.option(82), expect.as_deref());
    assert!(expect.is_none() || codes.last() == Some(&82));
    if refused {
        assert!(codes.iter().all(|code| [53, 54, 56, 61, 82].contains(code)), "{codes:?}");
        assert!(shape.flags & Settings::AUTHORITATIVE != 0);
        assert!(shape.quirks & Reservation::NEVER_NAK == 0);
    }
    for code in [50, 52, 55, 57] {
        assert_eq!(reply.option(code), None, "{code}");
    }
    let broadcast = reply.destination == [255; 4];
    assert_eq!(broadcast, reply.to == [255; 6]);
    assert!(!broadcast || (reply.port == 68 && request.giaddr == [0; 4]));
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn any_bytes_get_a_verdict(frame in vec(any::<u8>(), 0..700)) {
        let _ = ask(&golden::site(), &frame);
    }

    #[test]
    fn any_message_gets_a_verdict(frame in any_message(), shape in Shape::any()) {
        let _ = ask(&shape.site(), &frame);
    }

    #[test]
    fn changed_captures_get_a_verdict(frame in mutated(), shape in Shape::any()) {
        if let Ok(reply) = ask(&shape.site(), &frame) {
            prop_assert!(reply.message.len() <= 1472);
        }
    }

    #[test]
    fn answers_keep_the_rules(request in request(), shape in Shape::any()) {
        if let Ok(reply) = ask(&shape.site(), &request.frame()) {
            keeps_the_rules(&shape, &request, &reply);
        }
    }

    /// No OFFER, no ACK, no NAK.
    #[test]
    fn unknown_machines_get_nothing(request in request(), shape in Shape::any()) {
        let shape = Shape { flags: shape.flags & !Settings::AUTO_PROXY, ..shape };
        prop_assert!(ask(&shape.site(), &request.clone().mac(STRANGER).frame()).is_err());
        // Nor does a machine that is known in another VLAN.
        let tagged = Ask { giaddr: [0; 4], tags: vec![[0x81, 0, 0, 9]], ..request };
        prop_assert!(ask(&shape.site(), &tagged.frame()).is_err());
    }

    /// However its options are put into the message, a request gets the same bytes.
    #[test]
    fn pieces_are_put_together((plain, split) in in_pieces(), shape in Shape::any()) {
        let site = shape.site();
        let [mut of_plain, mut of_split] = [Scratch::new(), Scratch::new()];
        let expect = daemon(&site, &plain.frame(), &mut of_plain);
        prop_assert_eq!(daemon(&site, &split.frame(), &mut of_split), expect);
        prop_assert_eq!(of_split.seen, of_plain.seen);
        if plain.port == 67 && plain.tags.len() < 3 {
            let passed = kernel_verdict(&site, &split.frame());
            prop_assert!(matches!(passed, Verdict::SplitOption | Verdict::Overload));
        }
        let _ = ask(&site, &split.frame());
    }
}

proptest! {
    #![proptest_config(config(150))]

    /// The memory is used for one message after another: none leaves a trace in the next answer.
    #[test]
    fn one_memory_for_many_messages(
        frames in vec(
            (prop_oneof![
                4 => request().prop_map(|ask| ask.frame()),
                1 => in_pieces().prop_map(|(_, ask)| ask.frame()),
                1 => mutated(),
                1 => any_message(),
            ], prop_oneof![
                select(vec![0, 100, 128, 200, 224, 225, 240, 254, 255]).prop_map(Shape::named),
                Shape::any(),
            ]),
            2..12,
        ),
    ) {
        let (mut kernels, mut daemons) = (Scratch::new(), Scratch::new());
        for (frame, shape) in &frames {
            let site = shape.site();
            let fresh = daemon(&site, frame, &mut Scratch::new());
            prop_assert_eq!(daemon(&site, frame, &mut daemons), fresh);
            let fresh = kernel(&site, frame, &mut Scratch::new());
            prop_assert_eq!(kernel(&site, frame, &mut kernels), fresh);
        }
    }
}
