//! RFC 3442: who asks for classless routes (121) gets them in place of 3 and 33.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Ask, RELAY, SERVER, Site, ask, block, kernel_verdict};

const ROUTES: &[u8] = &[0, 172, 30, 0, 1, 8, 10, 172, 30, 0, 9];

/// The machine's subnet has a row with routes: the last one.
fn site() -> Site {
    Site::new().with(|site| {
        let mut row = site.subnets[0];
        let (options, len) = block(&[
            (54, &SERVER),
            (51, &[0, 1, 0x51, 0x80]),
            (58, &[0, 0, 0xa8, 0xc0]),
            (59, &[0, 1, 0x27, 0x50]),
            (1, &[255, 255, 255, 0]),
            (6, &[8, 8, 8, 8]),
            (121, ROUTES),
        ]);
        (row.options, row.options_len) = (options, u32::from(len));
        site.subnets[0].classless = site.subnets.len() as u32 + 1;
        site.subnets.push(row);
    })
}

/// Whether a client that asks for these options gets the routes, and what the kernel says.
fn check(list: &[u8], kernel: Option<Verdict>, routes: bool) {
    for base in [Ask::discover(), Ask::selecting(ADDRESS), Ask::discover().relayed(RELAY)] {
        let request = base.with(55, list);
        // The last option or not: what follows the list, and what memory held before, is not on it.
        for request in [
            request.clone(),
            request.clone().with(121, &[121; 9]),
            Ask { end: vec![255, 121, 121], ..request.clone() },
            Ask { end: vec![121, 0], ..request },
        ] {
            let frame = request.frame();
            let reply = ask(&site(), &frame).unwrap();
            let expect: &[u8] = if routes {
                &[53, 54, 51, 58, 59, 1, 6, 121, 12]
            } else {
                &[53, 54, 51, 58, 59, 1, 3, 6, 12]
            };
            assert_eq!(reply.codes(), expect, "{list:?}");
            assert_eq!(reply.option(121), routes.then_some(ROUTES));
            let counted = kernel_verdict(&site(), &frame);
            assert_eq!(counted, kernel.unwrap_or(reply.verdict), "{} codes", list.len());
        }
    }
}

#[test]
fn who_asks_gets_them() {
    let check = |list: &[u8], routes| check(list, None, routes);
    check(&[121], true);
    check(&[], false);
    check(&[1, 3, 6, 12, 15, 17], false);
    check(&[1, 3, 6, 12, 15, 121, 33], true);
    // Twice, and the codes beside it.
    check(&[121, 121], true);
    check(&[120, 122, 249, 0, 255, 57, 0x78, 0x7a, 0xf9], false);
    // Tinkerbell's iPXE.
    check(&[1, 3, 6, 7, 12, 15, 17, 26, 42, 43, 60, 66, 67, 119, 121, 128, 129, 42], true);
}

#[test]
fn a_list_that_is_not_there() {
    let reply = ask(&site(), &Ask::discover().frame()).unwrap();
    assert!(reply.option(3).is_some() && reply.option(121).is_none());
    // No list of another option.
    let reply = ask(&site(), &Ask::discover().with(77, &[121]).with(43, &[55, 1, 121]).frame());
    assert_eq!(reply.unwrap().option(121), None);
}

/// At each place of a list of each length; past its end it is none.
#[test]
fn every_place_of_every_length() {
    for len in 0..=64 {
        check(&vec![120; len], None, false);
        for place in 0..len {
            let mut list = vec![120; len];
            list[place] = 121;
            check(&list, None, true);
        }
    }
}

/// The kernel reads 64 codes, and passes on longer lists.
#[test]
fn long_lists() {
    let passed = Some(Verdict::EchoTooLong);
    for len in [65, 66, 100, 128, 255] {
        check(&vec![120; len], passed, false);
        for place in [0, 63, 64, len - 1] {
            let mut list = vec![120; len];
            list[place] = 121;
            check(&list, passed, true);
        }
    }
}

/// Where a subnet has no routes, nobody's list matters.
#[test]
fn a_subnet_without_routes() {
    for list in [vec![121], vec![121; 64], vec![121; 65], vec![0; 255]] {
        let frame = Ask::discover().with(55, &list).frame();
        assert_eq!(kernel_verdict(&Site::new(), &frame), Verdict::Offer);
        let reply = ask(&Site::new(), &frame).unwrap();
        assert_eq!(reply.codes(), [53, 54, 51, 58, 59, 1, 3, 6, 12]);
    }
}

#[test]
fn a_row_that_is_not_there() {
    let site = site().with(|site| site.subnets[0].classless = 99);
    let verdict =
        |list: &[u8]| crate::common::verdict(&site, &Ask::discover().with(55, list).frame());
    assert_eq!(verdict(&[121]), Verdict::NoTables);
    assert_eq!(verdict(&[120]), Verdict::Offer);
}
