//! Tests of messages in all forms.

use super::*;

const RECEIVED: SystemTime = SystemTime::UNIX_EPOCH;

/// `form facility.severity host app[pid] id time data | text`; what is missing is `-`.
fn show(message: &SyslogMessage) -> String {
    let or_dash = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{:?} {}.{} {} {}[{}] {} {} {} | {}",
        message.form,
        message.facility.as_str(),
        message.severity.as_str(),
        or_dash(&message.hostname),
        or_dash(&message.app),
        or_dash(&message.pid),
        or_dash(&message.message_id),
        or_dash(&message.timestamp),
        or_dash(&message.structured_data),
        message.text
    )
}

fn check(input: impl AsRef<[u8]>, expect: &str) {
    let input = input.as_ref();
    assert_eq!(show(&parse(input, RECEIVED)), expect, "{}", input.escape_ascii());
}

#[test]
fn ipxe() {
    check(
        "<6>node1.lab.test ipxe: net0: 52:54:00:12:34:56 using undionly",
        "Ipxe kern.info node1.lab.test ipxe[-] - - - | net0: 52:54:00:12:34:56 using undionly",
    );
    check("<6>ipxe: text", "Ipxe kern.info - ipxe[-] - - - | text");
    check("<6>node1 ipxe: ", "Ipxe kern.info node1 ipxe[-] - - - | ");
    check(
        "<30>ipxe: http://192.168.2.112:7080/auto.ipxe... ok",
        "Ipxe daemon.info - ipxe[-] - - - | http://192.168.2.112:7080/auto.ipxe... ok",
    );
}

#[test]
fn rfc3164() {
    check(
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "Rfc3164 auth.crit mymachine su[-] - Oct 11 22:14:15 - | 'su root' failed for lonvick on /dev/pts/8",
    );
    check(
        "<13>Jan  1 00:00:00 (none) syslog.info/x-y_z[42]: hi\n",
        "Rfc3164 user.notice (none) syslog.info/x-y_z[42] - Jan  1 00:00:00 - | hi",
    );
    check("<13>Jan 01 00:00:00 tag: hi", "Rfc3164 user.notice - tag[-] - Jan 01 00:00:00 - | hi");
    check(
        "<13>2026-11-22T10:21:29.5+01:00 host tag[1]: hi",
        "Rfc3164 user.notice host tag[1] - 2026-11-22T10:21:29.5+01:00 - | hi",
    );
    check(
        "<13>Oct 11 22:14:15 no tag in here",
        "Rfc3164 user.notice - -[-] - Oct 11 22:14:15 - | no tag in here",
    );
    check(
        "<6>kernel: [    0.000000] Linux version 5.10",
        "Rfc3164 kern.info - kernel[-] - - - | [    0.000000] Linux version 5.10",
    );
    check("<13>app[42]: hello", "Rfc3164 user.notice - app[42] - - - | hello");
    check("<13>app[]: hello", "Rfc3164 user.notice - app[-] - - - | hello");
    check("<13>app:", "Rfc3164 user.notice - app[-] - - - | ");
    check(
        "<30>test-host test-app: test message",
        "Rfc3164 daemon.info test-host test-app[-] - - - | test message",
    );
}

