//! Which frames are taken for a request at all.

use netboot_ebpf::{frame::seal, verdict::Verdict};
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, INTERFACE_MAC, RELAY, STRANGER, Site, Suite, frame,
};

const DISCOVER: [u8; 4] = [53, 1, 1, 255];

/// A DISCOVER's frame, with these bytes at an offset.
fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = Ask::discover().frame();
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    seal(&mut frame);
    frame
}

/// With an IP header of 24 bytes: no-operation options.
fn with_ip_options() -> Vec<u8> {
    let mut frame = patched(14, &[0x46]);
    let len = u16::from_be_bytes([frame[16], frame[17]]) + 4;
    frame[16..18].copy_from_slice(&len.to_be_bytes());
    frame.splice(34..34, [1; 4]);
    frame
}

/// The message's begin only.
fn cut(len: usize) -> Vec<u8> {
    frame(Ask::discover().station, [0; 4], [255; 4], [68, 67], &Ask::discover().message()[..len])
}

fn headers() -> Vec<Case> {
    let not_dhcp = || Expect::silence(Verdict::NotDhcp);
    vec![
        Case::new("1.1 A1: broadcast", Ask::discover(), Expect::offer()),
        Case::new(
            "1.1 A1: to our Ethernet address",
            Ask { to: INTERFACE_MAC, ..Ask::discover() },
            Expect::offer(),
        ),
        Case::new(
            "1.1 A1: to another Ethernet address, silence",
            Ask { to: [2, 0, 0, 0, 0, 9], ..Ask::discover() },
            Expect::silence(Verdict::OtherDestination),
        )
        .of_the_daemon(),
        Case::new(
            "1.1 A1: IP options, silence",
            with_ip_options(),
            Expect::silence(Verdict::IpOptions),
        ),
        Case::new(
            "1.1 A1: a first fragment, silence",
            patched(20, &[0x20, 0]),
            Expect::silence(Verdict::Fragment),
        ),
        Case::new("1.1 A1: a later fragment, silence", patched(20, &[0, 185]), not_dhcp()),
        Case::new("1.1 A1: TCP, silence", patched(23, &[6]), not_dhcp()),
        Case::new("1.1 A1: port 69, silence", patched(36, &[0, 69]), not_dhcp()),
        Case::new("1.1 A1: IPv6, silence", patched(12, &[0x86, 0xdd]), not_dhcp()),
        Case::new("1.1 A2: a message of 244 bytes", cut(244), Expect::offer()),
        Case::new(
            "1.1 A2: no option at all, silence",
            cut(240),
            Expect::silence(Verdict::Truncated),
        ),
        Case::new("1.1 A2: half a header, silence", cut(120), Expect::silence(Verdict::Truncated)),
        Case::new(
            "1.1 A2: a UDP length beyond the IP datagram, silence",
            patched(38, &[0x02, 0]),
            Expect::silence(Verdict::Truncated),
        ),
        Case::new(
            "1.1 A2: an IP length beyond the frame, silence",
            patched(16, &[0x04, 0]),
            Expect::silence(Verdict::Truncated),
        ),
        Case::new(
            "1.1 A2: Ethernet padding after the datagram",
            [Ask::discover().frame(), vec![0x35; 18]].concat(),
            Expect::offer(),
        ),
    ]
}

fn fields() -> Vec<Case> {
    let silence = Expect::silence;
    vec![
        Case::new(
            "1.1 A3: another server's answer, silence",
            Ask { begin: [2, 1, 6, 0], ..Ask::discover() },
            silence(Verdict::NotRequest),
        ),
        Case::new(
            "1.1 A4: a GUID in chaddr (hlen 16), silence",
            Ask { begin: [1, 1, 16, 0], chaddr: [0xab; 16], ..Ask::discover() },
            silence(Verdict::NotEthernet),
        ),
        Case::new(
            "1.1 A4: InfiniBand (htype 32), silence",
            Ask { begin: [1, 32, 0, 0], chaddr: [0; 16], ..Ask::discover() }.with(61, &[0xff; 16]),
            silence(Verdict::NotEthernet),
        ),
        Case::new(
            "1.1 A5: no magic cookie, silence",
            Ask { cookie: [0; 4], ..Ask::discover() },
            silence(Verdict::NotDhcpMessage),
        ),
        Case::new(
            "1.1 A6: chaddr of zeros, silence",
            Ask::discover().mac([0; 6]),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.1 A6: chaddr with the multicast bit, silence",
            Ask::discover().mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.1 A11: secs of iPXE",
            Ask { secs: [0x00, 0x12], ..Ask::discover() },
            Expect::offer(),
        ),
        Case::new(
            "1.1 A11: secs of GRUB",
            Ask { secs: [0xff, 0xff], ..Ask::discover() },
            Expect::offer(),
        ),
        Case::new("1.1 A12: xid 0", Ask { xid: [0; 4], ..Ask::selecting(ADDRESS) }, Expect::ack()),
        Case::new(
            "1.1 A13: from port 67, to port 68",
            Ask { source_port: 67, ..Ask::discover() }.broadcast_flag(),
            Expect::offer().broadcast(),
        ),
        Case::new(
            "1.1 A13: from port 1024, to port 68",
            Ask { source_port: 1024, ..Ask::discover() }.broadcast_flag(),
            Expect::offer().broadcast(),
        ),
    ]
    .into_iter()
    .chain(checksums())
    .chain(broadcasts())
    .collect()
}

