//! ProxyDHCP (PXE 2.1 section 2.2): another server gives the addresses. The daemon alone answers.

use netboot_ebpf::{
    shared::{BootFile, NO_ARCHITECTURE, Reservation, Settings, Subnet},
    tables::AtLink,
    verdict::Verdict,
};

use crate::{
    common::{
        ADDRESS, Answered, Ask, IFINDEX, INTERFACE_MAC, MAC, OTHER_RELAY, OUTCAST, RELAY, SERVER,
        STRANGER, Site, ask, block, kernel_verdict, verdict,
    },
    golden::{Golden, site as golden_site},
};

const PROXY: u32 = Settings::PROXY;
const AUTO: u32 = Settings::PROXY | Settings::AUTO_PROXY;
/// What the other server gave.
const LEASED: [u8; 4] = [172, 30, 0, 77];
const FOREIGN: [u8; 4] = [10, 9, 8, 7];
const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x67];
const EVERYBODY: ([u8; 6], [u8; 4], [u16; 2]) = ([255; 6], [255; 4], [67, 68]);

/// In auto-proxy mode, whoever asks gets the boot set's files.
fn site(flags: u32) -> Site {
    Site::new().flags(flags).with(|site| {
        let nobody = Reservation { address: [0; 4], options_len: 0, ..*site.machine() };
        site.anybody = Some(nobody);
    })
}

fn pxe(ask: Ask) -> Ask {
    ask.with(60, b"PXEClient:Arch:00000:UNDI:002001").with(93, &[0, 0]).with(97, &[0; 17])
}

/// Where an answer goes to, from which and to which port.
type To = ([u8; 6], [u8; 4], [u16; 2]);

/// What is answered, in both modes; the kernel leaves it to the daemon.
fn check(request: &Ask, expect: Result<(Verdict, To), Verdict>) {
    for flags in [PROXY, AUTO, PROXY | Settings::AUTHORITATIVE | Settings::SHARED_NETWORKS] {
        let outcome = answer(&site(flags), request);
        let to = |reply: Answered| {
            (reply.verdict, (reply.to, reply.destination, [reply.source_port, reply.port]))
        };
        assert_eq!(outcome.map(to), expect, "{flags}: {request:?}");
    }
}

fn answer(site: &Site, request: &Ask) -> Result<Answered, Verdict> {
    let frame = request.frame();
    let passed = match request {
        Ask { destination: FOREIGN, .. } => Verdict::OtherDestination,
        Ask { port: 4011, .. } => Verdict::ProxyPort,
        _ => Verdict::ProxyMode,
    };
    assert_eq!(kernel_verdict(site, &frame), passed, "{request:?}");
    let reply = ask(site, &frame)?;
    assert_eq!(reply.yiaddr(), [0; 4], "yiaddr");
    let leak = reply.message.windows(4).any(|part| part == ADDRESS);
    assert!(!leak, "the reservation's address is not given");
    assert_eq!((reply.from, reply.source), (INTERFACE_MAC, SERVER));
    assert_eq!(reply.option(54), Some(&SERVER[..]));
    assert_eq!(reply.message[4..8], request.xid);
    assert_eq!(reply.message[28..44], request.chaddr);
    assert_eq!(reply.message[20..24], SERVER, "siaddr");
    Ok(reply)
}

/// Beside the other server's, to everybody: the machine has no address yet.
#[test]
fn offers() {
    let discover = pxe(Ask::discover());
    let offer = |to| Ok((Verdict::Offer, to));
    check(&discover, offer(EVERYBODY));
    check(&discover.clone().broadcast_flag(), offer(EVERYBODY));
    check(&Ask { ciaddr: LEASED, ..discover.clone() }, offer(EVERYBODY));
    check(&Ask { destination: SERVER, ..discover.clone() }, offer(EVERYBODY));
    check(&discover.clone().with(82, b"x").with(61, &[7; 200]), offer(EVERYBODY));
    // What the relay says that clients know us by (82.11, RFC 5107) is for renewals, which are another's.
    let agent = [1, 1, 9, 11, 4, 172, 30, 0, 254];
    let known_by = discover.clone().with(82, &agent).relayed(RELAY);
    check(&known_by, offer((RELAY_MAC, RELAY, [67, 67])));
    assert_eq!(answer(&site(PROXY), &known_by).unwrap().option(82), Some(&agent[..]));
    // From whichever network: the address is not ours to judge.
    for relay in [RELAY, OTHER_RELAY, FOREIGN] {
        check(&discover.clone().relayed(relay), offer((RELAY_MAC, relay, [67, 67])));
    }
    let elsewhere = Ask { destination: FOREIGN, ..discover };
    check(&elsewhere, Err(Verdict::OtherDestination));
}

