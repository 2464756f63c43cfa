//! What holds for any frame. [`ask`] itself checks that answers are valid, that used memory changes
//! nothing, and that the kernel sends the daemon's bytes.

use netboot_ebpf::responder::Scratch;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    common::{ADDRESS, Ask, OTHER_SERVER, RELAY, SERVER, Site, ask, daemon, kernel, options},
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

/// A request of the known machine with options of all lengths.
fn request() -> impl Strategy<Value = Ask> {
    let address = || select(vec![ADDRESS, [172, 30, 0, 9], [10, 0, 0, 1], [0; 4]]);
    let server = select(vec![SERVER, OTHER_SERVER, [10, 0, 0, 1]]);
    let kind = prop_oneof![
        Just(Ask::discover()),
        address().prop_map(Ask::init_reboot),
        address().prop_map(Ask::renewing),
        address().prop_map(Ask::rebinding),
        (address(), server)
            .prop_map(|(address, server)| { Ask::new(3).with(50, &address).with(54, &server) }),
        (1..12u8).prop_map(Ask::new),
    ];
    let place = select(vec![None, Some(RELAY), Some([172, 30, 0, 3])]);
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
    let filler = vec(any::<u8>(), 0..=255);
    let max = select(vec![None, Some(576u16), Some(1472), Some(0xff00), Some(800)]);
    let rest =
        (select(vec![0u8, 7, 11, 33]), any::<[u8; 2]>(), any::<[u8; 4]>(), vec(any::<u8>(), 0..40));
    (kind, place, classes, (echoed(), echoed(), echoed()), filler, max, rest).prop_map(
        |(mut ask, relay, class, (id, uuid, relay_agent), filler, max, rest)| {
            if let Some((code, value)) = class {
                ask = ask.with(code, value);
            }
            for (code, value) in [(61, id), (82, relay_agent), (97, uuid), (43, Some(filler))] {
                if let Some(value) = value {
                    ask = ask.with(code, &value);
                }
            }
            if let Some(max) = max {
                ask = ask.with(57, &max.to_be_bytes());
            }
            let (architecture, flags, xid, behind) = rest;
            ask = Ask { flags, xid, ..ask.with(93, &[0, architecture]) };
            ask.end.extend(behind);
            match relay {
                Some(relay) => ask.relayed(relay),
                None => ask,
            }
        },
    )
}

/// The site, with boot files' names of this length.
fn site(name: usize) -> Site {
    if name == 0 { golden::site() } else { golden::site().boot_name(&"u".repeat(name)) }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn any_bytes_get_a_verdict(frame in vec(any::<u8>(), 0..700)) {
        let _ = ask(&golden::site(), &frame);
    }

    #[test]
    fn any_message_gets_a_verdict(frame in any_message()) {
        let _ = ask(&golden::site(), &frame);
    }

    #[test]
    fn changed_captures_get_a_verdict(frame in mutated()) {
        if let Ok(reply) = ask(&golden::site(), &frame) {
            prop_assert!(reply.message.len() <= 1472);
        }
    }

    /// An answer is as long as the client takes, and has each option once, 53 first and 82 last.
    #[test]
    fn answers_keep_the_rules(request in request(), name in 0..=255usize) {
        if let Ok(reply) = ask(&site(name), &request.frame()) {
            let told = options(&[&request.options[..], &[255]].concat());
            let max = told.iter().find(|(code, _)| *code == 57).map_or(576, |(_, max)| {
                u16::from_be_bytes([max[0], max[1]]).clamp(576, 1500)
            });
            prop_assert!(reply.message.len() + 28 <= usize::from(max));
            let codes = reply.codes();
            prop_assert_eq!(codes[0], 53);
            let relay = codes.iter().position(|code| *code == 82);
            prop_assert!(relay.is_none_or(|at| at == codes.len() - 1));
        }
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
                1 => mutated(),
                1 => any_message(),
            ], select(vec![0, 100, 128, 200, 224, 225, 240, 254, 255])),
            2..12,
        ),
    ) {
        let (mut kernels, mut daemons) = (Scratch::new(), Scratch::new());
        for (frame, name) in &frames {
            let site = site(*name);
            let fresh = daemon(&site, frame, &mut Scratch::new());
            prop_assert_eq!(daemon(&site, frame, &mut daemons), fresh);
            let fresh = kernel(&site, frame, &mut Scratch::new());
            prop_assert_eq!(kernel(&site, frame, &mut kernels), fresh);
        }
    }
}
