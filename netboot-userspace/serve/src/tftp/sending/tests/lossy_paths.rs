//! Transfers over paths that lose, delay and reorder, in a time of their own.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use super::{super::*, Client};
use crate::tftp::round_trip::RoundTrip;

/// Microseconds.
type Time = u64;

/// From the server to the client; acknowledgements are never lost.
#[derive(Clone, Copy, Debug)]
struct LossyPath {
    /// What a block takes to leave.
    each: Time,
    /// Blocks that wait for that; more are lost.
    buffer: u64,
    /// In one direction.
    delay: Time,
    /// At most; a block may overtake others.
    jitter: Time,
    /// Of a thousand blocks.
    lost: u64,
    /// A client that tells of each block that is not the one it waits for, not only of the first.
    tells_each: bool,
    /// A client that acknowledges each block of a window, and ignores all but the one that it waits for.
    acknowledges_each: bool,
    /// Acknowledgements come twice.
    twice: bool,
    /// The client is busy for so long after each window.
    busy: Time,
}

const LAN: LossyPath = LossyPath {
    each: 12,
    buffer: 1000,
    delay: 100,
    jitter: 0,
    lost: 0,
    tells_each: false,
    acknowledges_each: false,
    twice: false,
    busy: 0,
};

/// One after the other, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).checked_rem(end).unwrap_or(0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrives {
    Block(u64),
    Acknowledgement(u64),
    /// The client has heard nothing since.
    ClientWaits(Time),
}

/// How long a transfer takes, and how many blocks are sent again.
fn took(way: LossyPath, blocks: u64, window: u16, seed: u64) -> (Time, u64) {
    let start = Instant::now();
    let at = |time: Time| start + Duration::from_micros(time);
    let (mut now, mut leaves, mut heard) = (0, 0, 0);
    let mut chance = Chance(seed);
    let (mut sending, first) = Sending::new(blocks, window, true, RoundTrip::new(None), at(0));
    assert_eq!(first, Next::Oack);
    let mut client = Client {
        window: window.into(),
        last: blocks,
        has: 0,
        of_window: 0,
        was_told_of_gap: false,
    };
    let mut arrives = BinaryHeap::from([Reverse((2 * way.delay, Arrives::Acknowledgement(0)))]);
    while now < 300_000_000 {
        // The engine's timers keep milliseconds.
        let due = sending.deadline().duration_since(start).as_micros();
        let due = u64::try_from(due).unwrap().next_multiple_of(1000);
        let next = match arrives.peek() {
            Some(Reverse((time, _))) if *time <= due => {
                let Some(Reverse((time, what))) = arrives.pop() else { unreachable!() };
                now = time;
                let waits = |time| Reverse((time + 1_000_000, Arrives::ClientWaits(time)));
                match what {
                    Arrives::Acknowledgement(block) => {
                        sending.acknowledged(low_bits(block), at(now))
                    }
                    Arrives::Block(block) => {
                        heard = now;
                        client.was_told_of_gap &= !way.tells_each;
                        let before = client.has;
                        let said = client.hears(block);
                        let said = if way.acknowledges_each {
                            (client.has > before).then_some(block)
                        } else {
                            said
                        };
                        if let Some(block) = said {
                            let arrival = now + way.busy + way.delay;
                            for _ in 0..1 + u8::from(way.twice) {
                                arrives.push(Reverse((arrival, Arrives::Acknowledgement(block))));
                            }
                        }
                        arrives.push(waits(now));
                        Next::Wait
                    }
                    Arrives::ClientWaits(since) => {
                        if since == heard {
                            client.of_window = 0;
                            arrives.push(Reverse((
                                now + way.delay,
                                Arrives::Acknowledgement(client.has),
                            )));
                            arrives.push(waits(now));
                            heard = now;
                        }
                        Next::Wait
                    }
                }
            }
            _ => {
                now = due.max(now);
                sending.due(at(now))
            }
        };
        match next {
            Next::Wait | Next::Oack => {}
            Next::Complete => return (now, sending.resent),
            Next::Unconfirmed | Next::Lost => panic!("{way:?}, window {window}: {next:?} at {now}"),
            Next::Blocks(range) => {
                for block in range {
                    leaves = now.max(leaves);
                    if (leaves - now) / way.each >= way.buffer || chance.below(1000) < way.lost {
                        continue;
                    }
                    leaves += way.each;
                    let time = leaves + way.delay + chance.below(way.jitter);
                    arrives.push(Reverse((time, Arrives::Block(block))));
                }
            }
        }
    }
    panic!("{way:?}, window {window}: it does not end")
}

