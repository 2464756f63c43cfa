//! What holds for any frame. [`ask`] itself checks that answers are valid, that used memory changes
//! nothing, and that the kernel sends the daemon's bytes.

use netboot_ebpf::{
    responder::Scratch,
    shared::{Reservation, Settings},
    verdict::Verdict,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    common::{
        ADDRESS, Ask, OTHER_SERVER, RELAY, Reply, SERVER, STRANGER, Site, ask, block, daemon,
        kernel, kernel_verdict, options,
    },
    golden::{self, Golden},
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A frame whose headers are as a request's, with any bytes behind.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 0..700), any::<bool>()).prop_map(|(message, begin)| {
        let mut bytes = Ask::discover().message();
        bytes.truncate(if begin { 240 } else { 0 });
        bytes.extend(message);
        crate::common::frame([2; 6], [0; 4], [255; 4], [68, 67], &bytes)
    })
}

/// A captured frame with some bytes changed, cut or appended.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let frames: Vec<Vec<u8>> = Golden::all().iter().map(Golden::frame).collect();
    (select(frames), vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), 0..60i32).prop_map(
        |(mut frame, changes, tail)| {
            for (at, byte) in changes {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            match tail {
                0..10 => frame.truncate(frame.len() - tail as usize),
                10..20 => frame.extend(vec![0x61; tail as usize]),
                _ => {}
            }
            frame
        },
    )
}

/// A request of the known machine with options of all lengths, each once.
fn request() -> impl Strategy<Value = Ask> {
    let place = select(vec![None, None, Some(RELAY), Some([172, 30, 0, 3]), Some([10, 0, 0, 3])]);
    let classes = select(vec![
        None,
        Some((60, &b"PXEClient"[..])),
        Some((60, b"HTTPClient")),
        Some((77, b"Tinkerbell")),
        Some((77, b"\x04iPXE\x02xy")),
    ]);
    let echoed = || {
        prop_oneof![
            Just(None),
            vec(any::<u8>(), 0..=70).prop_map(Some),
            vec(any::<u8>(), 200..=255).prop_map(Some)
        ]
    };
    let agent = prop_oneof![Just(None), agent().prop_map(Some), agent().prop_map(Some), echoed()];
    let list = prop_oneof![Just(None), vec(1..130u8, 0..80).prop_map(Some)];
    let filler = vec(any::<u8>(), 0..=255);
    let max = select(vec![None, Some(576u16), Some(1472), Some(0xff00), Some(800)]);
    let rest = (
        select(vec![0u8, 7, 11, 33]),
        any::<[u8; 2]>(),
        any::<[u8; 4]>(),
        vec(any::<u8>(), 0..40),
        tags(),
    );
    let echoes = (echoed(), echoed(), agent, list);
    (kind(), place, classes, echoes, filler, max, rest).prop_map(
        |(mut ask, relay, class, (id, uuid, agent, list), filler, max, rest)| {
            if let Some((code, value)) = class {
                ask = ask.with(code, value);
            }
            let values = [(61, id), (82, agent), (97, uuid), (55, list), (43, Some(filler))];
            for (code, value) in values {
                if let Some(value) = value {
                    ask = ask.with(code, &value);
                }
            }
            if let Some(max) = max {
                ask = ask.with(57, &max.to_be_bytes());
            }
            let (architecture, flags, xid, behind, tags) = rest;
            ask = Ask { flags, xid, tags, ..ask.with(93, &[0, architecture]) };
            ask.end.extend(behind);
            match relay {
                Some(relay) => ask.relayed(relay),
                None => ask,
            }
        },
    )
}

