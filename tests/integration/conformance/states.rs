//! What is answered in which state of the client (RFC 2131 section 4.3).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, FOREIGN, MAC, RELAY, SERVER, STRANGER,
    Site, Suite,
};

use super::WRONG;

fn silence(verdict: Verdict) -> Expect {
    Expect::silence(verdict)
}

fn discover() -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.5 DISCOVER known: {what}"), ask, expect)
    };
    let wrong = |what: &str, ask: Ask| {
        let name = format!("1.5 DISCOVER wrong link: {what}, silence");
        Case::new(name, ask, silence(Verdict::WrongSubnet))
    };
    vec![
        case("the reserved address", Ask::discover(), Expect::offer()),
        case("whatever it asks for", Ask::discover().with(50, &FOREIGN), Expect::offer()),
        case("no rapid commit", Ask::discover().with(80, &[]), Expect::offer().without(80)),
        case("over a relay on its link", Ask::discover().relayed(RELAY), Expect::offer()),
        case(
            "over a relay in its own subnet",
            Ask::discover().mac(FAR).relayed(FAR_RELAY),
            Expect::offer().yiaddr(FAR_ADDRESS),
        ),
        wrong("over another subnet's relay", Ask::discover().relayed(FAR_RELAY)),
        wrong("over a relay of nowhere", Ask::discover().relayed(FOREIGN)),
        wrong("a machine of a far subnet, here", Ask::discover().mac(FAR)),
        Case::new(
            "1.5 DISCOVER unknown: silence",
            Ask::discover().mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 DISCOVER unknown: firmware too, silence",
            Ask::discover().mac(STRANGER).pxe(7),
            silence(Verdict::UnknownMachine),
        ),
    ]
}

fn selecting() -> Vec<Case> {
    let other = |address: [u8; 4]| Ask::new(3).with(54, &FOREIGN).with(50, &address);
    vec![
        Case::new("1.5 SELECTING known: ACK", Ask::selecting(ADDRESS), Expect::ack()),
        Case::new(
            "1.5 SELECTING known: option 50 before 53, as dhcpcd sends",
            Ask { options: Vec::new(), ..Ask::new(3) }
                .with(50, &ADDRESS)
                .with(53, &[3])
                .with(54, &SERVER),
            Expect::ack(),
        ),
        Case::new(
            "1.5 SELECTING wrong: another address, NAK",
            Ask::selecting(WRONG),
            Expect::nak(),
        ),
        Case::new(
            "1.5 SELECTING wrong: another network's address, NAK",
            Ask::selecting(FOREIGN),
            Expect::nak(),
        ),
        Case::new(
            "1.5 SELECTING wrong: another link, NAK",
            Ask::selecting(ADDRESS).relayed(FAR_RELAY),
            Expect::nak(),
        ),
        Case::new(
            "1.5 SELECTING unknown: never refused, silence",
            Ask::selecting(ADDRESS).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 SELECTING invalid: ciaddr and 54, silence",
            Ask { ciaddr: ADDRESS, ..Ask::selecting(ADDRESS) },
            silence(Verdict::BadOption),
        ),
        Case::new(
            "1.5 SELECTING invalid: no option 50, silence",
            Ask::new(3).with(54, &SERVER),
            silence(Verdict::BadOption),
        ),
        Case::new(
            "1.5 SELECTING another server: our address, silence",
            other(ADDRESS),
            silence(Verdict::OtherServer),
        ),
        Case::new(
            "1.5 SELECTING another server: wrong address, silence",
            other(FOREIGN),
            silence(Verdict::OtherServer),
        ),
        Case::new(
            "1.5 SELECTING another server: relayed from another link, silence",
            other(FOREIGN).relayed(FAR_RELAY),
            silence(Verdict::OtherServer),
        ),
        Case::new(
            "1.5 SELECTING another server: unknown machine, silence",
            other(ADDRESS).mac(STRANGER),
            silence(Verdict::OtherServer),
        ),
    ]
}

