use netboot_ebpf::{
    frame::{Destination, HEADERS, seal, write},
    message::{ANY_OPTION, CAP},
    shared::Mac,
    verdict::Verdict,
};

use crate::common::{Ask, INTERFACE_MAC, Site, internet_sum, kernel_verdict, verdict};

const UDP_LENGTH: usize = 38;
const IP_LENGTH: usize = 16;

fn add(frame: &mut [u8], at: usize, more: i16) {
    let sum = i16::from_be_bytes([frame[at], frame[at + 1]]) + more;
    frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn check(what: &str, expect: Verdict, change: impl Fn(&mut Vec<u8>)) {
    let mut frame = Ask::discover().frame();
    change(&mut frame);
    seal(&mut frame);
    assert_eq!(verdict(&Site::new(), &frame), expect, "{what}");
}

fn insert(frame: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    frame.splice(at..at, bytes.iter().copied());
}

#[test]
fn frames_that_are_answered() {
    let check = |what, change: fn(&mut Vec<u8>)| check(what, Verdict::Offer, change);
    check("as it is", |_| {});
    check("padding of the link", |frame| frame.extend([0xee; 30]));
    check("IP data after the UDP datagram", |frame| {
        frame.extend([0xee; 4]);
        add(frame, IP_LENGTH, 4);
    });
    check("do not fragment", |frame| frame[20] = 0x40);
    check("the reserved bit", |frame| frame[20] = 0x80);
    check("a TTL", |frame| frame[22] = 1);
    check("a service class", |frame| frame[15] = 0xb8);
    check("the UDP checksum is not looked at", |frame| frame[40..42].fill(0));
    check("an own source port", |frame| frame[34..36].copy_from_slice(&[0x0f, 0xab]));
    check("sent to our Ethernet address", |frame| frame[..6].copy_from_slice(&INTERFACE_MAC));
    check("sent to a group", |frame| frame[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 1]));
}

/// RFC 1122 section 3.2.1.2. Zero and its complement are the same sum, but the stack takes only what adds up to 0xffff.
#[test]
fn header_checksums() {
    let check = |sum: [u8; 2], expect: Verdict| {
        let mut frame = Ask::discover().frame();
        let right = internet_sum(&[&frame[14..24], &frame[26..34]]) ^ 0xffff;
        assert_eq!(frame[24..26], right.to_be_bytes(), "it was right");
        let [a, b] = right.to_be_bytes();
        frame[24..26].copy_from_slice(&[a ^ sum[0], b ^ sum[1]]);
        assert_eq!(verdict(&Site::new(), &frame), expect, "{sum:02x?}");
        assert_eq!(kernel_verdict(&Site::new(), &frame), expect, "{sum:02x?}");
    };
    check([0, 0], Verdict::Offer);
    for bit in 0..8 {
        check([1 << bit, 0], Verdict::BadChecksum);
        check([0, 1 << bit], Verdict::BadChecksum);
    }
    check([0xff, 0xff], Verdict::BadChecksum);
    // Any other change of the header.
    for at in [15, 18, 19, 22, 27, 29] {
        let mut frame = Ask::discover().frame();
        frame[at] ^= 0x10;
        assert_eq!(verdict(&Site::new(), &frame), Verdict::BadChecksum, "byte {at}");
    }
}

/// An interface in promiscuous mode sees them.
#[test]
fn frames_to_others() {
    check("another station", Verdict::OtherDestination, |frame| frame[..6].fill(2));
    check("nobody", Verdict::OtherDestination, |frame| frame[..6].fill(0));
    let near = |frame: &mut Vec<u8>| {
        frame[..6].copy_from_slice(&INTERFACE_MAC);
        frame[5] ^= 1;
    };
    check("almost us", Verdict::OtherDestination, near);
}

#[test]
fn frames_that_are_not_dhcp() {
    let check = |what, change: fn(&mut Vec<u8>)| check(what, Verdict::NotDhcp, change);
    check("IPv6", |frame| frame[12..14].copy_from_slice(&[0x86, 0xdd]));
    check("ARP", |frame| frame[12..14].copy_from_slice(&[0x08, 0x06]));
    check("802.3 length", |frame| frame[12..14].copy_from_slice(&[0x01, 0x50]));
    check("IP version 6 in an IPv4 frame", |frame| frame[14] = 0x65);
    check("IP version 0", |frame| frame[14] = 0x05);
    check("TCP", |frame| frame[23] = 6);
    check("ICMP", |frame| frame[23] = 1);
    check("to a client", |frame| frame[37] = 68);
    check("one above a boot server", |frame| frame[36..38].copy_from_slice(&[0x0f, 0xac]));
    check("port 67 in the wrong byte", |frame| frame[36..38].copy_from_slice(&[67, 0]));
    check("a later fragment", |frame| frame[21] = 1);
    check("a later fragment, high bits", |frame| frame[20] = 0x10);
    check("a fragment in the middle", |frame| frame[20..22].copy_from_slice(&[0x20, 0xb9]));
    check("shorter than the headers", |frame| frame.truncate(HEADERS - 1));
    check("empty", Vec::clear);
}

#[test]
fn frames_that_are_not_read() {
    check("to a boot server", Verdict::ProxyPort, |frame| {
        frame[36..38].copy_from_slice(&[0x0f, 0xab]);
    });
    check("a first fragment", Verdict::Fragment, |frame| frame[20] = 0x20);
    check("IP options", Verdict::IpOptions, |frame| {
        frame[14] = 0x46;
        add(frame, IP_LENGTH, 4);
        insert(frame, 34, &[1, 1, 1, 0]);
    });
    check("an IP header that is too short", Verdict::IpOptions, |frame| frame[14] = 0x44);
}

