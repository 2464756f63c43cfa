//! From a DECLINE to the end of the quarantine.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, MAC, RELAY, Site, Suite};

pub(crate) fn suites() -> Vec<Suite> {
    let discover = |what: &str, expect: Expect| {
        Case::new(format!("1.5 DECLINE known: {what}"), Ask::discover(), expect)
    };
    // Only the daemon remembers who was acknowledged.
    let ignored = |what: &str, ask: Ask| {
        let expect = Expect::silence(Verdict::DeclineWithoutAck);
        Case::new(format!("1.5 DECLINE ignored: {what}, silence"), ask, expect).of_the_daemon()
    };
    let decline = || Ask::decline(MAC);
    let cases = vec![
        ignored("without an ACK", decline()),
        discover("before, OFFER", Expect::offer()),
        ignored("of an OFFER", decline()),
        Case::new("1.5 DECLINE known: before, ACK", Ask::selecting(ADDRESS), Expect::ack()),
        ignored("over another way than the ACK", decline().relayed(RELAY)),
        Case::new(
            "1.5 DECLINE known: itself, silence",
            decline(),
            Expect::silence(Verdict::Decline),
        ),
        discover("held back, silence", Expect::silence(Verdict::Quarantined)).of_the_daemon(),
        ignored("a second of one ACK", decline()),
        discover("OFFER again after decline-time", Expect::offer()).eventually(),
    ];
    vec![Suite { site: Site::new().dhcp("decline-time = \"2s\""), cases }]
}
