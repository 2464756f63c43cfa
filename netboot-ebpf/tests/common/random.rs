//! Random frames and requests.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{ADDRESS, Ask, OTHER_RELAY, OTHER_SERVER, RELAY, SERVER, options};
use crate::golden::Golden;

/// A frame whose headers are as a request's, with any bytes behind.
pub fn any_message() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 0..700), any::<bool>()).prop_map(|(message, begin)| {
        let mut bytes = Ask::discover().message();
        bytes.truncate(if begin { 240 } else { 0 });
        bytes.extend(message);
        crate::common::frame([2; 6], [0; 4], [255; 4], [68, 67], &bytes)
    })
}

/// A captured frame with some bytes changed, cut or appended.
pub fn mutated() -> impl Strategy<Value = Vec<u8>> {
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
pub fn request() -> impl Strategy<Value = Ask> {
    let place = select(vec![None, None, None, Some(OTHER_RELAY), Some(RELAY), Some([10, 0, 0, 3])]);
    let classes = select(vec![
        None,
        Some((60, &b"PXEClient"[..])),
        Some((60, b"HTTPClient")),
        Some((60, b"U-Boot")),
        Some((77, b"Tinkerbell")),
        Some((77, b"\x04iPXE\x02xy")),
    ]);
    let echoed = || {
        prop_oneof![
            4 => Just(None),
            4 => vec(any::<u8>(), 0..=70).prop_map(Some),
            1 => vec(any::<u8>(), 200..=255).prop_map(Some)
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
        select(vec![None, None, None, Some([172, 30, 0, 0]), Some([172, 29, 0, 0])]),
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
            let (architecture, flags, xid, behind, tags, selected) = rest;
            if let Some(subnet) = selected {
                ask = ask.with(118, &subnet);
            }
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
    let address =
        || select(vec![ADDRESS, ADDRESS, ADDRESS, ADDRESS, [172, 30, 0, 9], [10, 0, 0, 1], [0; 4]]);
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
fn tags() -> impl Strategy<Value = Vec<[u8; 4]>> {
    let none = [[0x81, 0, 0xe0, 0], [0x88, 0xa8, 0, 0]];
    let tag = select(vec![none[0], none[0], none[1], [0x91, 0, 0, 5]]);
    prop_oneof![3 => Just(vec![]), 1 => vec(tag, 0..4)]
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

/// A request in its plain form, and the same with some options in pieces: behind the others, in `file` or
/// in `sname`.
pub fn in_pieces() -> impl Strategy<Value = (Ask, Ask)> {
    let cuts = vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8), 1..5);
    (request(), cuts).prop_map(|(plain, cuts)| {
        let mut options = options(&[&plain.options[..], &[255]].concat()).unwrap();
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
