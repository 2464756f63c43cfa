use netboot_ebpf::{
    shared::{Mac, Settings, Subnet},
    verdict::Verdict,
};

use crate::common::{
    ADDRESS, Ask, IFINDEX, MAC, OTHER_RELAY, OTHER_SERVER, RELAY, SERVER, STRANGER, Site, ask,
    kernel_verdict, verdict,
};

const OTHER_ADDRESS: [u8; 4] = [172, 30, 0, 51];
const FOREIGN: [u8; 4] = [10, 9, 8, 7];

fn check(request: &Ask, expect: Verdict) {
    check_at(&Site::new(), request, expect);
    // Who is not authoritative refuses nothing, and answers the same otherwise.
    let quiet = if expect == Verdict::Nak { Verdict::WrongAddress } else { expect };
    check_at(&Site::new().flags(0), request, quiet);
}

fn check_at(site: &Site, request: &Ask, expect: Verdict) {
    assert_eq!(verdict(site, &request.frame()), expect, "{request:?}");
}

#[test]
fn discover() {
    let discover = Ask::discover;
    check(&discover(), Verdict::Offer);
    check(&discover().with(50, &ADDRESS), Verdict::Offer);
    check(&discover().with(50, &FOREIGN).with(51, &[0, 0, 0, 9]), Verdict::Offer);
    // Rapid commit is not spoken; another server's identifier means nothing here.
    check(&discover().with(80, &[]), Verdict::Offer);
    check(&discover().with(54, &FOREIGN), Verdict::Offer);
    check(&discover().relayed(RELAY), Verdict::Offer);
    check(&discover().relayed(OTHER_RELAY), Verdict::WrongSubnet);
    check(&discover().relayed(FOREIGN), Verdict::WrongSubnet);
    check(&discover().mac(STRANGER), Verdict::UnknownMachine);
    check(&discover().mac([0; 6]), Verdict::UnknownMachine);
    check(&Ask { destination: SERVER, ..discover() }, Verdict::Offer);
    check(&Ask { destination: FOREIGN, ..discover() }, Verdict::OtherDestination);
    check(&Ask { destination: [0; 4], ..discover() }, Verdict::OtherDestination);
    // RFC 1122 section 3.3.6: the broadcast of a network that we are in is for us.
    for (destination, expect) in [
        ([172, 30, 0, 255], Verdict::Offer),
        ([172, 29, 0, 255], Verdict::Offer),
        ([172, 28, 0, 255], Verdict::OtherDestination),
        ([172, 30, 0, 254], Verdict::OtherDestination),
    ] {
        check(&Ask { destination, ..discover() }, expect);
    }
}

#[test]
fn selecting() {
    check(&Ask::selecting(ADDRESS), Verdict::Ack);
    check(&Ask::selecting(ADDRESS).relayed(RELAY), Verdict::Ack);
    check(&Ask::selecting(OTHER_ADDRESS), Verdict::Nak);
    check(&Ask::selecting(FOREIGN), Verdict::Nak);
    check(&Ask::selecting(ADDRESS).relayed(OTHER_RELAY), Verdict::Nak);
    // Unknown machines are never refused.
    check(&Ask::selecting(ADDRESS).mac(STRANGER), Verdict::UnknownMachine);
    check(&Ask::selecting([0; 4]), Verdict::BadOption);
    check(&Ask::new(3).with(54, &SERVER), Verdict::BadOption);
    check(&Ask { ciaddr: OTHER_ADDRESS, ..Ask::selecting(ADDRESS) }, Verdict::BadOption);
    // Sent by dhcpcd: 50 before 53.
    let dhcpcd = Ask { options: vec![], ..Ask::new(3) };
    check(&dhcpcd.with(50, &ADDRESS).with(53, &[3]).with(54, &SERVER), Verdict::Ack);
}

#[test]
fn selecting_another_server() {
    let naming = |server: [u8; 4]| Ask::new(3).with(50, &ADDRESS).with(54, &server);
    check(&naming(SERVER), Verdict::Ack);
    check(&naming(OTHER_SERVER), Verdict::Ack);
    check(&naming(FOREIGN), Verdict::OtherServer);
    check(&naming([255; 4]), Verdict::OtherServer);
    check(&naming(FOREIGN).mac(STRANGER), Verdict::OtherServer);
    check(&Ask::new(3).with(50, &FOREIGN).with(54, &FOREIGN), Verdict::OtherServer);
    check(&naming(FOREIGN).relayed(OTHER_RELAY), Verdict::OtherServer);
    let reply = ask(&Site::new(), &naming(OTHER_SERVER).frame()).unwrap();
    assert_eq!(reply.option(54), Some(&SERVER[..]), "an offer and its ack name one server");
}