/// Firmware that has an address asks once more, from the port that it likes (PXE 2.1 figure 2-1).
#[test]
fn requests_to_the_boot_server() {
    let request = pxe(Ask::boot_server(LEASED));
    let to = |port| Ok((Verdict::Ack, (MAC, LEASED, [4011, port])));
    check(&request, to(4011));
    check(&Ask { source_port: 68, ..request.clone() }, to(68));
    check(&Ask { source_port: 50000, ..request.clone() }, to(50000));
    check(&request.clone().with(54, &SERVER).with(50, &LEASED), to(4011));
    check(&request.clone().broadcast_flag(), to(4011));
    // What the IP header says counts; through a router it comes back the same way.
    check(&Ask { ciaddr: [0; 4], ..request.clone() }, to(4011));
    let routed = Ask { station: [2, 0, 0, 0, 0, 0x99], source: FOREIGN, ..request.clone() };
    check(&routed, Ok((Verdict::Ack, ([2, 0, 0, 0, 0, 0x99], FOREIGN, [4011, 4011]))));
    check(&Ask { giaddr: RELAY, ..request.clone() }, to(4011));
    check(&Ask { destination: FOREIGN, ..request }, Err(Verdict::OtherDestination));
}

/// By INFORM too (dnsmasq answers it, and some firmware sends it).
#[test]
fn informs_to_the_boot_server() {
    let inform = pxe(Ask::boot_server(LEASED)).with_type(8);
    let to = |port| Ok((Verdict::InformAck, (MAC, LEASED, [4011, port])));
    check(&inform, to(4011));
    check(&Ask { source_port: 68, ..inform.clone() }, to(68));
    check(&Ask { ciaddr: [0; 4], ..inform.clone() }, to(4011));
    check(&Ask { port: 67, ..inform.clone() }, Err(Verdict::UnsupportedType));
    check(&inform.mac(STRANGER).with(43, &[71, 4, 0, 9, 0, 0]), Err(Verdict::OtherServer));
}

/// PXE_BOOT_ITEM says which boot server is asked: another's type is another server's, ours comes back.
#[test]
fn boot_items() {
    const OURS: &[u8] = &[6, 1, 8, 255];
    let items = |message_type, value: &[u8], expect: Result<&[u8], Verdict>| {
        let request = pxe(Ask::boot_server(LEASED)).with(43, value).with_type(message_type);
        for flags in [PROXY, AUTO] {
            let reply = answer(&site(flags), &request);
            let seen = reply.as_ref().map(|reply| reply.option(43).unwrap()).map_err(|why| *why);
            assert_eq!(seen, expect, "{value:?}");
            let files = reply.map_or("undionly.kpxe".to_owned(), |it| it.boot_file().to_owned());
            assert_eq!(files, "undionly.kpxe");
        }
    };
    for message_type in [3, 8] {
        let check = |value: &[u8], expect| items(message_type, value, expect);
        let other = Err(Verdict::OtherServer);
        check(&[71, 4, 0, 0, 0, 0], Ok(&[6, 1, 8, 71, 4, 0, 0, 0, 0, 255]));
        check(&[71, 4, 0, 0, 0, 0, 255], Ok(&[6, 1, 8, 71, 4, 0, 0, 0, 0, 255]));
        // Whatever layer, and whatever stands around it.
        check(&[0, 1, 2, 9, 9, 71, 4, 0, 0, 0, 3, 255], Ok(&[6, 1, 8, 71, 4, 0, 0, 0, 3, 255]));
        check(&[71, 4, 0, 1, 0, 0, 255], other);
        check(&[71, 4, 128, 0, 0, 0], other);
        check(&[12, 0, 71, 4, 255, 255, 0, 0, 255], other);
        // With credentials (layer, bit 15).
        check(&[71, 4, 0, 0, 128, 0, 255], other);
        // No such item.
        for none in [
            &[][..],
            &[71],
            &[71, 4],
            &[71, 4, 0, 9, 0],
            &[71, 3, 0, 9, 0],
            &[71, 5, 0, 9, 0, 0, 0],
            &[255, 71, 4, 0, 9, 0, 0],
            &[9, 6, 71, 4, 0, 9, 0, 0],
            &[9, 200, 71, 4, 0, 9, 0, 0],
            &[0; 255],
        ] {
            check(none, Ok(OURS));
        }
    }
    // In pieces (RFC 3396), it is one all the same.
    let split = pxe(Ask::boot_server(LEASED)).with(43, &[71, 4, 0]).with(43, &[1, 0, 0, 255]);
    assert_eq!(answer(&site(PROXY), &split), Err(Verdict::OtherServer));
    // Where the machine is told no items, there is none to tell; items without End get it behind them.
    let http = Ask::boot_server(LEASED).with(60, b"HTTPClient").with(93, &[0, 16]);
    let reply = answer(&site(PROXY), &http.with(43, &[71, 4, 0, 0, 0, 0])).unwrap();
    assert_eq!(reply.option(43), None);
    let open = site(PROXY).with(|site| {
        for row in site.boot_files.iter_mut().skip(1) {
            let options = block(&[(43, &[6, 1, 8]), (60, b"PXEClient")]);
            (row.options, row.options_len) = options;
        }
    });
    let request = pxe(Ask::boot_server(LEASED)).with(43, &[71, 4, 0, 0, 0, 0]);
    let reply = answer(&open, &request).unwrap();
    assert_eq!(reply.option(43), Some(&[6, 1, 8, 71, 4, 0, 0, 0, 0][..]));
    assert_eq!(reply.option(60), Some(&b"PXEClient"[..]));
}

