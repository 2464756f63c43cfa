//! Firmware that says little of itself: U-Boot, the Raspberry Pi.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, SERVER, Site, Suite};

use super::super::clients::captured;

const PI: [u8; 6] = [0xb8, 0x27, 0xeb, 0, 0, 1];
const PI_ADDRESS: [u8; 4] = [172, 30, 0, 80];

const UBOOT_DISCOVER: &str = "uboot 1 U-Boot.armv8 b''";
const UBOOT_REQUEST: &str = "uboot 3 U-Boot.armv8 b''";

fn uboot() -> Vec<Suite> {
    let site = || Site::new().machine([0x52; 6]);
    let boots = |expect: Expect| expect.file("snp-arm64.efi").siaddr(SERVER);
    let configured = vec![
        Case::new("2 U-Boot: OFFER", captured(UBOOT_DISCOVER), boots(Expect::offer())),
        Case::new("2 U-Boot: ACK", captured(UBOOT_REQUEST), boots(Expect::ack())),
    ];
    let unconfigured = vec![Case::new(
        "1.8 U-Boot: its architecture is not configured, a lease only",
        captured(UBOOT_DISCOVER),
        Expect::offer().no_boot().counted(Verdict::OfferNoBootFile),
    )];
    vec![
        Suite { site: site().files("22 = \"snp-arm64.efi\""), cases: configured },
        Suite { site: site(), cases: unconfigured },
    ]
}

fn pi() -> Suite {
    let cases = vec![
        Case::new(
            "1.8 Raspberry Pi: the menu that it looks for (OFFER)",
            Ask::discover().mac(PI).pxe(0),
            Expect::offer().yiaddr(PI_ADDRESS).contains(43, b"Raspberry Pi Boot"),
        ),
        Case::new(
            "1.8 Raspberry Pi: also without 60 (ACK)",
            Ask::selecting(PI_ADDRESS).mac(PI).with(93, &[0, 0]),
            Expect::ack().yiaddr(PI_ADDRESS).contains(43, b"Raspberry Pi Boot").siaddr(SERVER),
        ),
    ];
    let files = Site::new().files("41 = \"snp-arm64.efi\"");
    Suite { site: files.known(PI, PI_ADDRESS, ""), cases }
}

/// A machine that rebinds an address of ours is refused, whichever of our subnets it is of.
fn rebinding() -> Suite {
    let cases = vec![
        Case::new(
            "1.5 REBINDING wrong: an address of another subnet of ours, NAK",
            Ask::rebinding([172, 29, 0, 77]),
            Expect::nak(),
        ),
        Case::new(
            "1.2 ciaddr: of a DISCOVER, ignored",
            Ask { ciaddr: [10, 9, 8, 7], ..Ask::discover() },
            Expect::offer().ciaddr([0; 4]).sent(Ask::discover().station, ADDRESS, 68),
        ),
    ];
    Suite { site: Site::new(), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    let mut suites = uboot();
    suites.extend([pi(), rebinding()]);
    suites
}
