use netboot_ebpf::{
    message::CAP,
    options::{Index, walk},
    verdict::Verdict,
    wire::OPTIONS,
};

use crate::common::{ADDRESS, Ask, SERVER, Site, verdict};

/// Walks an option area. What stands behind it in memory changes nothing.
fn walked(area: &[u8]) -> Result<Vec<(u8, usize)>, Verdict> {
    let [zeros, ones, junk] = [0x00, 0xff, 0x35].map(|behind| {
        let mut message = [behind; CAP];
        message[OPTIONS..OPTIONS + area.len()].copy_from_slice(area);
        let mut index = Index::new();
        // Left by an earlier message.
        let earlier = [61, 1, 1, 61, 1, 1, 52, 1, 1, 200, 1, 0];
        let mut used = message;
        used[OPTIONS..OPTIONS + earlier.len()].copy_from_slice(&earlier);
        let _ = walk(&used, OPTIONS + earlier.len(), &mut index);

        walk(&message, OPTIONS + area.len(), &mut index)?;
        let found = (1..=254).filter_map(|code| Some((code, index.find(code)? - OPTIONS)));
        Ok(found.collect())
    });
    assert_eq!(zeros, ones);
    assert_eq!(zeros, junk);
    zeros
}

fn check(area: &[u8], expect: Result<&[(u8, usize)], Verdict>) {
    assert_eq!(walked(area), expect.map(<[_]>::to_vec), "{area:02x?}");
}

#[test]
fn walk_finds_each_option() {
    check(&[255], Ok(&[]));
    check(&[], Ok(&[]));
    check(&[53, 1, 1, 255], Ok(&[(53, 0)]));
    check(&[53, 1, 1], Ok(&[(53, 0)]));
    check(&[60, 0, 53, 1, 1, 255], Ok(&[(53, 2), (60, 0)]));
    check(&[0, 0, 53, 1, 1, 0, 61, 2, 0, 255, 0, 255], Ok(&[(53, 2), (61, 6)]));
    check(&[0, 0, 0], Ok(&[]));
    check(&[1, 1, 0, 254, 1, 0, 255], Ok(&[(1, 0), (254, 3)]));
    // What follows End is no option.
    check(&[53, 1, 1, 255, 52, 1, 3, 53, 1, 1, 61], Ok(&[(53, 0)]));
}

#[test]
fn walk_refuses() {
    check(&[53], Err(Verdict::Truncated));
    check(&[53, 1], Err(Verdict::Truncated));
    check(&[53, 2, 1], Err(Verdict::Truncated));
    check(&[61, 255, 1], Err(Verdict::Truncated));
    check(&[60, 1, 1, 60, 1, 1, 255], Err(Verdict::SplitOption));
    check(&[53, 1, 1, 60, 1, 1, 53, 1, 3, 255], Err(Verdict::SplitOption));
    check(&[60, 0, 60, 0, 255], Err(Verdict::SplitOption));
    check(&[53, 1, 1, 52, 1, 1, 255], Err(Verdict::Overload));
    check(&[52, 1, 3, 52, 1, 3, 255], Err(Verdict::Overload));
}

/// Cut anywhere, the options are whole or the message is refused.
#[test]
fn walk_of_each_truncation() {
    let area = [53, 1, 3, 0, 61, 7, 1, 2, 3, 4, 5, 6, 7, 60, 0, 0, 0, 54, 4, 1, 2, 3, 4, 255];
    let whole = [0, 3, 4, 13, 15, 16, 17, 23, 24];
    for len in 0..=area.len() {
        let walked = walked(&area[..len]);
        if whole.contains(&len) {
            assert!(walked.is_ok(), "{len}: {walked:?}");
        } else {
            assert_eq!(walked, Err(Verdict::Truncated), "{len}");
        }
    }
}

/// The bound counts options and pads; finding the end takes one turn.
#[test]
fn walk_is_bounded() {
    let options = |count: u8| (1..=count).map(|n| if n < 52 { n } else { n + 1 });
    let area = |count, end: &[u8]| {
        let mut area: Vec<u8> = options(count).flat_map(|code| [code, 1, 9]).collect();
        area.extend(end);
        area
    };
    for end in [&[255][..], &[]] {
        assert_eq!(walked(&area(63, end)).map(|found| found.len()), Ok(63));
        assert_eq!(walked(&area(64, end)), Err(Verdict::TooManyOptions));
        assert_eq!(walked(&area(65, end)), Err(Verdict::TooManyOptions));
        check(&[&[0; 63], end].concat(), Ok(&[]));
        check(&[&[0; 64], end].concat(), Err(Verdict::TooManyOptions));
    }
}

#[test]
fn walk_reaches_the_end_of_memory() {
    let mut area = Vec::new();
    for code in 1..=7 {
        area.extend([code, 255]);
        area.extend([0; 255]);
    }
    area.extend([8, 6, 0, 0, 0, 0, 0, 0]);
    assert_eq!(area.len(), CAP - OPTIONS - 1);
    assert_eq!(walked(&[&area[..], &[255]].concat()).map(|found| found.len()), Ok(8));
    assert_eq!(walked(&[&area[..], &[9]].concat()), Err(Verdict::TooLong));
}

/// What a request with an option of each length up to 8 bytes is counted as.
#[test]
fn lengths_of_what_is_read() {
    let check = |request: Ask, code: u8, value: &[u8; 8], good: (u8, Verdict), bad: Verdict| {
        for len in 0..=8 {
            let request = request.clone().with(code, &value[..usize::from(len)]);
            let expect = if len == good.0 { good.1 } else { bad };
            let verdict = verdict(&Site::new(), &request.frame());
            assert_eq!(verdict, expect, "option {code} of {len} bytes: {request:?}");
        }
    };
    let typeless = Ask { options: vec![], ..Ask::renewing(ADDRESS) };
    let bad = Verdict::BadOption;
    let [a, b, c, d] = ADDRESS;
    let address = &[a, b, c, d, 0, 0, 0, 0];
    check(typeless, 53, &[3, 0, 0, 0, 0, 0, 0, 0], (1, Verdict::Ack), bad);
    check(Ask::renewing(ADDRESS), 54, address, (4, Verdict::OtherServer), bad);
    check(Ask::new(3), 50, address, (4, Verdict::Ack), bad);
    check(Ask::new(3).with(54, &SERVER), 50, address, (4, Verdict::Ack), bad);
    // Where they are not needed, it is as if they were not there.
    check(Ask::renewing(ADDRESS), 50, address, (4, Verdict::Ack), Verdict::Ack);
    check(Ask::discover(), 50, &[9; 8], (4, Verdict::Offer), Verdict::Offer);
    check(Ask::discover(), 57, &[9; 8], (2, Verdict::Offer), Verdict::Offer);
    check(Ask::discover(), 12, &[9; 8], (4, Verdict::Offer), Verdict::Offer);
}
