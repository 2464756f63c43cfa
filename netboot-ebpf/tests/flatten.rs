//! Options in several places: split (RFC 3396), and continued in `file` and `sname` (RFC 2131 section
//! 4.1). The daemon reads them; the kernel passes them on.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Answered, Ask, RELAY, SERVER, Site, ask, kernel_verdict};

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
    Ask { options: vec![], ..Ask::new(3).relayed(RELAY) }
}

fn encoded(options: &[(u8, &[u8])]) -> Vec<u8> {
    options.iter().fold(base(), |ask, (code, value)| ask.with(*code, value)).options
}

/// The request in its plain form, and without one of its options.
fn without(code: u8) -> Ask {
    let kept = OPTIONS.into_iter().filter(|(other, _)| *other != code);
    kept.fold(base().with(53, &[3]), |ask, (code, value)| ask.with(code, value))
}

fn plain() -> Answered {
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

fn ask_for(request: &Ask) -> Result<Answered, Verdict> {
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
    for code in [50, 53, 54] {
        check(ask().with(code, &[3; 255]).with(code, &[3; 255]), Verdict::BadOption);
    }
    check(Ask { file: vec![53, 1, 3], ..ask().with(52, &[1]) }, Verdict::BadOption);
    // Cut, in or after a piece.
    check(Ask { end: vec![61, 9, 1], ..ask().with(61, &[1]) }, Verdict::Truncated);
    check(Ask { end: vec![61], ..ask().with(52, &[1]) }, Verdict::Truncated);
}

/// An option is echoed up to 255 bytes, in how many pieces ever; a longer one is not, and not in part. What a
/// relay says is needed whole.
#[test]
fn lengths_once_joined() {
    let value: Vec<u8> = (0..=255).cycle().take(600).collect();
    let echoed = |code: u8, pieces: &[usize]| {
        let mut ask = without(code);
        let mut rest = &value[..];
        for len in pieces {
            let (piece, after) = rest.split_at(*len);
            ask = ask.with(code, piece);
            rest = after;
        }
        ask_for(&ask).map(|reply| reply.option(code).map(<[u8]>::to_vec))
    };
    for code in [61, 82, 97] {
        for pieces in [&[1, 0][..], &[0, 0], &[100, 155], &[255, 0], &[85, 85, 85]] {
            let len = pieces.iter().sum();
            assert_eq!(echoed(code, pieces), Ok(Some(value[..len].to_vec())), "{code} {pieces:?}");
        }
        for pieces in [&[100, 156][..], &[255, 1], &[128, 128], &[196, 196], &[200, 200, 200]] {
            let expect = if code == 82 { Err(Verdict::BadOption) } else { Ok(None) };
            assert_eq!(echoed(code, pieces), expect, "{code} {pieces:?}");
        }
    }
}

/// What an answer does not depend on may be as long and as often as it likes.
#[test]
fn what_is_not_needed_is_skipped() {
    let with = |more: &[u8]| {
        let ask = without(0);
        [[more, &ask.options].concat(), [&ask.options[..], more].concat()]
    };
    let check = |what: &str, more: &[u8], kernel: Verdict| {
        for options in with(more) {
            check(what, &Ask { options, ..base() }, kernel);
        }
    };
    let pieces = |code: u8, lens: &[usize]| {
        let pieces = lens.iter().map(|len| encoded(&[(code, &vec![7; *len])]));
        pieces.collect::<Vec<_>>().concat()
    };
    let codes = |codes: std::ops::Range<u8>| -> Vec<u8> {
        let unused = codes.filter(|code| *code != 52 && OPTIONS.iter().all(|(own, _)| own != code));
        unused.filter(|code| *code != 53).flat_map(|code| [code, 1, 9]).collect()
    };
    check("iPXE's options twice", &pieces(175, &[196, 196]), Verdict::SplitOption);
    check("in five pieces", &pieces(43, &[255, 0, 255, 1, 40]), Verdict::SplitOption);
    check("all that there are", &codes(1..255), Verdict::TooManyOptions);
    check("just too many", &codes(100..163), Verdict::TooManyOptions);
    check("one option 200 times", &pieces(224, &[1; 200]), Verdict::TooManyOptions);
    check("pads", &[0; 900], Verdict::TooManyOptions);
    check("beyond the kernel's memory", &[0; 3000], Verdict::TooLong);
    let many = [codes(150..255), vec![0; 5000], pieces(175, &[255; 9])].concat();
    check("of each", &many, Verdict::TooLong);
    // The same behind options in `file` and `sname`.
    let mut ask = without(97).with(52, &[3]);
    ask.options.extend([codes(150..255), vec![0; 200]].concat());
    let file = [pieces(175, &[100]), vec![97, 5], UUID[..5].to_vec()].concat();
    let sname = [pieces(43, &[40]), vec![97, 12], UUID[5..].to_vec()].concat();
    self::check("overload", &Ask { file, sname, ..ask }, Verdict::TooManyOptions);
}

/// What is searched is searched as far as 255 bytes go.
#[test]
fn what_is_searched_is_read_from_its_begin() {
    let check = |code: u8, value: &[u8], begin: &[u8]| {
        let long = [begin, value, &vec![1; 255 - begin.len() - value.len()]].concat();
        let ask = without(code).with(code, &long).with(code, &[2; 90]);
        let reply = ask_for(&ask).unwrap();
        assert_eq!(reply.options, plain().options, "{code}");
        assert_eq!(reply.boot_file(), plain().boot_file(), "{code}");
    };
    check(55, &[1, 3, 6, 121], &[1; 200]);
    check(60, VENDOR, &[]);
    check(77, b"\x05other\x0aTinkerbell", &[]);
    check(93, &[0, 33, 0, 0], &[]);
}

/// What is needed has room, wherever it stands in a jumbo frame; else the message is not read.
#[test]
fn too_long_once_joined() {
    let check = |more: usize, expect: Result<(), Verdict>| {
        let mut ask = Ask::discover();
        for code in [55, 60, 61, 77, 93, 97, 82].into_iter().take(more) {
            ask = ask.with(code, &[1; 255]);
        }
        let ask = ask.with(224, &[0; 255]).with(224, &[0; 255]);
        assert_eq!(ask_for(&ask).map(|_| ()), expect, "{more}");
    };
    check(0, Ok(()));
    check(6, Ok(()));
    check(7, Err(Verdict::TooLong));
}
