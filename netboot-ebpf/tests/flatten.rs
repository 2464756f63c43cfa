//! Options in several places: split (RFC 3396), and continued in `file` and `sname` (RFC 2131 section
//! 4.1). The daemon reads them; the kernel passes them on.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Ask, NEAR_RELAY, Reply, SERVER, Site, ask, kernel_verdict};

const VENDOR: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";
const UUID: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// What a request has beside its type: every option that an answer depends on.
const OPTIONS: [(u8, &[u8]); 10] = [
    (50, &ADDRESS),
    (54, &SERVER),
    (55, &[1, 3, 6, 121]),
    (57, &[5, 0xc0]),
    (60, VENDOR),
    (61, &[1, 0x52, 0x54, 0, 0x12, 0x34, 0x56]),
    (77, b"\x05other\x0aTinkerbell"),
    (82, &[1, 2, 9, 9, 11, 4, 172, 30, 0, 254]),
    (93, &[0, 33, 0, 0]),
    (97, UUID),
];

fn base() -> Ask {
    Ask { options: vec![], ..Ask::new(3).relayed(NEAR_RELAY) }
}

fn encoded(options: &[(u8, &[u8])]) -> Vec<u8> {
    options.iter().fold(base(), |ask, (code, value)| ask.with(*code, value)).options
}

/// The request in its plain form, and without one of its options.
fn without(code: u8) -> Ask {
    let kept = OPTIONS.into_iter().filter(|(other, _)| *other != code);
    kept.fold(base().with(53, &[3]), |ask, (code, value)| ask.with(code, value))
}

fn plain() -> Reply {
    let frame = without(0).frame();
    let reply = ask(&Site::new(), &frame).unwrap();
    assert_eq!((reply.verdict, kernel_verdict(&Site::new(), &frame)), (Verdict::Ack, Verdict::Ack));
    assert_eq!(reply.boot_file(), "http://172.30.0.1/auto.ipxe");
    reply
}

/// The same bytes are answered as to the plain request.
fn check(what: &str, request: &Ask, kernel: Verdict) {
    let frame = request.frame();
    assert_eq!(kernel_verdict(&Site::new(), &frame), kernel, "{what}");
    assert_eq!(ask(&Site::new(), &frame).as_ref(), Ok(&plain()), "{what}");
}

#[test]
fn each_option_in_two_pieces() {
    for (code, value) in OPTIONS.into_iter().chain([(53, &[3][..])]) {
        for cut in 0..=value.len() {
            let (first, second) = value.split_at(cut);
            let [first, second] = [first, second].map(|piece| encoded(&[(code, piece)]));
            let rest = if code == 53 { encoded(&OPTIONS) } else { without(code).options };
            let split = |options: [&[u8]; 3]| Ask { options: options.concat(), ..base() };
            let check = |ask: &Ask| check(&format!("{code} at {cut}"), ask, Verdict::SplitOption);
            check(&split([&first, &second, &rest]));
            check(&split([&first, &rest, &second]));
            check(&split([&rest, &first, &second]));
            check(&Ask { end: vec![], ..split([&first, &rest, &second]) });
            check(&split([&first, &[&[0; 9][..], &rest].concat(), &[&[0][..], &second].concat()]));
        }
    }
}

#[test]
fn an_option_in_many_pieces() {
    let pieces: Vec<u8> = UUID.iter().flat_map(|byte| [97, 1, *byte]).collect();
    let ask = without(97);
    let options = [&pieces[..], &ask.options].concat();
    check("byte by byte", &Ask { options, ..ask }, Verdict::SplitOption);
}

/// The order is options, `file`, `sname`, wherever they stand in the message.
#[test]
fn continued_in_the_header() {
    for (code, value) in OPTIONS {
        for cut in 0..=value.len() {
            let (first, second) = value.split_at(cut);
            let [first, second] = [first, second].map(|piece| encoded(&[(code, piece)]));
            let ended = |options: &[u8]| [options, &[255]].concat();
            let check = |overload: u8, sname: &[u8], file: &[u8], options: &[u8]| {
                let mut ask = without(code).with(52, &[overload]);
                ask.options.extend(options);
                let ask = Ask { sname: sname.to_vec(), file: file.to_vec(), ..ask };
                let what = format!("{code} at {cut}, overload {overload}");
                check(&what, &ask, Verdict::Overload);
            };
            check(1, b"name", &ended(&second), &first);
            check(2, &ended(&second), b"name", &first);
            check(3, &ended(&second), &ended(&first), &[]);
            check(3, &[255], &ended(&second), &first);
            check(3, &ended(&second), &[255], &first);
            // Without End, and behind pads.
            check(3, &[&[0; 9][..], &second].concat(), &[&[0, 0][..], &first].concat(), &[]);
            check(1, b"", &[&first[..], &[0; 5], &second].concat(), &[]);
        }
    }
}

#[test]
fn in_all_three_places() {
    let [a, b, c] = [&UUID[..4], &UUID[4..9], &UUID[9..]].map(|piece| encoded(&[(97, piece)]));
    let mut ask = Ask { file: b, sname: c, ..without(97).with(52, &[3]) };
    ask.options.extend(a);
    check("thrice", &ask, Verdict::Overload);
    // All options but the type and the overload stand in `file`.
    let file = [encoded(&OPTIONS[..9]), vec![255]].concat();
    let sname = encoded(&OPTIONS[9..]);
    let ask = Ask { file, sname, ..base().with(52, &[3]).with(53, &[3]) };
    check("nearly all", &ask, Verdict::Overload);
}

