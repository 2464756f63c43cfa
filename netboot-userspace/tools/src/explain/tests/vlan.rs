//! Explanations of machines in VLANs.

use netboot_ebpf::shared::Vlan;

use super::*;

const TWO: &str = "52:54:00:00:00:02";

const CONFIG: &str = r#"interfaces = ["nonesuch0"]
[boot]
root = "."
[boot.files]
x86_64-uefi = "ipxe.efi"
[[subnet]]
cidr = "10.0.0.0/24"
vlan = 7
[[subnet]]
cidr = "10.1.0.0/24"
vlan = [200, 100]
[[host]]
mac = "52:54:00:00:00:01"
ip = "10.0.0.10"
[[host]]
mac = "52:54:00:00:00:02"
ip = "10.0.0.11"
[[host]]
mac = "52:54:00:00:00:02"
ip = "10.1.0.11"
"#;

#[track_caller]
fn check(mac: &str, vlan: Option<[u16; 2]>, expect: &[&str]) {
    let (_directory, loaded) = load(CONFIG);
    let site = Site::here(loaded).unwrap();
    let machine = Machine { vlan: vlan.map(|ids| Vlan { ids }), ..machine(mac) };
    let step = steps(&site, &WithoutXdp::new(), &machine, Some(Message::Discover), None).remove(0);
    has_lines(&render(&step.explanation), expect);
}

#[test]
fn the_vlan_of_the_only_reservation_is_taken() {
    let own = "DISCOVER of 52:54:00:00:00:01 over nonesuch0, VLAN 7 (assumed request)";
    let subnet = "  subnet       10.0.0.0/24 on nonesuch0, server 10.0.0.1";
    check(ONE, None, &[own, subnet]);
    check(ONE, Some([7, 0]), &[own, subnet]);
    let inner = [
        "DISCOVER of 52:54:00:00:00:02 over nonesuch0, VLAN 200, VLAN 100 (assumed request)",
        "  subnet       10.1.0.0/24 on nonesuch0, server 10.1.0.1",
    ];
    check(TWO, Some([200, 100]), &inner);
}

#[test]
fn another_vlan_is_told_of() {
    let nobody = "  answered by  nobody: the machine has no reservation [unknown-machine]";
    let other = "  do           it has a reservation in VLAN 7, and asks in VLAN 8: correct the switch port";
    check(ONE, Some([8, 0]), &[nobody, other]);
    let several = "  do           it has a reservation in VLAN 7 and in VLAN 200, 100, and asks without VLAN tag: correct";
    check(TWO, None, &[nobody, several]);
}

/// As the responder: a tag with id 0 is a tag.
#[test]
fn a_priority_tag_in_front_is_not_left_out() {
    let (_directory, loaded) = load(CONFIG);
    let site = Site::here(loaded).unwrap();
    let mut frame = steps(&site, &WithoutXdp::new(), &machine(ONE), Some(Message::Discover), None)
        .remove(0)
        .frame;
    let check = |frame: &[u8], expect| {
        let own = explain(&site, &WithoutXdp::new(), frame, None, "frame 1").unwrap();
        assert_eq!((own.verdict, own.reservation.is_some()), expect);
    };
    check(&frame, (Verdict::Offer, true));
    let tag = [0x81, 0, 0, 0];
    frame.splice(12..12, tag);
    check(&frame, (Verdict::UnknownMachine, false));
}