/// RFC 1122 section 3.2.1.2.
fn checksums() -> impl Iterator<Item = Case> {
    let wrong = |what: &str, ask: Ask, change: fn(&mut [u8])| {
        let mut frame = ask.frame();
        change(&mut frame);
        Case::new(format!("1.1 A15: {what}, silence"), frame, Expect::silence(Verdict::BadChecksum))
    };
    [
        wrong("none", Ask::discover(), |frame| frame[24..26].fill(0)),
        wrong("one bit of the sum", Ask::discover(), |frame| frame[25] ^= 1),
        wrong("one bit of the length of life", Ask::selecting(ADDRESS), |frame| frame[22] ^= 1),
        wrong("another source", Ask::renewing(ADDRESS), |frame| frame[29] ^= 3),
        wrong("relayed", Ask::discover().relayed(RELAY), |frame| frame[24] ^= 0x80),
    ]
    .into_iter()
}

/// RFC 1122 section 3.3.6.
fn broadcasts() -> impl Iterator<Item = Case> {
    let to = |destination| Ask { destination, ..Ask::discover() };
    let relayed = Expect::offer().sent(Ask::RELAY_MAC, RELAY, 67);
    [
        Case::new("1.1 A16: our network's, as it came", to([172, 30, 0, 255]), Expect::offer()),
        Case::new("1.1 A16: by a relay", to([172, 30, 0, 255]).relayed(RELAY), relayed),
        Case::new("1.1 A16: another network of ours", to([172, 29, 0, 255]), Expect::offer()),
        Case::new(
            "1.1 A16: another's, silence",
            to([172, 28, 0, 255]),
            Expect::silence(Verdict::OtherDestination),
        ),
    ]
    .into_iter()
}

fn options() -> Vec<Case> {
    let none = || Ask { options: Vec::new(), ..Ask::discover() };
    let raw =
        |options: &[u8]| Ask { options: options.to_vec(), end: Vec::new(), ..Ask::discover() };
    // Kea's CVE-2019-6472: an option that ends after the message.
    let truncated = || Expect::silence(Verdict::Truncated);
    vec![
        Case::new(
            "1.1 A7: pads between options",
            raw(&[&[0, 0, 0][..], &[61, 3, 1, 2, 3], &[0, 0], &DISCOVER].concat()),
            Expect::offer().option(61, &[1, 2, 3]),
        ),
        Case::new(
            "1.1 A7: bytes after End",
            raw(&[&DISCOVER[..], &[61, 200, 1, 2]].concat()),
            Expect::offer().without(61),
        ),
        Case::new(
            "1.1 A7: an option's value is cut off, silence",
            raw(&[53, 1, 1, 12, 9, 1]),
            truncated(),
        ),
        Case::new(
            "1.1 A7: an option's length is cut off, silence",
            raw(&[53, 1, 1, 12]),
            truncated(),
        ),
        Case::new(
            "1.1 A7: a message type of two bytes, silence",
            none().with(53, &[1, 1]),
            Expect::silence(Verdict::BadOption),
        ),
        Case::new("1.1 A8: no End", raw(&[53, 1, 1]), Expect::offer()),
        Case::new(
            "1.1 A10: a parameter list with doubles and a stray byte",
            Ask::discover().wanting(&[1, 3, 42, 42, 0xeb, 0, 255]),
            Expect::offer().order(&[1, 3]),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: [headers(), fields(), options()].concat() }]
}
