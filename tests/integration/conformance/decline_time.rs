//! From a DECLINE to the end of the quarantine.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{Ask, Case, Expect, MAC, Site, Suite};

pub(crate) fn suites() -> Vec<Suite> {
    let discover = |what: &str, expect: Expect| {
        Case::new(format!("1.5 DECLINE known: {what}"), Ask::discover(), expect)
    };
    let cases = vec![
        discover("before, OFFER", Expect::offer()),
        Case::new(
            "1.5 DECLINE known: itself, silence",
            Ask::decline(MAC),
            Expect::silence(Verdict::Decline),
        ),
        discover("held back, silence", Expect::silence(Verdict::Quarantined)).of_the_daemon(),
        discover("OFFER again after decline-time", Expect::offer()).eventually(),
    ];
    vec![Suite { site: Site::new().dhcp("decline-time = \"2s\""), cases }]
}