#[test]
fn rfc5424() {
    check(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 - An application event log entry",
        "Rfc5424 local4.notice mymachine.example.com evntslog[-] ID47 2003-10-11T22:14:15.003Z - | An application event log entry",
    );
    check(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 1234 ID47 [exampleSDID@32473 iut=\"3\"] An event",
        "Rfc5424 local4.notice mymachine.example.com evntslog[1234] ID47 2003-10-11T22:14:15.003Z [exampleSDID@32473 iut=\"3\"] | An event",
    );
    check(
        "<34>1 - - su - ID47 - \u{feff}'su root' failed",
        "Rfc5424 auth.crit - su[-] ID47 - - | 'su root' failed",
    );
    check("<13>1 - - tst - MID - text", "Rfc5424 user.notice - tst[-] MID - - | text");
    check("<14>1 - host app - - - {\"a\":1}", "Rfc5424 user.info host app[-] - - - | {\"a\":1}");
    check(
        r#"<14>1 - h a p m [x a="1\"]\\"][y b="]" c="2"] t"#,
        r#"Rfc5424 user.info h a[p] m - [x a="1\"]\\"][y b="]" c="2"] | t"#,
    );
    check("<14>1 - h a p m [x]", "Rfc5424 user.info h a[p] m - - | [x]");
    check("<14>1 - - - - - [x a=\"1\"] \n", "Rfc5424 user.info - -[-] - - - | [x a=\"1\"]");
    check("<14>1 - - - - - [x] \u{feff}", "Rfc5424 user.info - -[-] - - - | [x]");
    check("<14>1 - h a p m [x]  ", "Rfc5424 user.info h a[p] m - - | [x]");
    check("<14>1 - h a p m -", "Rfc5424 user.info h a[p] m - - | ");
    check(
        "<14>1 2026-01-01T00:00:00.123456789-08:00 h a p m - go",
        "Rfc5424 user.info h a[p] m 2026-01-01T00:00:00.123456789-08:00 - | go",
    );
}

#[test]
fn not_quite_rfc5424_keeps_the_whole_text() {
    for rest in [
        "1 2026-01-01T00:00:00+00:00 h a p m",
        "1 - h a p m [x a=\"1\" t",
        "1 - h a p m [x a=\"1\\",
        "1 - h a p m [x]t",
        "1 - h a p m -t",
        "1 -  a p m - t",
        "2 - h a p m - t",
        "1 2026-01-01T00:00:60Z h a p m - t",
        "1 2026-13-01T00:00:00Z h a p m - t",
        "1 2026-01-00T00:00:00Z h a p m - t",
        "1 2026-01-01T24:00:00Z h a p m - t",
        "1 2026-01-01T00:00:00z h a p m - t",
        "1 2026-01-01t00:00:00Z h a p m - t",
        "1 2026-01-01T00:00:00 h a p m - t",
        "1 2026-01-01T00:00:00.Z h a p m - t",
        "1 now h a p m - t",
    ] {
        check(format!("<14>{rest}"), &format!("Plain user.info - -[-] - - - | {rest}"));
    }
}

#[test]
fn without_a_valid_priority_all_is_text() {
    for text in ["", "no priority here", "<30", "<1", "<>x: y", "<999>overflow: x", "<192>x: y"] {
        check(text, &format!("Plain user.notice - -[-] - - - | {text}"));
    }
    check("<013>app: hello", "Plain user.notice - -[-] - - - | <013>app: hello");
    check("<6>", "Plain kern.info - -[-] - - - | ");
    check("<191>{\"level\":\"info\"}", "Plain local7.debug - -[-] - - - | {\"level\":\"info\"}");
    check("<6>see http://x/: fine", "Plain kern.info - -[-] - - - | see http://x/: fine");
}

#[test]
fn hostile() {
    check(
        b"<6>h ipxe: one\n2026-01-01T00:00:00Z err root: forged\x1b[2J\r\n\0",
        "Ipxe kern.info h ipxe[-] - - - | one\\n2026-01-01T00:00:00Z err root: forged\\x1b[2J",
    );
    check(b"<6>h\x1b[1m ipxe: \xff\0x", "Ipxe kern.info h\\x1b[1m ipxe[-] - - - | \\xff\\x00x");
    check(b"<14>1 - h\n a\t p\r m - x", "Rfc5424 user.info h\\n a\\t[p\\r] m - - | x");
    check(b"\xff\xfe<6>x: y", "Plain user.notice - -[-] - - - | \\xff\\xfe<6>x: y");

    let tag = "t".repeat(129);
    check(format!("<6>{tag}: x"), &format!("Plain kern.info - -[-] - - - | {tag}: x"));
    let host = "h".repeat(300);
    check(
        format!("<14>1 - {host} a p m - x"),
        &format!("Rfc5424 user.info {}... a[p] m - - | x", "h".repeat(252)),
    );
}

#[test]
fn length_is_capped() {
    let longest = [b"<6>a: ".as_slice(), &vec![b'x'; MAX_MESSAGE - 6]].concat();
    assert_eq!(parse(&longest, RECEIVED).text, "x".repeat(MAX_MESSAGE - 6));
    let longer = [longest.as_slice(), b"x"].concat();
    assert_eq!(parse(&longer, RECEIVED).text, format!("{}...", "x".repeat(MAX_MESSAGE - 9)));
    for byte in [0, b'x', 0xff] {
        assert!(parse(&vec![byte; 100_000], RECEIVED).text.len() <= MAX_MESSAGE);
    }
}

const SEEDS: [&[u8]; 6] = [
    b"<6>node1.lab.test ipxe: net0: 52:54:00:12:34:56 using undionly",
    b"<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed for lonvick on /dev/pts/8",
    b"<165>1 2003-10-11T22:14:15.003Z m.example.com evntslog 1234 ID47 [e@32473 iut=\"3\"][z] \xef\xbb\xbfAn event",
    b"<14>1 - h a p m [x a=\"1\\\"]\\\\\"][y b=\"]\"] t\xc3\xa4\xf0\x9f\x98\x80",
    b"<13>2026-11-22T10:21:29.5+01:00 host tag[1]: hi\r\n",
    b"\x1b[31m\xe2\x80\xae no priority \0",
];

fn is_safe(message: &SyslogMessage) -> bool {
    let fields = [&message.hostname, &message.app, &message.pid, &message.message_id];
    let more = [&message.timestamp, &message.structured_data];
    let all = fields.into_iter().chain(more).flatten().chain([&message.text]);
    all.into_iter().all(|text| !text.contains(char::is_control) && text.len() <= MAX_MESSAGE)
}

#[test]
fn every_truncation_parses() {
    for seed in SEEDS {
        for end in 0..=seed.len() {
            assert!(is_safe(&parse(&seed[..end], RECEIVED)));
            assert!(is_safe(&parse(&seed[end..], RECEIVED)));
        }
    }
}

#[test]
fn a_hundred_thousand_mutations_parse() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap() % below
    };
    const DELIMITERS: &[u8] = b"<>[]\"\\ :-.=1\n\0\x1b\xff";
    for _ in 0..100_000 {
        let mut input = SEEDS[random(SEEDS.len())].to_vec();
        for _ in 0..=random(8) {
            let at = random(input.len());
            match random(4) {
                0 => input[at] = DELIMITERS[random(DELIMITERS.len())],
                1 => input[at] = u8::try_from(random(256)).unwrap(),
                2 => input.insert(at, DELIMITERS[random(DELIMITERS.len())]),
                _ if input.len() > 1 => _ = input.remove(at),
                _ => {}
            }
        }
        let message = parse(&input, RECEIVED);
        assert!(is_safe(&message), "{}", input.escape_ascii());
    }
}