/// Messages of all types.
fn kind() -> impl Strategy<Value = Ask> {
    let address = || select(vec![ADDRESS, ADDRESS, [172, 30, 0, 9], [10, 0, 0, 1], [0; 4]]);
    let server = || select(vec![SERVER, OTHER_SERVER, [10, 0, 0, 1]]);
    let named = (select(vec![3, 4, 7, 8]), address(), server(), address());
    prop_oneof![
        Just(Ask::discover()),
        address().prop_map(Ask::init_reboot),
        address().prop_map(Ask::renewing),
        address().prop_map(Ask::rebinding),
        address().prop_map(Ask::selecting),
        address().prop_map(Ask::boot_server),
        address().prop_map(|address| Ask::rebinding(address).with_type(8)),
        named.prop_map(|(message_type, address, server, ciaddr)| {
            let ask = Ask::new(message_type).with(50, &address).with(54, &server);
            Ask { ciaddr, ..ask }
        }),
        (1..12u8).prop_map(Ask::new),
    ]
}

/// Up to three VLAN tags, most of which are none of the machine's.
fn tags() -> impl Strategy<Value = Vec<u8>> {
    let none = [&[0x81, 0, 0xe0, 0][..], &[0x88, 0xa8, 0, 0]];
    let tag = select(vec![none[0], none[0], none[1], &[0x91, 0, 0, 5]]);
    prop_oneof![3 => Just(vec![]), 1 => vec(tag, 0..4).prop_map(|tags| tags.concat())]
}

/// Sub-options of option 82, whole or cut.
fn agent() -> impl Strategy<Value = Vec<u8>> {
    let address = select(vec![[172, 30, 0, 0], [172, 29, 0, 9], [10, 0, 0, 1], [0; 4]]);
    let value = prop_oneof![address.prop_map(|address| address.to_vec()), vec(any::<u8>(), 0..6)];
    let sub_option = (select(vec![0, 1, 2, 5, 5, 11, 11, 255]), value);
    (vec(sub_option, 0..20), 0..4usize).prop_map(|(sub_options, cut)| {
        let whole: Vec<u8> = sub_options
            .iter()
            .flat_map(|(code, value)| [&[*code, value.len() as u8], &value[..]].concat())
            .collect();
        whole[..whole.len().saturating_sub(cut)].to_vec()
    })
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

/// A request in its plain form, and the same with some options in pieces: behind the others, in `file` or
/// in `sname`.
fn in_pieces() -> impl Strategy<Value = (Ask, Ask)> {
    let cuts = vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8), 1..5);
    (request(), cuts).prop_map(|(plain, cuts)| {
        let mut options = options(&[&plain.options[..], &[255]].concat());
        let [mut behind, mut file, mut sname] = [const { Vec::<u8>::new() }; 3];
        for (which, at, place) in cuts {
            let which = which.index(options.len());
            // Its later piece is in its place already.
            let (code, value) = &mut options[which];
            if [&behind, &file, &sname].iter().any(|pieces| pieces.contains(code)) {
                continue;
            }
            let piece = value.split_off(at.index(value.len() + 1));
            let encoded = [&[*code, piece.len() as u8], &piece[..]].concat();
            match place {
                1 if file.len() + encoded.len() < 128 => file.extend(encoded),
                2 if sname.len() + encoded.len() < 64 => sname.extend(encoded),
                _ => behind.extend(encoded),
            }
        }
        let overload = u8::from(!file.is_empty()) | u8::from(!sname.is_empty()) << 1;
        let mut split = Ask { options: vec![], ..plain.clone() };
        if overload != 0 {
            split = split.with(52, &[overload]);
        }
        for (code, value) in &options {
            split = split.with(*code, value);
        }
        split.options.extend(behind);
        (plain, Ask { file, sname, ..split })
    })
}

/// How a site is set up.
#[derive(Clone, Debug)]
struct Shape {
    /// Length of the boot files' names; 0: as they are.
    name: usize,
    flags: u32,
    quirks: u16,
    min_message: u16,
    delay: u16,
    quarantined_until: u64,
    classless: u32,
    mtu: u16,
}

