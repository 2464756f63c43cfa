//! Tests of the sending of a file, without sockets.

mod lossy_paths;

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// A transfer of so many blocks, and what is done at each step: `ack N`, or `silence` until the deadline.
#[track_caller]
fn check(blocks: u64, window: u16, has_oack: bool, steps: &[(&str, &str)]) {
    let start = Instant::now();
    let mut now = start;
    let (mut sending, first) = Sending::new(blocks, window, has_oack, RoundTrip::new(None), now);
    let mut next = first;
    for (number, (step, expect)) in steps.iter().enumerate() {
        now += Duration::from_millis(1);
        match step.split_once(' ') {
            None if *step == "start" => {}
            None if *step == "silence" => {
                now = sending.deadline();
                next = sending.due(now);
            }
            Some(("ack", block)) => next = sending.acknowledged(block.parse().unwrap(), now),
            _ => panic!("{step}"),
        }
        let shown = match &next {
            Next::Wait => "wait".to_owned(),
            Next::Oack => "oack".to_owned(),
            Next::Blocks(blocks) if blocks.end == blocks.start + 1 => blocks.start.to_string(),
            Next::Blocks(blocks) => format!("{}-{}", blocks.start, blocks.end - 1),
            Next::Complete => "complete".to_owned(),
            Next::Unconfirmed => "unconfirmed".to_owned(),
            Next::Lost => "lost".to_owned(),
        };
        assert_eq!(shown, *expect, "step {number}: {step}");
    }
}

#[test]
fn blocks_one_by_one() {
    check(1, 1, false, &[("start", "1"), ("ack 1", "complete")]);
    check(2, 1, true, &[("start", "oack"), ("ack 0", "1"), ("ack 1", "2"), ("ack 2", "complete")]);
    // What was not sent cannot be acknowledged; what is acknowledged twice is not answered (RFC 1123 4.2.3.1).
    check(
        3,
        1,
        false,
        &[
            ("start", "1"),
            ("ack 2", "wait"),
            ("ack 0", "wait"),
            ("ack 1", "2"),
            ("ack 1", "wait"),
            ("ack 65535", "wait"),
            ("ack 2", "3"),
            ("ack 3", "complete"),
        ],
    );
    check(2, 1, true, &[("start", "oack"), ("ack 1", "wait"), ("ack 0", "1"), ("ack 0", "wait")]);
}

#[test]
fn windows() {
    check(
        10,
        4,
        true,
        &[
            ("start", "oack"),
            ("ack 0", "1-4"),
            ("ack 4", "5-8"),
            ("ack 8", "9-10"),
            ("ack 10", "complete"),
        ],
    );
    // Block 3 is missing; block 5 is; then the first of a window.
    check(
        10,
        4,
        true,
        &[
            ("start", "oack"),
            ("ack 0", "1-4"),
            ("ack 2", "3-6"),
            ("ack 2", "wait"),
            ("ack 4", "5-8"),
            ("ack 4", "wait"),
            ("ack 8", "9-10"),
            ("ack 8", "9-10"),
            ("ack 8", "wait"),
            ("ack 9", "10"),
            ("ack 10", "complete"),
        ],
    );
    // Each block is acknowledged: only what is new, from the second on.
    check(
        20,
        4,
        true,
        &[
            ("start", "oack"),
            ("ack 0", "1-4"),
            ("ack 1", "2-5"),
            ("ack 2", "6"),
            ("ack 3", "7"),
            ("ack 4", "8"),
            ("ack 5", "9"),
            ("ack 7", "8-11"),
            ("ack 9", "10-13"),
        ],
    );
}

#[test]
fn silence() {
    check(
        2,
        1,
        false,
        &[
            ("start", "1"),
            ("silence", "1"),
            ("silence", "1"),
            ("silence", "1"),
            ("silence", "lost"),
        ],
    );
    check(
        2,
        4,
        true,
        &[
            ("start", "oack"),
            ("silence", "oack"),
            ("silence", "oack"),
            ("silence", "oack"),
            ("silence", "lost"),
        ],
    );
    check(
        2,
        1,
        false,
        &[
            ("start", "1"),
            ("ack 1", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "2"),
            ("silence", "unconfirmed"),
        ],
    );
    // The first and the last block of a window, the window as a whole twice, then its first block, for twenty seconds.
    let mut steps = vec![("start", "oack"), ("ack 0", "1-4"), ("silence", "1"), ("silence", "4")];
    steps.extend([("silence", "1-4"); 2]);
    steps.extend([("silence", "1"); 5]);
    check(9, 4, true, &[&steps[..], &[("ack 1", "2-5")]].concat());
    check(9, 4, true, &[&steps[..], &[("silence", "lost")]].concat());
}

/// One that answers its first packet at once, and then takes so many milliseconds for each: how often it is sent what it
/// has.
#[track_caller]
fn check_slow(each: u64, most: u64) {
    let mut now = Instant::now();
    let (mut sending, _) = Sending::new(100, 1, true, RoundTrip::new(None), now);
    for block in 0..=100 {
        let answers = now + Duration::from_millis(if block == 0 { 1 } else { each });
        while sending.deadline() < answers {
            let next = sending.due(sending.deadline());
            assert!(matches!(next, Next::Blocks(_)), "{each} ms, block {block}: {next:?}");
        }
        now = answers;
        let next = sending.acknowledged(block, now);
        assert_eq!(next == Next::Complete, block == 100, "{each} ms, block {block}");
    }
    assert!(sending.resent <= most, "{each} ms: {}", sending.resent);
}