/// No host has such an address.
#[test]
fn requests_from_no_address() {
    for source in [[0; 4], [0, 0, 0, 1], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4]] {
        let request = Ask { source, ..pxe(Ask::boot_server(LEASED)) };
        check(&request, Err(Verdict::WrongAddress));
    }
}

#[test]
fn relays_that_cannot_be() {
    for relay in [[0, 0, 0, 1], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4], SERVER] {
        check(&pxe(Ask::discover()).relayed(relay), Err(Verdict::BadRelay));
    }
}

#[test]
fn what_is_the_other_servers() {
    for request in [
        Ask::selecting(LEASED),
        Ask::selecting(ADDRESS),
        Ask::new(3).with(54, &FOREIGN).with(50, &LEASED),
        Ask::init_reboot(ADDRESS),
        Ask::renewing(LEASED),
        Ask::rebinding(LEASED),
    ] {
        check(&pxe(request.clone()), Err(Verdict::OtherServer));
        check(&request.mac(STRANGER), Err(Verdict::OtherServer));
    }
    for message_type in [2, 4, 5, 6, 7, 8, 9, 13, 255] {
        let request = Ask { ciaddr: LEASED, ..pxe(Ask::new(message_type)) };
        check(&request, Err(Verdict::UnsupportedType));
        if message_type != 8 {
            check(&Ask { port: 4011, ..request }, Err(Verdict::UnsupportedType));
        }
    }
    check(&Ask { port: 4011, ..pxe(Ask::discover()) }, Err(Verdict::UnsupportedType));
}

/// Who does not boot from the network needs nothing from us.
#[test]
fn plain_clients() {
    let check = |ask: Ask| {
        check(&ask.clone(), Err(Verdict::NotNetboot));
        let request = Ask { options: ask.options, ..Ask::boot_server(LEASED) }.with_type(3);
        check(&request, Err(Verdict::NotNetboot));
    };
    check(Ask::discover());
    check(Ask::discover().with(93, &[0, 0]));
    check(Ask::discover().with(60, b"udhcp 1.35").with(93, &[0, 0]));
    // Nothing is known for this architecture.
    check(Ask::discover().with(60, b"PXEClient").with(93, &[0, 33]));
    let reserved = |change: fn(&mut Reservation)| {
        let site = site(PROXY).with(|site| change(site.machine()));
        answer(&site, &Ask::discover().with(93, &[0, 0])).map(|reply| reply.boot_file().to_owned())
    };
    assert_eq!(reserved(|machine| machine.boot_set = 0), Err(Verdict::NotNetboot));
    // An operating system must not take our OFFER for one with an address.
    let assumed = reserved(|machine| machine.flags = Reservation::ASSUME_PXE);
    assert_eq!(assumed, Err(Verdict::NotNetboot));
}