#[test]
fn lengths_that_contradict() {
    let check = |what, change: fn(&mut Vec<u8>)| check(what, Verdict::Truncated, change);
    check("UDP shorter than its header", |frame| {
        frame[UDP_LENGTH..UDP_LENGTH + 2].copy_from_slice(&[0, 7]);
    });
    check("UDP without data", |frame| {
        frame[UDP_LENGTH..UDP_LENGTH + 2].copy_from_slice(&[0, 8]);
    });
    check("UDP of length 0", |frame| frame[UDP_LENGTH..UDP_LENGTH + 2].fill(0));
    check("UDP longer than IP", |frame| add(frame, UDP_LENGTH, 1));
    check("UDP longer than IP, within the frame", |frame| {
        frame.extend([0; 8]);
        add(frame, UDP_LENGTH, 1);
    });
    check("UDP of length 65535", |frame| frame[UDP_LENGTH..UDP_LENGTH + 2].fill(0xff));
    check("IP longer than the frame", |frame| add(frame, IP_LENGTH, 1));
    check("IP of length 65535", |frame| frame[IP_LENGTH..IP_LENGTH + 2].fill(0xff));
    check("a cut frame", |frame| {
        frame.pop();
    });
    check("no options at all", |frame| {
        let cut = frame.len() - HEADERS - 240;
        frame.truncate(HEADERS + 240);
        add(frame, UDP_LENGTH, -(cut as i16));
        add(frame, IP_LENGTH, -(cut as i16));
    });
    check("cut after the headers", |frame| frame.truncate(HEADERS));
}

#[test]
fn messages_that_are_not_answered() {
    let check = |expect, ask: Ask| {
        assert_eq!(verdict(&Site::new(), &ask.frame()), expect, "{ask:?}");
    };
    let ask = Ask::discover;
    check(Verdict::NotRequest, Ask { begin: [2, 1, 6, 0], ..ask() });
    check(Verdict::NotRequest, Ask { begin: [0, 1, 6, 0], ..ask() });
    // EDK2's SendGUID, and IPoIB.
    check(Verdict::NotEthernet, Ask { begin: [1, 1, 16, 0], ..ask() });
    check(Verdict::NotEthernet, Ask { begin: [1, 32, 0, 0], ..ask() });
    check(Verdict::NotEthernet, Ask { begin: [1, 32, 6, 0], ..ask() });
    check(Verdict::NotEthernet, Ask { begin: [1, 1, 0, 0], ..ask() });
    check(Verdict::NotDhcpMessage, Ask { cookie: [0x63, 0x82, 0x53, 0x62], ..ask() });
    check(Verdict::NotDhcpMessage, Ask { options: vec![], ..ask() });
    check(Verdict::NotDhcpMessage, Ask { options: vec![61, 1, 0], ..ask() });
    // Liberal: no End, hops, no secs, xid 0.
    check(Verdict::Offer, Ask { end: vec![], ..ask() });
    check(Verdict::Offer, Ask { begin: [1, 1, 6, 9], xid: [0; 4], secs: [0xff; 2], ..ask() });
    let fill = CAP - ANY_OPTION - ask().message().len();
    check(Verdict::Offer, Ask { end: vec![255; fill + 1], ..ask() });
}

/// The kernel does not read what is longer; the daemon reads jumbo frames, too.
#[test]
fn long_messages() {
    let check = |kernel, daemon, ask: Ask| {
        let frame = ask.frame();
        let found = (kernel_verdict(&Site::new(), &frame), verdict(&Site::new(), &frame));
        assert_eq!(found, (kernel, daemon), "{} bytes", frame.len());
    };
    let fill = CAP - ANY_OPTION - Ask::discover().message().len();
    let long = |len: usize, ask: Ask| Ask { end: vec![255; len], ..ask };
    check(Verdict::Offer, Verdict::Offer, long(fill + 1, Ask::discover()));
    for len in [fill + 2, CAP, 8000] {
        check(Verdict::TooLong, Verdict::Offer, long(len, Ask::discover()));
        let reply = Ask { begin: [2, 1, 6, 0], ..Ask::discover() };
        check(Verdict::TooLong, Verdict::NotRequest, long(len, reply));
        let bootp = Ask { options: vec![], ..Ask::discover() };
        check(Verdict::TooLong, Verdict::NotDhcpMessage, long(len + 3, bootp));
        let cut = Ask { end: vec![61, 255], ..Ask::discover().with(224, &[0; 255]) };
        let mut cut = cut.with(224, &[0; 255]);
        cut.options.extend(vec![0; len]);
        check(Verdict::TooLong, Verdict::Truncated, cut);
    }
}

/// For each sum of a message: the checksum is right, and never the zero that says there is none.
#[test]
fn udp_checksum_is_never_zero() {
    let mut all_ones = 0;
    for word in 0..=u16::MAX {
        let mut headers = [0; HEADERS];
        let message = [word.to_be_bytes(), [0x12, 0x34]].concat();
        let sum = u32::from(u16::from_ne_bytes(word.to_be_bytes()))
            + u32::from(u16::from_ne_bytes([0x12, 0x34]));
        let to = Destination { mac: Mac::default(), ip: [10, 0, 0, 9], port: 68, from: 67 };
        write(&mut headers, Mac::default(), [10, 0, 0, 1], &to, message.len(), sum);
        let pseudo = [&headers[26..34], &[0, 17], &headers[38..40]].concat();
        assert_eq!(internet_sum(&[&pseudo, &headers[34..], &message]), 0xffff, "{word:04x}");
        assert_ne!(headers[40..42], [0, 0], "{word:04x}");
        all_ones += usize::from(headers[40..42] == [255, 255]);
    }
    assert!(all_ones > 0, "the case did not occur");
}