#[test]
fn slow_clients_are_waited_for() {
    check_slow(150, 0);
    check_slow(300, 2);
    check_slow(3000, 8);
    check_slow(9000, 200);
}

#[test]
fn numbers_begin_again_at_zero() {
    let now = Instant::now();
    let (mut sending, _) = Sending::new(200_000, 1, false, RoundTrip::new(None), now);
    for block in 1..200_000_u64 {
        let next = sending.acknowledged(low_bits(block), now);
        assert_eq!(next, Next::Blocks(block + 1..block + 2));
        assert_eq!(sending.acknowledged(low_bits(block), now), Next::Wait);
    }
    assert_eq!(sending.acknowledged(low_bits(200_000), now), Next::Complete);
}

/// A client that takes blocks in order, and acknowledges as RFC 7440 has it.
struct Client {
    window: u64,
    last: u64,
    /// The last block in order.
    has: u64,
    of_window: u64,
    was_told_of_gap: bool,
}

impl Client {
    fn hears(&mut self, block: u64) -> Option<u64> {
        if block == self.has + 1 {
            self.has = block;
            self.of_window += 1;
            self.was_told_of_gap = false;
            if self.of_window == self.window || self.has == self.last {
                self.of_window = 0;
                return Some(self.has);
            }
            return None;
        }
        if block > self.has + 1 && self.was_told_of_gap {
            return None;
        }
        self.was_told_of_gap = true;
        self.of_window = 0;
        Some(self.has)
    }
}

proptest! {
    /// Whatever is lost, doubled or late: the client ends with the file. What is under way is bounded.
    #[test]
    fn any_network(
        blocks in 1..60_u64,
        window in 1..9_u16,
        has_oack: bool,
        fates in prop::collection::vec(0..10_u8, 1..400),
    ) {
        let mut fates = fates.into_iter().cycle();
        let mut now = Instant::now();
        let (mut sending, first) = Sending::new(blocks, window, has_oack, RoundTrip::new(None), now);
        let mut client = Client { window: window.into(), last: blocks, has: 0, of_window: 0, was_told_of_gap: false };
        let mut acknowledgements = VecDeque::new();
        let (mut next, mut turns, mut sent) = (first, 0, 0);
        // A network that loses all is none: after a while nothing is lost.
        loop {
            turns += 1;
            prop_assert!(turns < 5_000, "it does not end");
            let mut fate = || if turns > 300 { 9 } else { fates.next().unwrap_or(9) };
            match next {
                Next::Complete => break,
                Next::Unconfirmed => {
                    // The last block, or its acknowledgement, was lost again and again.
                    prop_assert!(turns <= 300 && client.has + 1 >= blocks);
                    return Ok(());
                }
                Next::Lost => {
                    // Only if nothing came through for long.
                    prop_assert!(turns <= 300);
                    return Ok(());
                }
                Next::Oack if fate() > 1 => acknowledgements.push_back(0),
                Next::Oack | Next::Wait => {}
                Next::Blocks(ref range) => {
                    prop_assert!(range.end - range.start <= u64::from(window));
                    prop_assert!(range.end <= blocks + 1);
                    sent += range.end - range.start;
                    for block in range.clone() {
                        let copies = match fate() { 0 => 0, 1 => 2, _ => 1 };
                        for _ in 0..copies {
                            acknowledgements.extend(client.hears(block));
                        }
                    }
                }
            }
            if fate() == 3 && acknowledgements.len() > 1 {
                let late = acknowledgements.pop_front();
                acknowledgements.extend(late);
            }
            now += Duration::from_millis(1);
            next = match acknowledgements.pop_front() {
                Some(block) if fate() != 0 => sending.acknowledged(low_bits(block), now),
                Some(_) => Next::Wait,
                None => {
                    now = sending.deadline();
                    sending.due(now)
                }
            };
        }
        prop_assert_eq!(client.has, blocks);
        prop_assert!(sent - sending.resent <= blocks);
    }

    /// Acknowledgements of anything cost no more than twice the file, and a window for each pause.
    #[test]
    fn no_amplification(window in 1..65_u16, acknowledged in prop::collection::vec(any::<u16>(), 1..300), is_in_order: bool) {
        let now = Instant::now();
        let (mut sending, _) = Sending::new(1000, window, true, RoundTrip::new(None), now);
        let mut sent = 0;
        let mut hear = |block: u16| {
            if let Next::Blocks(range) = sending.acknowledged(block, now) {
                sent += range.end - range.start;
            }
        };
        hear(0);
        for (number, block) in (1..).zip(acknowledged) {
            hear(if is_in_order { number } else { block % 1001 });
        }
        let acknowledged = sending.acknowledged_blocks();
        let again = if is_in_order { 0 } else { acknowledged / 2 };
        let most = acknowledged + again + 3 * u64::from(window);
        prop_assert!(sent <= most, "{} of {}", sent, most);
    }
}
