//! What becomes of an answer over a limit, or without the daemon.

use netboot_ebpf::{
    shared::{Deadlines, Reservation},
    verdict::Verdict,
};

use crate::common::{
    ADDRESS, Ask, INTERFACE_MAC, SERVER, STRANGER, Site, ask, kernel_verdict, verdict,
};

const FOREIGN: [u8; 4] = [10, 9, 8, 7];

fn booting(ask: Ask) -> Ask {
    ask.with(60, b"PXEClient:Arch:00007").with(93, &[0, 7])
}

#[track_caller]
fn check(change: impl FnOnce(&mut Site), request: &Ask, expect: Verdict) {
    let site = Site::new().with(change);
    assert_eq!(kernel_verdict(&site, &request.frame()), expect, "{request:?}");
}

#[test]
fn what_is_over_a_limit_is_not_answered() {
    let too_many = |site: &mut Site| site.admits = Err(Verdict::OverCeiling);
    check(too_many, &Ask::discover(), Verdict::OverCeiling);
    check(too_many, &Ask::discover().mac(STRANGER), Verdict::OverCeiling);
    // Other frames are none of ours.
    check(too_many, &Ask { port: 69, ..Ask::discover() }, Verdict::NotDhcp);
    let too_often = |site: &mut Site| site.admits_machine = Err(Verdict::RateLimited);
    for request in [Ask::discover(), Ask::selecting(ADDRESS), Ask::selecting([9; 4]), Ask::new(8)] {
        check(too_often, &request, Verdict::RateLimited);
        let site = Site::new().with(too_often);
        assert_eq!(verdict(&site, &request.frame()), Verdict::RateLimited, "{request:?}");
    }
    check(too_often, &Ask::discover().mac(STRANGER), Verdict::UnknownMachine);
    check(too_often, &Ask::new(3).with(54, &[9; 4]), Verdict::OtherServer);
    check(|site| site.admits = Err(Verdict::Stale), &Ask::discover(), Verdict::Stale);
}

/// Of transit traffic, on a bridge's port or on a router, nothing is counted or dropped.
#[test]
fn what_is_for_others_is_under_no_limit() {
    let over = || {
        Site::new().with(|site| {
            site.admits = Err(Verdict::OverCeiling);
            site.admits_machine = Err(Verdict::RateLimited);
        })
    };
    let renewing = || Ask::renewing(ADDRESS);
    for ask in [
        Ask { to: [2; 6], ..Ask::discover() },
        Ask { to: INTERFACE_MAC, destination: FOREIGN, ..renewing() },
        Ask { to: [2; 6], port: 4011, ..renewing() },
        Ask { destination: FOREIGN, port: 4011, ..renewing() },
        // A server's answer to a relay, and what cannot be read.
        Ask { to: [2; 6], begin: [2, 1, 6, 0], ..renewing() },
        Ask { to: [2; 6], end: vec![255; 2000], ..renewing() },
        Ask { to: [2; 6], ..renewing() }.tag([0x81, 0], 5),
    ] {
        assert_eq!(verdict(&over(), &ask.frame()), Verdict::OtherDestination, "{ask:?}");
    }
    let check = |expect, change: fn(&mut Vec<u8>)| {
        let mut frame = Ask::discover().frame();
        change(&mut frame);
        assert_eq!(verdict(&over(), &frame), expect, "{frame:02x?}");
    };
    check(Verdict::OtherDestination, |frame| {
        frame[20] = 0x20;
        frame[..6].fill(2);
    });
    check(Verdict::IpOptions, |frame| frame[14] = 0x46);
    // To us.
    check(Verdict::OverCeiling, |frame| frame[20] = 0x20);
    check(Verdict::OverCeiling, |frame| frame[36..38].copy_from_slice(&[0x0f, 0xab]));
    check(Verdict::OverCeiling, |frame| frame.truncate(200));
}

#[test]
fn without_the_daemon_only_boot_files_are_withheld() {
    let check = |change: fn(&mut Site), request: &Ask, with: Verdict, without: Verdict| {
        check(change, request, with);
        let gone = |site: &mut Site| {
            change(site);
            site.has_boot_files = false;
        };
        self::check(gone, request, without);
    };
    let discover = || booting(Ask::discover());
    check(|_| {}, &discover(), Verdict::Offer, Verdict::OfferWithoutDaemon);
    check(|_| {}, &booting(Ask::selecting(ADDRESS)), Verdict::Ack, Verdict::AckWithoutDaemon);
    let script = Ask::discover().with(77, b"Tinkerbell");
    check(|_| {}, &script, Verdict::Offer, Verdict::OfferWithoutDaemon);
    // Nothing is withheld from these.
    check(|_| {}, &Ask::discover(), Verdict::Offer, Verdict::Offer);
    let other = Ask::discover().with(60, b"PXEClient").with(93, &[0, 99]);
    check(|_| {}, &other, Verdict::OfferNoBootFile, Verdict::OfferNoBootFile);
    let lease_only: fn(&mut Site) = |site| site.machine().boot_set = 0;
    check(lease_only, &discover(), Verdict::Offer, Verdict::Offer);
    let no_file: fn(&mut Site) = |site| site.boot_files.iter_mut().for_each(|row| row.name_len = 0);
    check(no_file, &discover(), Verdict::OfferNoBootFile, Verdict::OfferNoBootFile);
    let left_out: fn(&mut Site) = |site| {
        site.machine().flags = Reservation::NO_BOOT_FILE_OPTION;
        site.boot_files.iter_mut().for_each(|row| row.name_len = 200);
    };
    check(left_out, &discover(), Verdict::OfferNoBootFile, Verdict::OfferNoBootFile);
    check(|_| {}, &Ask::selecting([9; 4]), Verdict::Nak, Verdict::Nak);
}

/// The lease stays as it is.
#[test]
fn an_offer_without_boot_file_says_nothing_of_booting() {
    let request = booting(Ask::discover()).with(97, &[0; 17]);
    let gone = Site::new().with(|site| site.has_boot_files = false);
    let reply = ask(&gone, &request.frame()).unwrap();
    assert_eq!(reply.verdict, Verdict::OfferWithoutDaemon);
    assert_eq!(
        (reply.message[16..20].to_vec(), reply.message[20..24].to_vec()),
        (ADDRESS.to_vec(), vec![0; 4])
    );
    assert!(reply.message[108..236].iter().all(|byte| *byte == 0), "file");
    let with = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!(with.message[20..24], SERVER);
    let of_booting = |code: &u8| [43, 60, 66, 67, 175].contains(code);
    let mut lease = with.options.clone();
    lease.retain(|(code, _)| !of_booting(code));
    assert_ne!(lease, with.options);
    assert_eq!(reply.options, lease);
}

#[test]
fn deadlines() {
    for (deadline, now, expect) in
        [(0, 0, true), (0, u64::MAX, true), (5, 4, true), (5, 5, true), (5, 6, false)]
    {
        let boot_files = Deadlines { boot_files: deadline, ..Deadlines::NEVER };
        assert_eq!(boot_files.has_boot_files(now), expect, "{deadline} at {now}");
        assert!(boot_files.has_answers(now));
        let answers = Deadlines { answers: deadline, ..Deadlines::NEVER };
        assert_eq!(answers.has_answers(now), expect, "{deadline} at {now}");
        assert!(answers.has_boot_files(now) && answers.has_daemon(now));
        let daemon = Deadlines { daemon: deadline, ..Deadlines::NEVER };
        assert_eq!(daemon.has_daemon(now), expect, "{deadline} at {now}");
    }
}