fn init_reboot() -> Vec<Case> {
    vec![
        Case::new("1.5 INIT-REBOOT known: ACK", Ask::init_reboot(ADDRESS), Expect::ack()),
        Case::new(
            "1.5 INIT-REBOOT known: ACK over a relay",
            Ask::init_reboot(ADDRESS).relayed(RELAY),
            Expect::ack(),
        ),
        Case::new("1.5 INIT-REBOOT wrong: address, NAK", Ask::init_reboot(WRONG), Expect::nak()),
        Case::new("1.5 INIT-REBOOT wrong: network, NAK", Ask::init_reboot(FOREIGN), Expect::nak()),
        Case::new(
            "1.5 INIT-REBOOT wrong: link, NAK",
            Ask::init_reboot(ADDRESS).relayed(FAR_RELAY),
            Expect::nak(),
        ),
        Case::new(
            "1.5 INIT-REBOOT unknown: on our network, silence",
            Ask::init_reboot(ADDRESS).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 INIT-REBOOT unknown: on another network, silence",
            Ask::init_reboot(FOREIGN).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 REQUEST invalid: neither 54 nor 50 nor ciaddr, silence",
            Ask::new(3),
            silence(Verdict::BadOption),
        ),
    ]
}

fn renewing_and_rebinding() -> Vec<Case> {
    vec![
        Case::new("1.5 RENEWING known: ACK", Ask::renewing(ADDRESS), Expect::ack()),
        Case::new(
            "1.5 RENEWING known: option 50 is ignored",
            Ask::renewing(ADDRESS).with(50, &FOREIGN),
            Expect::ack(),
        ),
        Case::new("1.5 RENEWING wrong: address, NAK", Ask::renewing(WRONG), Expect::nak()),
        Case::new("1.5 RENEWING wrong: network, NAK", Ask::renewing(FOREIGN), Expect::nak()),
        Case::new(
            "1.5 RENEWING unknown: silence",
            Ask::renewing(WRONG).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new("1.5 REBINDING known: ACK", Ask::rebinding(ADDRESS), Expect::ack()),
        Case::new(
            "1.5 REBINDING known: ACK over a relay",
            Ask::rebinding(ADDRESS).relayed(RELAY),
            Expect::ack(),
        ),
        Case::new(
            "1.5 REBINDING wrong: another address of ours, NAK",
            Ask::rebinding(WRONG),
            Expect::nak(),
        ),
        Case::new(
            "1.5 REBINDING wrong: an address of another subnet of ours, NAK",
            Ask::rebinding([172, 29, 0, 77]),
            Expect::nak(),
        ),
        Case::new(
            "1.5 REBINDING wrong: another server's address, silence",
            Ask::rebinding(FOREIGN),
            silence(Verdict::WrongAddress).passed(Verdict::Nak),
        ),
        Case::new(
            "1.5 REBINDING wrong: another server's address, relayed, silence",
            Ask::rebinding(FOREIGN).relayed(RELAY),
            silence(Verdict::WrongAddress).passed(Verdict::Nak),
        ),
        Case::new(
            "1.5 REBINDING unknown: silence",
            Ask::rebinding(ADDRESS).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
    ]
}

fn others() -> Vec<Case> {
    let other_decline = Ask::new(4).with(54, &FOREIGN).with(50, &ADDRESS);
    let offered = |name: &str| Case::new(name, Ask::discover(), Expect::offer());
    let from_elsewhere = |what: &str, ask: Ask| {
        let expect = silence(Verdict::DeclineFromElsewhere).passed(Verdict::Decline);
        Case::new(format!("1.5 DECLINE ignored: {what}"), ask, expect)
    };
    vec![
        Case::new(
            "1.5 DECLINE unknown: silence",
            Ask::decline(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 DECLINE ignored: of another server's address, silence",
            other_decline,
            silence(Verdict::OtherServer),
        ),
        Case::new(
            "1.5 DECLINE ignored: of another address, silence",
            Ask::new(4).with(54, &SERVER).with(50, &WRONG),
            silence(Verdict::WrongAddress).passed(Verdict::Decline),
        ),
        from_elsewhere(
            "by unicast from another network, silence",
            Ask { source: FOREIGN, destination: SERVER, ..Ask::decline(MAC) },
        ),
        from_elsewhere(
            "by unicast on the link, silence",
            Ask { source: WRONG, destination: SERVER, ..Ask::decline(MAC) },
        ),
        from_elsewhere("with ciaddr, silence", Ask { ciaddr: ADDRESS, ..Ask::decline(MAC) }),
        from_elsewhere(
            "as if over a relay on our link, silence",
            Ask { source: FOREIGN, ..Ask::decline(MAC).relayed(RELAY) },
        ),
        offered("1.5 DECLINE ignored: the reservation stays"),
        Case::new("1.5 RELEASE known: silence", Ask::release(ADDRESS), silence(Verdict::Release)),
        offered("1.5 RELEASE known: the reservation stays"),
        Case::new(
            "1.5 RELEASE ignored: of another address, silence",
            Ask::release(WRONG),
            silence(Verdict::WrongAddress),
        ),
        Case::new(
            "1.5 RELEASE ignored: of an unknown machine, silence",
            Ask::release(ADDRESS).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 INFORM unknown: silence",
            Ask::inform(ADDRESS).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 other types: LEASEQUERY, silence",
            Ask::new(10),
            silence(Verdict::UnsupportedType),
        ),
        Case::new(
            "1.5 other types: an OFFER as a request, silence",
            Ask::new(2),
            silence(Verdict::UnsupportedType),
        ),
        Case::new(
            "1.5 other types: LEASEQUERY of an unknown machine, silence",
            Ask::new(10).mac(STRANGER),
            silence(Verdict::UnknownMachine),
        ),
        Case::new(
            "1.5 BOOTP: no option 53, silence",
            Ask { options: Vec::new(), ..Ask::discover() },
            silence(Verdict::NotDhcpMessage),
        ),
        Case::new("1.5 retransmission: an OFFER", Ask::discover(), Expect::offer()),
        Case::new("1.5 retransmission: the same OFFER", Ask::discover(), Expect::offer()),
        Case::new("1.5 retransmission: an ACK", Ask::selecting(ADDRESS), Expect::ack()),
        Case::new("1.5 retransmission: the same ACK", Ask::selecting(ADDRESS), Expect::ack()),
    ]
}

/// Who is not authoritative refuses nothing.
fn not_authoritative() -> Suite {
    let case = |what: &str, ask: Ask| {
        let name = format!("1.5 not authoritative: {what}, silence");
        Case::new(name, ask, silence(Verdict::WrongAddress))
    };
    let cases = vec![
        case("SELECTING", Ask::selecting(WRONG)),
        case("INIT-REBOOT", Ask::init_reboot(WRONG)),
        case("RENEWING", Ask::renewing(WRONG)),
        case("REBINDING", Ask::rebinding(WRONG)),
        Case::new("1.5 not authoritative: ACK as ever", Ask::selecting(ADDRESS), Expect::ack()),
    ];
    Suite { site: Site::new().dhcp("authoritative = false"), cases }
}

fn shared_networks() -> Suite {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.5 shared networks: {what}"), ask, expect)
    };
    let far = Ask::selecting(FAR_ADDRESS).mac(FAR);
    let cases = vec![
        case("OFFER", Ask::discover().mac(FAR), Expect::offer().yiaddr(FAR_ADDRESS)),
        case("ACK", far, Expect::ack().yiaddr(FAR_ADDRESS)),
        case("OFFER over any relay", Ask::discover().relayed(FAR_RELAY), Expect::offer()),
        case("wrong address, NAK", Ask::selecting(WRONG), Expect::nak()),
    ];
    let site = Site::new().dhcp("shared-networks = true");
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    let cases = [discover(), selecting(), init_reboot(), renewing_and_rebinding(), others()];
    vec![Suite { site: Site::new(), cases: cases.concat() }, not_authoritative(), shared_networks()]
}
