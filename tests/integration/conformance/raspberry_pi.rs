//! The Raspberry Pi's firmware.

use netboot_ebpf::verdict::Verdict;
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
        Case::new(
            "1.8 Raspberry Pi: its ROM's file",
            Ask::discover().mac(PI).pxe(0),
            Expect::offer().yiaddr(PI_ADDRESS).file("start4.elf"),
        ),
    ];
    let later = [
        ("its UEFI", Ask::discover().mac(PI).pxe(11)),
        ("iPXE on it", Ask::discover().mac(PI).with(60, b"PXEClient").with(93, &[0, 11])),
    ];
    let later = later.map(|(what, ask)| {
        let expect = Expect::offer().yiaddr(PI_ADDRESS).file("snp-arm64.efi");
        Case::new(format!("1.8 Raspberry Pi: {what}"), ask, expect.option(43, &[6, 1, 8, 255]))
    });
    let u_boot = Case::new(
        "1.8 Raspberry Pi: U-Boot on it",
        Ask::discover().mac(PI).with(60, b"U-Boot.armv8").with(93, &[0, 22]),
        Expect::offer().yiaddr(PI_ADDRESS).file("snp-arm64.efi").passed(Verdict::Quirk),
    );
    let http = Case::new(
        "1.8 Raspberry Pi: its UEFI by HTTP",
        Ask::discover().mac(PI).with(60, b"HTTPClient:Arch:00019").with(93, &[0, 19]),
        Expect::offer()
            .yiaddr(PI_ADDRESS)
            .file(&format!("http://{}/ipxe/snp-arm64.efi", std::net::Ipv4Addr::from(SERVER))),
    );
    let cases = [cases, later.to_vec(), vec![u_boot, http]].concat();
    let files = Site::new().files("rpi = \"start4.elf\"");
    Suite { site: files.known(PI, PI_ADDRESS, ""), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![pi()]
}
