//! The Raspberry Pi's firmware.

use netboot_tests::conformance::{Ask, Case, Expect, SERVER, Site, Suite};

const PI: [u8; 6] = [0xb8, 0x27, 0xeb, 0, 0, 1];
const PI_ADDRESS: [u8; 4] = [172, 30, 0, 80];

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

pub(crate) fn suites() -> Vec<Suite> {
    vec![pi()]
}