#[test]
fn init_reboot() {
    check(&Ask::init_reboot(ADDRESS), Verdict::Ack);
    check(&Ask::init_reboot(ADDRESS).relayed(RELAY), Verdict::Ack);
    check(&Ask::init_reboot(OTHER_ADDRESS), Verdict::Nak);
    check(&Ask::init_reboot(FOREIGN), Verdict::Nak);
    check(&Ask::init_reboot(ADDRESS).relayed(OTHER_RELAY), Verdict::Nak);
    check(&Ask::init_reboot(ADDRESS).mac(STRANGER), Verdict::UnknownMachine);
    check(&Ask::init_reboot(FOREIGN).mac(STRANGER), Verdict::UnknownMachine);
    // No server, no requested address, no own address.
    check(&Ask::new(3), Verdict::BadOption);
    check(&Ask::new(3).mac(STRANGER), Verdict::UnknownMachine);
}

#[test]
fn renewing() {
    check(&Ask::renewing(ADDRESS), Verdict::Ack);
    check(&Ask::renewing(OTHER_ADDRESS), Verdict::Nak);
    check(&Ask::renewing(FOREIGN), Verdict::Nak);
    check(&Ask::renewing(ADDRESS).mac(STRANGER), Verdict::UnknownMachine);
    // Option 50 is ignored.
    check(&Ask::renewing(ADDRESS).with(50, &FOREIGN), Verdict::Ack);
    check(&Ask::renewing(FOREIGN).with(50, &ADDRESS), Verdict::Nak);
    // Through a router, over whichever interface.
    let mut site = Site::new();
    site.subnets[0].ifindex = 9;
    check_at(&site, &Ask::renewing(ADDRESS), Verdict::Ack);
}

#[test]
fn rebinding() {
    check(&Ask::rebinding(ADDRESS), Verdict::Ack);
    check(&Ask::rebinding(OTHER_ADDRESS), Verdict::Nak);
    check(&Ask::rebinding(FOREIGN), Verdict::WrongAddress);
    check(&Ask::rebinding(ADDRESS).mac(STRANGER), Verdict::UnknownMachine);
    check(&Ask::rebinding(ADDRESS).relayed(RELAY), Verdict::Ack);
    // A relay sends to us, but what it relays was broadcast.
    let relayed =
        |address, relay| Ask { destination: SERVER, ..Ask::rebinding(address).relayed(relay) };
    check(&relayed(ADDRESS, RELAY), Verdict::Ack);
    check(&relayed(ADDRESS, OTHER_RELAY), Verdict::Nak);
    check(&relayed(FOREIGN, RELAY), Verdict::WrongAddress);
    let mut site = Site::new();
    site.subnets[0].ifindex = 9;
    // Where no subnet of ours is, another interface may be the one that answers.
    check_at(&site, &Ask::rebinding(ADDRESS), Verdict::WrongSubnet);
    site.subnets[1].ifindex = IFINDEX;
    check_at(&site, &Ask::rebinding(ADDRESS), Verdict::Nak);
}

#[test]
fn types_that_are_not_served() {
    for message_type in [0, 2, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 255] {
        check(&Ask::new(message_type), Verdict::UnsupportedType);
        check(&Ask::new(message_type).mac(STRANGER), Verdict::UnknownMachine);
    }
}

#[test]
fn shared_networks() {
    for authoritative in [0, Settings::AUTHORITATIVE] {
        let site = Site::new().flags(Settings::SHARED_NETWORKS | authoritative);
        check_at(&site, &Ask::discover().relayed(OTHER_RELAY), Verdict::Offer);
        check_at(&site, &Ask::discover().relayed(FOREIGN), Verdict::Offer);
        check_at(&site, &Ask::selecting(ADDRESS).relayed(OTHER_RELAY), Verdict::Ack);
        check_at(&site, &Ask::init_reboot(ADDRESS).relayed(OTHER_RELAY), Verdict::Ack);
        check_at(&site, &Ask::discover().mac(STRANGER), Verdict::UnknownMachine);
        let wrong = if authoritative == 0 { Verdict::WrongAddress } else { Verdict::Nak };
        check_at(&site, &Ask::selecting(OTHER_ADDRESS), wrong);
        check_at(&site, &Ask::rebinding(OTHER_ADDRESS), wrong);
        check_at(&site, &Ask::rebinding(FOREIGN), Verdict::WrongAddress);
    }
}

