//! A machine that found its address in use (RFC 2131 section 4.3.3).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, MAC, Site, Suite,
};

/// After the DECLINE.
fn held_back() -> Suite {
    let held = |what: &str, ask: Ask| {
        let name = format!("1.5 DECLINE known: then {what}, silence");
        Case::new(name, ask, Expect::silence(Verdict::Quarantined))
    };
    let cases = vec![
        held("DISCOVER", Ask::discover()),
        held("SELECTING", Ask::selecting(ADDRESS)),
        held("INIT-REBOOT", Ask::init_reboot(ADDRESS)),
        held("firmware", Ask::discover().pxe(7)),
        Case::new(
            "1.5 DECLINE known: other machines are answered",
            Ask::discover().mac(FAR).relayed(FAR_RELAY),
            Expect::offer().yiaddr(FAR_ADDRESS),
        ),
    ];
    Suite { site: Site::new().declined(), cases }
}

/// From the DECLINE to the end of the quarantine.
fn ends() -> Suite {
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
    Suite { site: Site::new().dhcp("decline-time = \"2s\""), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![held_back(), ends()]
}