/// Each machine gets what it would get from us alone.
#[test]
fn boot_files() {
    let check = |with: fn(Ask) -> Ask, expect: &str| {
        for request in [with(Ask::discover()), with(Ask::boot_server(LEASED))] {
            let reply = answer(&site(PROXY), &request).unwrap();
            assert_eq!(reply.boot_file(), expect, "{request:?}");
            let alone = Ask { port: 67, source: [0; 4], ciaddr: [0; 4], ..request }.with_type(1);
            let alone = ask(&Site::new(), &alone.frame()).unwrap();
            for code in [43, 60, 97, 175] {
                assert_eq!(reply.option(code), alone.option(code), "{code}");
            }
            assert_eq!(reply.message[20..24], alone.message[20..24]);
        }
    };
    check(pxe, "undionly.kpxe");
    check(|ask| ask.with(60, b"PXEClient").with(93, &[0, 7]), "ipxe.efi");
    check(|ask| ask.with(60, b"HTTPClient").with(93, &[0, 16]), "http://172.30.0.1/ipxe/ipxe.efi");
    check(|ask| pxe(ask).with(77, b"iPXE"), "tftp://172.30.0.1/undionly.kpxe");
    check(|ask| pxe(ask).with(77, b"Tinkerbell"), "http://172.30.0.1/auto.ipxe");
}

/// Each machine gets what belongs to the link that it asks on, and one answer where two interfaces are on it.
#[test]
fn the_link_that_is_asked_on() {
    const ELSEWHERE: [u8; 4] = [172, 29, 0, 50];
    let with = |subnet: u32, change: fn(&mut Site)| {
        site(PROXY).with(|site| {
            let slots = site.settings.as_ref().unwrap().slots;
            let rows = site.boot_files[1..].to_vec();
            let second = site.boot_files.len() as u32;
            assert_eq!(second, 1 + 2 + 3 * slots);
            site.boot_files
                .extend(rows.into_iter().map(|row| BootFile { siaddr: ELSEWHERE, ..row }));
            site.machine().subnet = subnet;
            site.subnets.push(Subnet { ifindex: IFINDEX + 1, ..site.subnets[0] });
            // What stands there for the link: its own subnet, and another boot set.
            let there = AtLink { subnet: 0, boot_set: second, script_list: 0 };
            site.at_links.insert((IFINDEX, 1), there);
            change(site);
        })
    };
    let check = |site: &Site, request: Ask, expect: Result<[u8; 4], Verdict>| {
        let reply = ask(site, &request.frame());
        let siaddr = reply.map(|reply| <[u8; 4]>::try_from(&reply.message[20..24]).unwrap());
        assert_eq!(siaddr, expect, "{request:?}");
    };
    let asks = || {
        [
            pxe(Ask::discover()),
            pxe(Ask::boot_server(LEASED)),
            pxe(Ask::boot_server(LEASED)).with_type(8),
            pxe(Ask::discover()).with(77, b"Tinkerbell"),
        ]
    };
    for request in asks() {
        check(&with(0, |_| {}), request.clone(), Ok(SERVER));
        // Known by an address of a subnet behind a relay, and of one on another interface.
        check(&with(1, |_| {}), request.clone(), Ok(ELSEWHERE));
        check(&with(2, |_| {}), request.clone(), Ok(ELSEWHERE));
    }
    // Through a relay it is where the relay is, else where the relay's request came.
    check(&with(1, |_| {}), pxe(Ask::discover()).relayed(OTHER_RELAY), Ok(SERVER));
    check(&with(1, |_| {}), pxe(Ask::discover()).relayed(RELAY), Ok(ELSEWHERE));
    check(&with(0, |_| {}), pxe(Ask::discover()).relayed(RELAY), Ok(SERVER));
    // Another interface is the one that answers on this link: what is sent to us is answered all the same.
    let beside: fn(&mut Site) = |site| {
        for AtLink { subnet, .. } in site.at_links.values_mut() {
            *subnet = 2;
        }
    };
    let [discover, request, inform, script] = asks();
    for broadcast in [discover.clone(), script, discover.clone().broadcast_flag()] {
        check(&with(2, beside), broadcast.clone(), Err(Verdict::WrongSubnet));
        check(&with(2, |site| site.at_links.clear()), broadcast, Err(Verdict::WrongSubnet));
    }
    for sent in [request, inform, discover.relayed(FOREIGN)] {
        check(&with(2, beside), sent, Ok(ELSEWHERE));
    }
    // It boots nothing, wherever it is.
    let off: fn(&mut Site) = |site| site.machine().boot_set = 0;
    check(&with(2, off), pxe(Ask::boot_server(LEASED)), Err(Verdict::NotNetboot));
}

