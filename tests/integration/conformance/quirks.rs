//! Machines whose firmware needs other answers.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{Ask, Case, Expect, SERVER, Site, Suite};

use super::WRONG;

/// A machine for each quirk, by the last octet of its MAC and address.
fn mac(number: u8) -> [u8; 6] {
    [0x52, 0x54, 0x71, 0, 0, number]
}

fn address(number: u8) -> [u8; 4] {
    [172, 30, 0, 100 + number]
}

const ALWAYS_BROADCAST: u8 = 1;
const NO_OPTION_67: u8 = 2;
const ASSUME_PXE: u8 = 3;
const MIN_SIZE: u8 = 4;
const DELAY: u8 = 5;
const NEVER_NAK: u8 = 6;
const ECHO: u8 = 7;
const ARCHITECTURE: u8 = 8;
const BOOT_VLAN: u8 = 10;
/// Of a manufacturer's row.
const MANUFACTURER: [u8; 6] = [0x00, 0x16, 0x3e, 0, 0, 1];

fn site() -> Site {
    let long = format!("http://172.30.0.1/{}", "u".repeat(150));
    let rows = [
        (ALWAYS_BROADCAST, "quirks = { always-broadcast = true }".to_owned()),
        (NO_OPTION_67, format!("quirks = {{ no-option-67 = true }}\nscript-url = \"{long}\"")),
        (ASSUME_PXE, "quirks = { assume-pxe = true }".to_owned()),
        (MIN_SIZE, "quirks = { min-size = 500 }".to_owned()),
        (DELAY, "quirks = { delay = \"40ms\" }".to_owned()),
        (NEVER_NAK, "quirks = { never-nak = true }".to_owned()),
        (ECHO, "quirks = { echo-pxeclient = true }".to_owned()),
        (ARCHITECTURE, "quirks = { architecture = \"arm64-uefi\" }".to_owned()),
        (BOOT_VLAN, "boot-vlan = 7".to_owned()),
    ];
    let machines = rows.iter().fold(Site::new(), |site, (number, lines)| {
        site.known(mac(*number), address(*number), lines)
    });
    machines
        .known(MANUFACTURER, address(9), "")
        .tables("[[quirk]]\noui = \"00:16:3e\"\nnever-nak = true\nreason = \"a test\"")
}

fn cases() -> Vec<Case> {
    let discover = |number: u8| Ask::discover().mac(mac(number));
    let request = |number: u8| Ask::selecting(address(number)).mac(mac(number));
    let offer = |number: u8| Expect::offer().yiaddr(address(number));
    let ack = |number: u8| Expect::ack().yiaddr(address(number));
    let case =
        |name: &str, ask: Ask, expect: Expect| Case::new(format!("1.8 quirk {name}"), ask, expect);
    let broadcast = |expect: Expect| expect.broadcast().flags([0x80, 0]);
    let refused = Expect::silence(Verdict::WrongAddress);
    let by_daemon = |expect: Expect| expect.passed(Verdict::Quirk);
    vec![
        case(
            "always-broadcast: OFFER",
            discover(ALWAYS_BROADCAST),
            broadcast(offer(ALWAYS_BROADCAST)),
        ),
        case("always-broadcast: ACK", request(ALWAYS_BROADCAST), broadcast(ack(ALWAYS_BROADCAST))),
        case(
            "no-option-67: a long URL is left out",
            discover(NO_OPTION_67).pxe(7).with(77, b"Tinkerbell"),
            offer(NO_OPTION_67).no_file().without(67).counted(Verdict::OfferNoBootFile),
        ),
        case(
            "no-option-67: a name is in file",
            discover(NO_OPTION_67).pxe(7),
            offer(NO_OPTION_67).file("ipxe.efi"),
        ),
        case(
            "assume-pxe: boots without 60",
            discover(ASSUME_PXE).with(93, &[0, 7]),
            offer(ASSUME_PXE).file("ipxe.efi").siaddr(SERVER).option(43, &[6, 1, 8, 255]),
        ),
        case(
            "assume-pxe: still HTTP where it says so",
            discover(ASSUME_PXE).http(16),
            offer(ASSUME_PXE).file("http://172.30.0.1/ipxe/ipxe.efi"),
        ),
        case("min-size: OFFER", discover(MIN_SIZE), by_daemon(offer(MIN_SIZE)).len(500)),
        case("min-size: ACK", request(MIN_SIZE), by_daemon(ack(MIN_SIZE)).len(500)),
        case("delay: OFFER", discover(DELAY), by_daemon(offer(DELAY))),
        case("delay: ACK", request(DELAY), by_daemon(ack(DELAY))),
        case("never-nak: silence", Ask::selecting(WRONG).mac(mac(NEVER_NAK)), refused.clone()),
        case("never-nak: ACK as ever", request(NEVER_NAK), ack(NEVER_NAK)),
        case(
            "never-nak: of a manufacturer's machines, silence",
            Ask::init_reboot(WRONG).mac(MANUFACTURER),
            refused,
        ),
        case(
            "echo-pxeclient: 60 beside 43",
            discover(ECHO).pxe(7),
            offer(ECHO).option(60, b"PXEClient").option(43, &[6, 1, 8, 255]).file("ipxe.efi"),
        ),
        case(
            "architecture: whatever 93 says",
            discover(ARCHITECTURE).pxe(0),
            offer(ARCHITECTURE).file("snp-arm64.efi"),
        ),
        Case::new(
            "1.8 43: the VLAN that iPXE's script boots over",
            discover(BOOT_VLAN).pxe(0).with(77, b"Tinkerbell"),
            offer(BOOT_VLAN).contains(43, &[116, 1, b'7']).contains(43, &[6, 1, 8]),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: site(), cases: cases() }]
}
