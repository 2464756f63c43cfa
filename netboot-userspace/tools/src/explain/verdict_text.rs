//! The text of each verdict: what happened, and what an operator does about it.

use netboot_ebpf::verdict::Verdict;

/// A verdict as a sentence's end, and what to do; empty where there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictText {
    pub what: &'static str,
    pub advice: &'static str,
}

const NO_BOOT_FILE: &str =
    "name a file for its architecture in [boot.files], and turn on the service that it loads from";

const START: &str = "start the daemon; its log says why it ended";

impl VerdictText {
    /// A new verdict does not compile until somebody finds its words.
    #[must_use]
    pub const fn of(verdict: Verdict) -> Self {
        let (what, advice) = match verdict {
            Verdict::NotDhcp => {
                ("it is no DHCP message to a server (UDP over IPv4 to port 67)", "")
            }
            Verdict::Offer => ("the machine is offered its address", ""),
            Verdict::Ack => ("the machine is given its address", ""),
            Verdict::OfferNoBootFile => (
                "the machine is offered its address, but nothing to boot: there is no file for its architecture, \
                 or no service to load it from",
                NO_BOOT_FILE,
            ),
            Verdict::AckNoBootFile => (
                "the machine is given its address, but nothing to boot: there is no file for its architecture, \
                 or no service to load it from",
                NO_BOOT_FILE,
            ),
            Verdict::Nak => (
                "the address that it asks for is not its own here: it is refused with a NAK, and asks anew",
                "",
            ),
            Verdict::UnknownMachine => {
                ("the machine has no reservation", "add it with `netboot host add`")
            }
            Verdict::OtherServer => (
                "the machine took another DHCP server's offer",
                "stop that server, which `netboot status` lists, or let it give the addresses (dhcp.mode)",
            ),
            Verdict::OtherDestination => (
                "it was sent to an address that is not this node's",
                "point the relay or the machine at this node's address",
            ),
            Verdict::WrongSubnet => (
                "the machine's address is of another subnet than the one it asks from",
                "give the interface an address in the host's [[subnet]], correct the host's `ip`, list the relay \
                 in `relay` of the [[subnet]], or set dhcp.shared-networks",
            ),
            Verdict::WrongAddress => (
                "its address is not its own and may not be refused (dhcp.authoritative is off, the network is \
                 another server's, or it is a DECLINE or RELEASE), or none that can be answered (INFORM, port \
                 4011)",
                "nothing where it is a REQUEST: it asks anew when its lease ends",
            ),
            Verdict::Truncated => {
                ("the message is shorter than its headers say", "look for a broken relay or switch")
            }
            Verdict::NotRequest => ("it is another server's or a relay's answer, no request", ""),
            Verdict::NotEthernet => {
                ("its hardware type is not Ethernet's", "boot the machine over Ethernet")
            }
            Verdict::NotDhcpMessage => {
                ("it is plain BOOTP, which is not spoken", "switch the machine's firmware to DHCP")
            }
            Verdict::BadOption => (
                "an option has a wrong length, or a REQUEST names no address",
                "update the machine's firmware",
            ),
            Verdict::Fragment => {
                ("it is a fragment of an IP packet", "raise the MTU on the way from the machine")
            }
            Verdict::IpOptions => {
                ("its IP header has options", "look for what adds them on the way from the machine")
            }
            Verdict::TooLong => ("it is longer than any DHCP message should be", ""),
            Verdict::TooManyOptions => ("it has more options than are read", ""),
            Verdict::Overload => ("its options go on in other fields (option 52)", ""),
            Verdict::SplitOption => ("one of its options comes in parts (RFC 3396)", ""),
            Verdict::Inform => ("it has an address already and wants options only (INFORM)", ""),
            Verdict::Decline => (
                "the machine found its address in use (DECLINE), to which there is no answer",
                "find the other machine that uses this address",
            ),
            Verdict::Release => (
                "the machine gives up its address (RELEASE), to which there is no answer; it stays reserved",
                "",
            ),
            Verdict::UnsupportedType => ("messages of its type are not served", ""),
            Verdict::EchoTooLong => (
                "its option 61, 82 or 97 is longer than the kernel copies, or its list of options (55) longer \
                 than the kernel searches",
                "",
            ),
            Verdict::ReplyTooLong => (
                "the answer is longer than the machine or the link accepts",
                "configure fewer options, or a shorter URL",
            ),
            Verdict::NoRoom => ("the driver has no room to make the frame longer", ""),
            Verdict::NoTables => (
                "the tables are incomplete, or the program is not meant for this interface",
                "restart the daemon",
            ),
            Verdict::Changed => ("the reservation changed while it was read", ""),
            Verdict::Tagged => (
                "the frame has more than two VLAN tags, and no more are read",
                "let the switch port take tags off",
            ),
            Verdict::BadRelay => (
                "the relay's address (giaddr) is none that can be answered",
                "correct the relay's configuration",
            ),
            Verdict::Quarantined => (
                "the machine declined its address, which is held back for a while (dhcp.decline-time)",
                "find the other machine that uses this address",
            ),
            Verdict::ProxyMode => ("another server gives the addresses (dhcp.mode)", ""),
            Verdict::Quirk => (
                "the machine's answers are late or long on purpose, have options of many bytes or only those that it asks \
                 for, or it says its subnet (option 118)",
                "",
            ),
            Verdict::OfferShortened => (
                "the machine is offered its address, with fewer options than are configured: more did not fit",
                "configure fewer options",
            ),
            Verdict::AckShortened => (
                "the machine is given its address, with fewer options than are configured: more did not fit",
                "configure fewer options",
            ),
            Verdict::NoRelayInfo => (
                "it is answered without the relay's option 82, which did not fit",
                "configure fewer options",
            ),
            Verdict::InformAck => ("the machine is given the options that it asks for", ""),
            Verdict::NotNetboot => {
                ("it does not boot from the network, and another server gives the addresses", "")
            }
            Verdict::ProxyPort => (
                "it was sent to the ProxyDHCP port 4011, where nobody answers",
                "leave dhcp.echo-pxeclient off; look for another ProxyDHCP server",
            ),
            Verdict::OfferWithoutDaemon => (
                "the machine is offered its address, but nothing to boot: the daemon is gone, and its services \
                 may be (xdp.boot-files-without-daemon)",
                START,
            ),
            Verdict::AckWithoutDaemon => (
                "the machine is given its address, but nothing to boot: the daemon is gone, and its services \
                 may be (xdp.boot-files-without-daemon)",
                START,
            ),
            Verdict::Stale => (
                "the daemon has been gone for so long that the kernel answers no more \
                 (xdp.answers-without-daemon)",
                START,
            ),
            Verdict::RateLimited => (
                "the machine asks too often: what is over its rate is dropped (dhcp.machine-rate)",
                "look for a boot loop, or for another machine with its MAC",
            ),
            Verdict::OverCeiling => (
                "there are too many messages of machines without reservation or of nobody, or too many at all: \
                 what is over the rate is dropped (dhcp.unknown-rate, dhcp.total-rate)",
                "look for a loop between switches, or for who floods the network",
            ),
            Verdict::DeclineFromElsewhere => (
                "it says that the address is in use (DECLINE), but did not come as machines send that: broadcast \
                 from 0.0.0.0 without ciaddr, or through a relay of the subnet; it is not believed",
                "find out who forges it",
            ),
            Verdict::DeclineWithoutAck => (
                "it says that the address is in use (DECLINE), but the machine was not given it in the last 30 \
                 seconds, or over another relay; it is not believed",
                "nothing where it comes once, after a restart of the daemon: the machine starts over; else find out \
                 who forges it",
            ),
            Verdict::BadChecksum => (
                "its IPv4 header's checksum is wrong",
                "look for a broken cable, card or switch on the way, or for who makes such frames",
            ),
        };
        Self { what, advice }
    }

