//! Which user classes get the script: of all machines, of a subnet, of a host.

use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, OTHER, OTHER_ADDRESS, SERVER, Site, Suite,
};

const SCRIPT: &str = "http://172.30.0.1/auto.ipxe";
const URL: &str = "tftp://172.30.0.1/ipxe.efi";
/// Of the known machine's subnet, with a list of its own and without.
const OWN: [u8; 6] = [0x52, 0x54, 0, 0x30, 0, 0x72];
const NONE: [u8; 6] = [0x52, 0x54, 0, 0x30, 0, 0x73];

fn lists() -> Suite {
    let asks = |mac: [u8; 6], class: &[u8]| Ask::discover().mac(mac).pxe(7).with(77, class);
    let case = |name: &str, mac: [u8; 6], class: &[u8], address: [u8; 4], file: &str| {
        let expect = Expect::offer().yiaddr(address).file(file);
        Case::new(format!("1.8 lists of classes: {name}"), asks(mac, class), expect)
    };
    let (own, none) = ([172, 30, 0, 72], [172, 30, 0, 73]);
    let known = netboot_tests::conformance::MAC;
    let cases = vec![
        case("the subnet's", known, b"Rack", ADDRESS, SCRIPT),
        case("the subnet's, not the site's", known, b"Tinkerbell", ADDRESS, "ipxe.efi"),
        case("the subnet's, an instance of several", known, b"\x04iPXE\x04Rack", ADDRESS, SCRIPT),
        case("the host's", OWN, b"Mine", own, SCRIPT),
        case("the host's, not the subnet's", OWN, b"Rack", own, "ipxe.efi"),
        case("the host's may be the site's", OWN, b"Tinkerbell", own, SCRIPT),
        case("an empty one: a foreign iPXE gets the binary", NONE, b"iPXE", none, URL),
        case("an empty one: nobody gets the script", NONE, b"Tinkerbell", none, "ipxe.efi"),
        case(
            "the site's elsewhere",
            OTHER,
            b"Tinkerbell",
            OTHER_ADDRESS,
            "http://172.29.0.2/auto.ipxe",
        ),
        case(
            "the site's elsewhere, not another subnet's",
            OTHER,
            b"Rack",
            OTHER_ADDRESS,
            "ipxe.efi",
        ),
        Case::new(
            "1.8 lists of classes: of an ACK too",
            Ask::selecting(own).mac(OWN).pxe(7).with(77, b"Mine"),
            Expect::ack().yiaddr(own).file(SCRIPT).siaddr(SERVER),
        ),
    ];
    let site = Site::new()
        .subnet("script-user-classes = [\"Rack\"]")
        .known(OWN, own, "script-user-classes = [\"Mine\", \"Tinkerbell\"]")
        .known(NONE, none, "script-user-classes = []");
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![lists()]
}