/// What is not said to hold options holds none; nor does what follows End.
#[test]
fn fields_without_options() {
    let other = encoded(&[(61, b"other"), (54, &[9; 4])]);
    let check = |overload: u8, sname: &[u8], file: &[u8]| {
        let ask = without(0).with(52, &[overload]);
        check("", &Ask { sname: sname.to_vec(), file: file.to_vec(), ..ask }, Verdict::Overload);
    };
    check(1, &other, &[]);
    check(2, &[], &other);
    check(3, &[255, 61, 1, 1], &[&[0, 255][..], &other].concat());
    // Only the options field says that there is more.
    check(1, &other, &[52, 1, 3]);
    check(2, &[52, 1, 1], &other);
    check(3, &[52, 0], &[52, 2, 9, 9]);
    // A file name, as some clients leave it there.
    check(2, &[], b"\x61ndionly.kpxe");
}

/// Fields are full to their last byte, and not read beyond.
#[test]
fn fields_end() {
    let fill = |len: usize| encoded(&[(224, &vec![1; len - 2])]);
    let check = |sname: Vec<u8>, file: Vec<u8>, expect: Result<(), Verdict>| {
        let ask = Ask { sname, file, ..without(0).with(52, &[3]) };
        let reply = ask_for(&ask);
        assert_eq!(reply.map(|_| ()), expect, "{ask:?}");
    };
    check(fill(64), fill(128), Ok(()));
    check([&[0; 63][..], &[255]].concat(), [&[0; 127][..], &[255]].concat(), Ok(()));
    // The last byte is a code without length; the last option is longer than its field.
    let cut = Err(Verdict::Truncated);
    check(fill(64), [fill(127), vec![225]].concat(), cut);
    check([fill(63), vec![225]].concat(), vec![], cut);
    check(vec![224, 63], vec![], cut);
    check(vec![], vec![224, 127], cut);
    check([fill(62), vec![225, 1]].concat(), vec![], cut);
    check(vec![], [fill(126), vec![225, 0]].concat(), Ok(()));
    check(vec![], vec![224, 255], cut);
}

fn ask_for(request: &Ask) -> Result<Reply, Verdict> {
    ask(&Site::new(), &request.frame())
}

#[test]
fn nonsense() {
    let check = |ask: Ask, expect| assert_eq!(ask_for(&ask), Err(expect), "{ask:?}");
    let ask = || without(0);
    for value in [&[0][..], &[4], &[5], &[255], &[], &[1, 1], &[0, 1]] {
        check(ask().with(52, value), Verdict::BadOption);
    }
    check(ask().with(52, &[1]).with(52, &[1]), Verdict::BadOption);
    check(ask().with(52, &[1]).with(52, &[2]), Verdict::BadOption);
    // Once joined, it has another length than it must have.
    check(ask().with(50, &ADDRESS), Verdict::BadOption);
    check(ask().with(53, &[3]), Verdict::BadOption);
    check(ask().with(54, &[9]), Verdict::BadOption);
    check(Ask { file: vec![53, 1, 3], ..ask().with(52, &[1]) }, Verdict::BadOption);
    // Cut, in or after a piece.
    check(Ask { end: vec![61, 9, 1], ..ask().with(61, &[1]) }, Verdict::Truncated);
    check(Ask { end: vec![61], ..ask().with(52, &[1]) }, Verdict::Truncated);
}

/// An option is read and echoed up to 255 bytes, in how many pieces ever.
#[test]
fn lengths_once_joined() {
    for code in [61, 97] {
        let check = |pieces: &[usize], expect: Result<usize, Verdict>| {
            let value: Vec<u8> = (0..=255).collect();
            let mut ask = without(code);
            let mut rest = &value[..];
            for len in pieces {
                let (piece, after) = rest.split_at((*len).min(rest.len()));
                ask = ask.with(code, piece);
                rest = after;
            }
            let echoed = ask_for(&ask).map(|reply| reply.option(code).unwrap().to_vec());
            assert_eq!(echoed, expect.map(|len| value[..len].to_vec()), "{pieces:?}");
        };
        check(&[1, 0], Ok(1));
        check(&[0, 0], Ok(0));
        check(&[100, 155], Ok(255));
        check(&[255, 0], Ok(255));
        check(&[85, 85, 85], Ok(255));
        check(&[100, 156], Err(Verdict::SplitOption));
        check(&[255, 1], Err(Verdict::SplitOption));
        check(&[128, 128], Err(Verdict::SplitOption));
    }
}

/// What does not fit the memory once it is put together is not read.
#[test]
fn too_long_once_joined() {
    let long = |len: usize| {
        let mut ask = Ask::discover().with(52, &[1]);
        for code in 200..205 {
            ask = ask.with(code, &[1; 255]);
        }
        let more = len - ask.message().len() - 2;
        let ask = ask.with(205, &vec![1; more]);
        assert_eq!(ask.message().len(), len);
        Ask { file: encoded(&[(206, &[1; 120])]), ..ask }
    };
    assert!(ask_for(&long(1660)).is_ok());
    assert_eq!(ask_for(&long(1700)), Err(Verdict::TooLong));
    assert_eq!(ask_for(&long(1700)), ask_for(&long(1720)));
}