#[test]
fn a_subnet_behind_a_relay() {
    let mut site = Site::new();
    *site.machine() = *Site::new().reserve(MAC, [172, 29, 0, 112], 1);
    check_at(&site, &Ask::discover().relayed(OTHER_RELAY), Verdict::Offer);
    check_at(&site, &Ask::discover().relayed([172, 29, 0, 200]), Verdict::Offer);
    check_at(&site, &Ask::discover().relayed([172, 28, 0, 3]), Verdict::WrongSubnet);
    check_at(&site, &Ask::discover(), Verdict::WrongSubnet);
    check_at(&site, &Ask::renewing([172, 29, 0, 112]), Verdict::Ack);
    check_at(&site, &Ask::rebinding([172, 29, 0, 112]), Verdict::Nak);
}

#[test]
fn subnets_contain() {
    let check = |address: [u8; 4], mask: [u8; 4], expect: &[[u8; 4]], not: &[[u8; 4]]| {
        let subnet = Subnet { network: address, mask, ..Site::new().subnets[0] };
        let contains = |address: &[u8; 4]| subnet.contains(*address);
        assert!(expect.iter().all(contains), "{address:?}/{mask:?}");
        assert!(!not.iter().any(contains), "{address:?}/{mask:?}");
    };
    let [low, high] = [[10, 1, 2, 64], [10, 1, 2, 127]];
    let outside = [[10, 1, 2, 63], [10, 1, 2, 128], [11, 1, 2, 64], [0; 4], [255; 4]];
    check(low, [255, 255, 255, 192], &[low, high], &outside);
    // Any address of it names a network.
    check(high, [255, 255, 255, 192], &[low, high], &outside);
    check(low, [255; 4], &[low], &[high, [10, 1, 2, 65]]);
    check([0; 4], [0; 4], &[low, high, [0; 4], [255; 4]], &[]);
}

#[test]
fn tables_with_holes() {
    let check = |damage: fn(&mut Site), expect| {
        let mut site = Site::new();
        damage(&mut site);
        check_at(&site, &Ask::discover().with(60, b"PXEClient").with(93, &[0, 0]), expect);
    };
    check(|_| {}, Verdict::Offer);
    check(|site| site.settings = None, Verdict::NoTables);
    check(|site| site.subnets.clear(), Verdict::NoTables);
    check(|site| site.boot_files.clear(), Verdict::NoTables);
    check(|site| site.boot_files.truncate(1), Verdict::NoTables);
    check(|site| site.interfaces.clear(), Verdict::NoTables);
    check(|site| site.reservations.clear(), Verdict::UnknownMachine);
    check(|site| site.machine().subnet = 9, Verdict::NoTables);
    check(|site| site.machine().boot_set = 0, Verdict::Offer);
    check(|site| site.machine().boot_set = u32::MAX - 100, Verdict::NoTables);
    // The slot of the kernel's hash map was recycled while it was read.
    let site = Site::new().with(|site| site.machine().station.mac = Mac { octets: STRANGER });
    assert_eq!(kernel_verdict(&site, &Ask::discover().frame()), Verdict::Changed);
    let site = Site::new().with(|site| site.machine().station.vlan.ids = [0, 1]);
    assert_eq!(kernel_verdict(&site, &Ask::discover().frame()), Verdict::Changed);
}

/// Where two interfaces are on one switch, the one that a subnet is on answers, whatever link the client names.
#[test]
fn option_118_is_answered_once() {
    let site = |is_here: bool| {
        Site::new().flags(Settings::SUBNET_SELECTION).with(|site| {
            if !is_here {
                site.subnets.iter_mut().for_each(|subnet| subnet.ifindex = IFINDEX + 1);
            }
        })
    };
    for named in [[172, 30, 0, 0], [172, 29, 0, 0]] {
        let mut request = Ask::discover().with(118, &named);
        if named == [172, 29, 0, 0] {
            request = request.mac([2, 0, 0, 0, 0, 0x29]);
        }
        let with = |site: Site| {
            site.with(|site| {
                site.reserve([2, 0, 0, 0, 0, 0x29], [172, 29, 0, 9], 1);
            })
        };
        check_at(&with(site(true)), &request, Verdict::Offer);
        check_at(&with(site(false)), &request, Verdict::WrongSubnet);
        // Through a relay it does not matter where.
        check_at(&with(site(false)), &request.clone().relayed(OTHER_RELAY), Verdict::Offer);
    }
}