    /// Whether a machine that sends this waits for an answer.
    #[must_use]
    pub const fn wants_answer(verdict: Verdict) -> bool {
        !matches!(
            verdict,
            Verdict::Decline
                | Verdict::DeclineFromElsewhere
                | Verdict::DeclineWithoutAck
                | Verdict::Release
                | Verdict::NotRequest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_words_of_its_own() {
        for verdict in Verdict::ALL {
            let words = VerdictText::of(verdict);
            assert!(words.what.len() > 20 && !words.what.ends_with('.'), "{verdict:?}");
            assert!(!words.what.contains("  ") && !words.advice.contains("  "), "{verdict:?}");
            let same =
                Verdict::ALL.into_iter().filter(|other| VerdictText::of(*other).what == words.what);
            assert_eq!(same.count(), 1, "{verdict:?}");
        }
    }

    #[test]
    fn every_cause_is_named() {
        for (verdict, causes) in [
            (Verdict::EchoTooLong, &["61, 82 or 97", "(55)"][..]),
            (Verdict::Tagged, &["more than two"]),
            (Verdict::WrongAddress, &["authoritative", "DECLINE", "INFORM", "4011"]),
            (Verdict::OfferNoBootFile, &["architecture", "service"]),
            (Verdict::AckNoBootFile, &["architecture", "service"]),
        ] {
            let words = VerdictText::of(verdict);
            for cause in causes {
                assert!(words.what.contains(cause), "{verdict:?}: no {cause:?}");
            }
        }
    }
}