/// However long the windows are: the file takes no more than so many hundredths of the time that blocks one by one take.
#[track_caller]
fn check(way: LossyPath, most: u64) {
    let blocks = 1000;
    for tells_each in [false, true] {
        let way = LossyPath { tells_each, ..way };
        let time = |window| (0..2).map(|seed| took(way, blocks, window, seed).0).sum::<Time>();
        let one = time(1);
        for window in [4, 16, 64] {
            let hundredths = 100 * time(window) / one;
            assert!(hundredths <= most, "{way:?}, window {window}: {hundredths}");
        }
    }
}

#[test]
fn windows_are_worth_it() {
    check(LAN, 30);
    for lost in [1, 5, 10, 50] {
        check(LossyPath { lost, ..LAN }, 50);
    }
    check(LossyPath { lost: 10, delay: 10_000, ..LAN }, 50);
}

#[test]
fn small_buffers() {
    check(LossyPath { buffer: 20, ..LAN }, 100);
    // 100 and 10 Mbit/s.
    for buffer in [5, 10, 20, 40] {
        check(LossyPath { each: 120, buffer, ..LAN }, 250);
        check(LossyPath { each: 1200, buffer, ..LAN }, 250);
    }
    check(LossyPath { each: 120, buffer: 20, delay: 10_000, ..LAN }, 30);
}

/// What is acknowledged twice costs no pause, and who is only slow is not sent much twice.
#[test]
fn odd_clients() {
    for window in [4, 8, 16, 64] {
        let (usual, _) = took(LAN, 1000, window, 0);
        let (twice, _) = took(LossyPath { twice: true, ..LAN }, 1000, window, 0);
        assert!(twice <= 2 * usual + 20_000, "window {window}: {twice}, usually {usual}");
        for busy in [30_000, 150_000, 500_000] {
            let (_, resent) = took(LossyPath { busy, ..LAN }, 1000, window, 0);
            assert!(resent <= 100 + u64::from(window) * 6, "window {window}, {busy} us: {resent}");
        }
    }
}

/// Who acknowledges each block, and loses some of what comes at once, gets one window more for each loss.
#[test]
fn acknowledgements_of_each_block() {
    for buffer in [1000, 120, 100, 80, 70] {
        for delay in [10, 100, 1000] {
            let way = LossyPath { buffer, delay, acknowledges_each: true, ..LAN };
            let (time, resent) = took(way, 1000, 64, 0);
            assert!(resent <= 300 && time < 2_000_000, "{way:?}: {resent}, {time} us");
        }
    }
}

/// Who acknowledges one block after the other without having heard any gets half as much again, and a window for each
/// pause.
#[test]
fn blind_acknowledgements() {
    for (period, window) in [(50, 4), (20, 16), (50, 64), (5, 4), (300, 16)] {
        let start = Instant::now();
        let (mut sending, _) = Sending::new(10_000, window, true, RoundTrip::new(None), start);
        let (mut sent, mut acknowledged) = (0, 0);
        let seconds = 10;
        while acknowledged * period < seconds * 1000 {
            let now = start + Duration::from_millis(acknowledged * period);
            let mut count = |next: Next| match next {
                Next::Blocks(blocks) => sent += blocks.end - blocks.start,
                Next::Wait | Next::Oack => {}
                other => panic!("{other:?}"),
            };
            while sending.deadline() < now {
                let at = sending.deadline();
                count(sending.due(at));
            }
            count(sending.acknowledged(low_bits(acknowledged), now));
            acknowledged += 1;
        }
        let most = acknowledged * 3 / 2 + u64::from(window) * (3 + seconds * 5);
        assert!(sent <= most, "every {period} ms, window {window}: {sent}, {most} at most");
    }
}

/// The engine's timers are coarser than what would be best.
#[test]
fn overtaken_blocks() {
    for jitter in [20, 100, 500, 2000] {
        check(LossyPath { jitter, ..LAN }, 1500);
    }
    check(LossyPath { jitter: 2000, delay: 10_000, ..LAN }, 50);
}