impl Shape {
    fn named(name: usize) -> Self {
        Self {
            name,
            flags: Settings::AUTHORITATIVE,
            quirks: 0,
            min_message: 0,
            delay: 0,
            quarantined_until: 0,
            classless: 0,
            mtu: 1500,
        }
    }

    fn any() -> impl Strategy<Value = Self> {
        let usual = |value| prop_oneof![3 => Just(0u16), 1 => Just(value)];
        let name = prop_oneof![Just(0), 1..=255usize];
        let modes = (0..16u32, 0..16u16);
        let rest = (select(vec![0u64, 0, 0, 9]), 0..2u32, select(vec![1500, 9000, 576, 400]));
        (name, modes, usual(700), usual(5), rest).prop_map(
            |(name, (flags, quirks), min_message, delay, (quarantined_until, routes, mtu))| Self {
                name,
                flags,
                quirks,
                min_message,
                delay,
                quarantined_until,
                classless: routes * 2,
                mtu,
            },
        )
    }

    fn site(&self) -> Site {
        let mut site = golden::site().flags(self.flags);
        if self.name > 0 {
            site = site.boot_name(&"u".repeat(self.name));
        }
        let mut routes = site.subnets[0];
        let (options, len) = block(&[(54, &SERVER), (51, &[0, 1, 2, 3]), (121, &[0, 1, 2, 3, 4])]);
        (routes.options, routes.options_len) = (options, u32::from(len));
        site.subnets[0].classless = self.classless;
        site.subnets.push(routes);
        site.interfaces.get_mut(&2).unwrap().mtu = self.mtu;
        for reservation in site.reservations.values_mut() {
            reservation.flags = self.quirks;
            reservation.min_message = self.min_message;
            reservation.delay = self.delay;
            reservation.quarantined_until = self.quarantined_until;
        }
        site.anybody = Some(Reservation { address: [0; 4], ..*site.machine() });
        site
    }

    fn is_proxy(&self) -> bool {
        self.flags & Settings::PROXY != 0
    }
}

/// The value of an option of the request.
fn said(request: &Ask, code: u8) -> Option<Vec<u8>> {
    let mut options = options(&[&request.options[..], &[255]].concat());
    let at = options.iter().position(|(other, _)| *other == code)?;
    Some(options.swap_remove(at).1)
}

/// RFC 2131 table 3 and section 4.1, RFC 3046, RFC 6842.
fn keeps_the_rules(shape: &Shape, request: &Ask, reply: &Reply) {
    let refused = reply.message_type() == 6;
    let asked = request.options[2];
    assert!(matches!((asked, reply.message_type()), (1, 2) | (3, 5 | 6) | (8, 5)));
    let max = said(request, 57).map_or(576, |max| u16::from_be_bytes([max[0], max[1]]));
    let fits = usize::from(max.max(576).min(shape.mtu).min(1500));
    assert!(reply.message.len() + 28 <= fits);

    let given = if refused || asked == 8 || shape.is_proxy() { [0; 4] } else { ADDRESS };
    assert_eq!(reply.address(), given, "yiaddr");
    assert_eq!(reply.message[4..8], request.xid);
    assert_eq!(reply.message[24..28], request.giaddr);
    assert_eq!(reply.message[28..44], request.chaddr);
    assert_eq!(reply.message[11], request.flags[1]);

    let codes = reply.codes();
    assert_eq!(codes[0], 53);
    let agent = said(request, 82);
    let known_as = agent.as_ref().and_then(|agent| sub_option(agent, 11)).unwrap_or(SERVER);
    assert_eq!(reply.option(54), Some(&known_as[..]));
    assert_eq!(reply.option(51).is_some(), !refused && asked != 8);
    assert_eq!(reply.option(61), said(request, 61).as_deref());
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
        let tagged = Ask { giaddr: [0; 4], tags: vec![0x81, 0, 0, 9], ..request };
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
        if plain.port == 67 && plain.tags.len() < 12 {
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
