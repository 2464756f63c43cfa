//! Relays: their address, and what they add (RFC 3046, RFC 3527, RFC 5107).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, OTHER_SERVER, RELAY, SERVER, Site,
    Suite,
};

use super::{WRONG, each};

const LONG: [u8; 255] = [0xc2; 255];

fn bad_relays() -> Vec<Case> {
    let row = |what: &str, giaddr: [u8; 4]| {
        let ask = Ask { source: RELAY, ..Ask::discover().relayed(giaddr) };
        let name = format!("1.2 bad relay: {what}, silence");
        Case::new(name, ask, Expect::silence(Verdict::BadRelay))
    };
    vec![
        row("loopback", [127, 0, 0, 1]),
        row("multicast", [224, 0, 0, 1]),
        row("broadcast", [255; 4]),
        row("network 0", [0, 1, 2, 3]),
        row("our own address", SERVER),
        row("another address of ours", OTHER_SERVER),
    ]
}

fn long() -> Vec<Case> {
    let takes_more = |ask: Ask| ask.with(57, &[0x05, 0xc0]);
    let fills = |ask: Ask| ask.with(61, &[1; 200]).with(82, &LONG).relayed(RELAY);
    let dropped = |expect: Expect| {
        let passed = expect.passed.unwrap_or(Verdict::EchoTooLong);
        let sent = expect.passed(passed).counted(Verdict::NoRelayInfo);
        sent.without(82).option(61, &[1; 200]).at_most(576)
    };
    let verbatim = |expect: Expect| {
        let passed = expect.passed.unwrap_or(Verdict::EchoTooLong);
        expect.passed(passed).option(82, &LONG).last(82)
    };
    [
        each(
            "1.4 82",
            "255 bytes, by the daemon",
            |ask| takes_more(ask).with(82, &LONG).relayed(RELAY),
            verbatim,
        ),
        each("1.7 82 does not fit", "the answer without it, counted", fills, dropped),
    ]
    .concat()
}

fn link_selection() -> Vec<Case> {
    let here = [&[5, 4][..], &[172, 30, 0, 0]].concat();
    let there = [&[5, 4][..], &[172, 28, 0, 0]].concat();
    vec![
        Case::new(
            "1.6 link selection: our link, by a far relay",
            Ask::discover().with(82, &here).relayed(FAR_RELAY),
            Expect::offer().sent(Ask::RELAY_MAC, FAR_RELAY, 67).option(82, &here),
        ),
        Case::new(
            "1.6 link selection: a far link, by a relay here",
            Ask::discover().mac(FAR).with(82, &there).relayed(RELAY),
            Expect::offer().yiaddr(FAR_ADDRESS).sent(Ask::RELAY_MAC, RELAY, 67),
        ),
        Case::new(
            "1.6 link selection: not the machine's link, silence",
            Ask::discover().with(82, &there).relayed(RELAY),
            Expect::silence(Verdict::WrongSubnet),
        ),
        Case::new(
            "1.6 link selection: ACK too",
            Ask::selecting(ADDRESS).with(82, &here).relayed(FAR_RELAY),
            Expect::ack(),
        ),
    ]
}

fn server_override() -> Vec<Case> {
    let told = [&[11, 4][..], &RELAY].concat();
    let naming = |server: [u8; 4], address: [u8; 4]| {
        Ask::new(3).with(54, &server).with(50, &address).relayed(RELAY)
    };
    let of = |expect: Expect| expect.option(54, &RELAY).source(SERVER, 67).last(82);
    vec![
        Case::new(
            "1.6 override: option 54 of an OFFER",
            Ask::discover().with(82, &told).relayed(RELAY),
            of(Expect::offer()),
        ),
        Case::new(
            "1.6 override: a REQUEST that names it",
            naming(RELAY, ADDRESS).with(82, &told),
            of(Expect::ack()),
        ),
        Case::new(
            "1.6 override: a REQUEST that names us",
            naming(SERVER, ADDRESS).with(82, &told),
            of(Expect::ack()),
        ),
        Case::new(
            "1.6 override: option 54 of a NAK",
            naming(RELAY, WRONG).with(82, &told),
            of(Expect::nak()),
        ),
        Case::new(
            "1.6 override: not ours where no relay says so, silence",
            naming(RELAY, ADDRESS),
            Expect::silence(Verdict::OtherServer),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    let cases = [bad_relays(), long(), link_selection(), server_override()].concat();
    vec![Suite { site: Site::new(), cases }]
}
