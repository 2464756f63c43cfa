use netboot_ebpf::wire::{ACK, NAK, code};
use netboot_test_kit::Ask;

/// Where a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Untagged,
    Tagged,
    Relayed,
}

impl Wire {
    pub(super) const ALL: [Self; 3] = [Self::Untagged, Self::Tagged, Self::Relayed];
}

pub(super) struct Case {
    pub(super) name: &'static str,
    /// A DISCOVER.
    pub(super) ask: Ask,
    pub(super) wire: Wire,
}

/// What firmware asks for; nearly all of it is sent to a machine that asks for less, too.
const WANTED: [u8; 16] = [1, 3, 6, 7, 12, 15, 17, 26, 28, 43, 60, 66, 67, 119, 150, 175];
/// What else the site has.
const OTHERS: [u8; 6] = [2, 42, 100, 224, 225, 226];
/// Some firmware asks for less.
const LITTLE: [u8; 5] = [1, 3, 6, 12, 17];

const MACHINE1: [u8; 6] = [0x52, 0x54, 0, 0xee, 0x0d, 0x0b];
const LEASE_ONLY: [u8; 6] = [0x52, 0x54, 0, 0xee, 0x0d, 0x0c];
const OWN: [u8; 6] = [0x52, 0x54, 0, 0xee, 0x0d, 0x0d];
const LONG: [u8; 6] = [0x52, 0x54, 0, 0xee, 0x0d, 0x0e];
const QUIRKY: [u8; 6] = [0, 0, 0x5e, 0, 0, 1];
const PI: [u8; 6] = [0xb8, 0x27, 0xeb, 0, 0, 1];
const FAR: [u8; 6] = [0x52, 0x54, 0, 0, 0x20, 1];
const NICS: [[u8; 6]; 2] = [[0x52, 0x54, 0, 0, 0x21, 1], [0x52, 0x54, 0, 0, 0x21, 2]];
const STRANGER: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x99];

pub(super) fn cases() -> Vec<Case> {
    let ask = |mac: [u8; 6]| from(mac, &WANTED);
    let class = |mac: [u8; 6], architecture: u8, class: &[u8]| {
        ask(mac).pxe(architecture).with(code::USER_CLASS, class)
    };
    let mut cases = Vec::new();
    let mut on = |wire: Wire, name: &'static str, ask: Ask| cases.push(Case { name, ask, wire });
    let mut put = |name: &'static str, ask: Ask| on(Wire::Untagged, name, ask);
    put("plain", ask(MACHINE1));
    put("BIOS", ask(MACHINE1).pxe(0));
    put("UEFI x64", ask(MACHINE1).pxe(7));
    put("UEFI x64 by RFC 4578", ask(MACHINE1).pxe(9));
    put("UEFI of another architecture", ask(MACHINE1).pxe(6));
    put("HTTP boot", ask(MACHINE1).http(16));
    put("HTTP boot of another architecture", ask(MACHINE1).http(15));
    put("UEFI x64, asks for less", from(MACHINE1, &LITTLE).pxe(7));
    // All but classless routes, which would take the place of others.
    let u_boot = from(MACHINE1, &[&WANTED[..], &OTHERS].concat());
    put("U-Boot", u_boot.with(60, b"U-Boot.armv8").with(93, &[0, 22]));
    put("no architecture", ask(MACHINE1).with(60, b"PXEClient"));
    put("two architectures", ask(MACHINE1).with(60, b"PXEClient").with(93, &[0, 6, 0, 7]));
    put("iPXE", class(MACHINE1, 0, b"iPXE"));
    put("iPXE, counted", class(MACHINE1, 7, b"\x04iPXE"));
    put("Tinkerbell", class(MACHINE1, 7, b"Tinkerbell"));
    put("Tinkerbell, counted", class(MACHINE1, 7, b"\x0aTinkerbell"));
    put("Tinkerbell, first of two", class(MACHINE1, 7, b"\x0aTinkerbell\x04iPXE"));
    put("Tinkerbell, second of two", class(MACHINE1, 7, b"\x04iPXE\x0aTinkerbell"));
    put("a longer class", class(MACHINE1, 7, b"Tinkerbell2"));
    put("a class with quotes", class(MACHINE1, 7, b"own \"class\", \\ # 1"));
    let tinkerbell = ask(MACHINE1).http(16).with(code::USER_CLASS, b"Tinkerbell");
    put("Tinkerbell over HTTP", tinkerbell);
    put("nothing to boot", ask(LEASE_ONLY).pxe(7));
    put("nothing to boot, iPXE", class(LEASE_ONLY, 7, b"Tinkerbell"));
    put("a boot file of its own", ask(OWN).pxe(0));
    put("a boot file of its own, HTTP", ask(OWN).http(20));
    put("a boot file of its own, Tinkerbell", class(OWN, 0, b"Tinkerbell"));
    put("a long URL", class(LONG, 7, b"Tinkerbell"));
    put("a long URL, firmware", ask(LONG).pxe(7));
    put("quirks", ask(QUIRKY).pxe(7));
    put("Raspberry Pi", ask(PI).pxe(0));
    put("Raspberry Pi without option 60", ask(PI));
    put("Raspberry Pi, Tinkerbell", class(PI, 11, b"Tinkerbell"));
    put("the first NIC of two", ask(NICS[0]).pxe(7));
    put("the second NIC of two", ask(NICS[1]).pxe(7));
    put("classless routes", {
        let wanted = [&WANTED[..], &[code::CLASSLESS_ROUTES]].concat();
        from(MACHINE1, &wanted).pxe(7)
    });
    put("asks for nothing", with_room(Ask::discover().mac(MACHINE1)).pxe(7));
    put(
        "asks for a router",
        from(MACHINE1, &[1, 3]).with(code::USER_CLASS, b"Tinkerbell").http(16),
    );
    put("from another subnet", ask(FAR).pxe(7));
    put("unknown", ask(STRANGER).pxe(7));
    put("unknown, iPXE", class(STRANGER, 7, b"Tinkerbell"));
    on(Wire::Relayed, "relayed", ask(FAR).pxe(7));
    on(Wire::Relayed, "relayed, Tinkerbell", class(FAR, 7, b"Tinkerbell"));
    on(Wire::Tagged, "in a VLAN", ask(MACHINE1).pxe(7));
    cases
}

/// Requests of machines that had an address before, and the type of netboot's answers.
pub(super) fn reboots() -> Vec<(&'static str, Ask, Option<u8>)> {
    let ask = |mac: [u8; 6], address: [u8; 4]| {
        Ask::init_reboot(address).mac(mac).wanting(&WANTED).broadcast_flag()
    };
    vec![
        ("its address", ask(LEASE_ONLY, [192, 168, 2, 145]), Some(ACK)),
        ("one of its addresses", ask(MACHINE1, [192, 168, 2, 144]), Some(ACK)),
        ("another's address", ask(LEASE_ONLY, [192, 168, 2, 144]), Some(NAK)),
        ("an address of another network", ask(LEASE_ONLY, [10, 9, 8, 7]), Some(NAK)),
        ("unknown, an address here", ask(STRANGER, [192, 168, 2, 250]), None),
        ("unknown, an address of another network", ask(STRANGER, [10, 9, 8, 7]), None),
    ]
}

fn from(mac: [u8; 6], wanted: &[u8]) -> Ask {
    with_room(Ask::discover().mac(mac).wanting(wanted))
}

fn with_room(ask: Ask) -> Ask {
    ask.broadcast_flag().with(code::MAX_MESSAGE, &1472_u16.to_be_bytes())
}
