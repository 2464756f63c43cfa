//! A machine that found its address in use (RFC 2131 section 4.3.3): after its DECLINE.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, Site, Suite,
};

pub(crate) fn suites() -> Vec<Suite> {
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
    vec![Suite { site: Site::new().declined(), cases }]
}