/// `anybody` stands in only where the mode says so, and where the daemon has something for the machine.
#[test]
fn machines_without_reservation() {
    for request in [pxe(Ask::discover()), pxe(Ask::boot_server(LEASED))] {
        let check = |site: &Site, mac, expect: Result<&str, Verdict>| {
            let reply = answer(site, &request.clone().mac(mac));
            let file = reply.as_ref().map(|reply| reply.boot_file()).map_err(|verdict| *verdict);
            assert_eq!(file, expect, "{mac:02x?}: {request:?}");
        };
        let unknown = Err(Verdict::UnknownMachine);
        check(&site(PROXY), STRANGER, unknown);
        check(&site(AUTO), STRANGER, Ok("undionly.kpxe"));
        check(&site(AUTO), OUTCAST, unknown);
        check(&site(AUTO).with(|site| site.anybody = None), STRANGER, unknown);
        // A machine's own reservation goes first.
        let special = site(AUTO).with(|site| site.machine().architecture = 11);
        check(&special, MAC, Ok("arm64.efi"));
        check(&special, STRANGER, Ok("undionly.kpxe"));
        assert_eq!(special.anybody.unwrap().architecture, NO_ARCHITECTURE);
        // Where we give the addresses, nobody without reservation gets anything.
        for flags in [0, Settings::AUTO_PROXY] {
            let frame = request.clone().mac(STRANGER).frame();
            assert!(verdict(&site(flags), &frame) as u32 == unknown_at(request.port) as u32);
        }
    }
}

fn unknown_at(port: u16) -> Verdict {
    if port == 4011 { Verdict::ProxyPort } else { Verdict::UnknownMachine }
}

/// Without ProxyDHCP, port 4011 is only counted.
#[test]
fn port_4011_in_other_modes() {
    for flags in [0, Settings::AUTHORITATIVE, Settings::AUTO_PROXY] {
        for request in [pxe(Ask::boot_server(LEASED)), Ask { port: 4011, ..Ask::discover() }] {
            let frame = request.frame();
            assert_eq!(kernel_verdict(&site(flags), &frame), Verdict::ProxyPort);
            assert_eq!(verdict(&site(flags), &frame), Verdict::ProxyPort);
        }
    }
    let unset = site(0).with(|site| site.settings = None);
    assert_eq!(verdict(&unset, &pxe(Ask::boot_server(LEASED)).frame()), Verdict::NoTables);
}

/// Split and tagged requests, and answers that are too long, are as in the other mode.
#[test]
fn the_daemons_whole_way() {
    let tagged = pxe(Ask::discover()).tag([0x81, 0], 0x2000);
    assert_eq!(answer(&site(PROXY), &tagged).unwrap().tags, tagged.tags);
    let split = pxe(Ask::boot_server(LEASED)).with(61, b"a").with(61, b"b");
    assert_eq!(answer(&site(PROXY), &split).unwrap().option(61), Some(&b"ab"[..]));
    let long = Site::boot_name(site(PROXY), &"n".repeat(255));
    let request = pxe(Ask::discover()).with(61, &[1; 100]);
    let reply = answer(&long, &request).unwrap();
    assert_eq!(reply.verdict, Verdict::OfferShortened);
    assert!(reply.message.len() <= 548);
    // Headers that cannot be read at port 4011.
    let mut frame = pxe(Ask::boot_server(LEASED)).frame();
    frame.truncate(frame.len() - 1);
    assert_eq!(verdict(&site(PROXY), &frame), Verdict::Truncated);
    let elsewhere = Ask { to: [2; 6], ..pxe(Ask::boot_server(LEASED)) }.frame();
    assert_eq!(verdict(&site(PROXY), &elsewhere), Verdict::OtherDestination);
}

/// What iPXE and EDK2 sent there.
#[test]
fn captured_requests() {
    let site = golden_site().flags(PROXY);
    let mut count = 0;
    for golden in Golden::all() {
        let outcome = ask(&site, &golden.frame());
        if golden.ports[1] == 4011 {
            let reply = outcome.unwrap();
            assert_eq!(reply.verdict, Verdict::Ack, "{golden:?}");
            let to = (reply.destination, reply.port, reply.source_port);
            assert_eq!(to, (golden.source, golden.ports[0], 4011), "{golden:?}");
            assert_eq!(reply.yiaddr(), [0; 4]);
            assert!(!reply.boot_file().is_empty());
            count += 1;
        } else if golden.message_type == 3 {
            assert_eq!(outcome, Err(Verdict::OtherServer), "{golden:?}");
        } else {
            // U-Boot's own class and a Linux client's know nothing of ProxyDHCP.
            let knows = golden.message.windows(6).any(|six| six == b"Client");
            let expect = if knows { Ok(Verdict::Offer) } else { Err(Verdict::NotNetboot) };
            assert_eq!(outcome.map(|reply| reply.verdict), expect, "{golden:?}");
        }
    }
    assert_eq!(count, 2);
}
