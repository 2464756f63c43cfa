//! Tests of the limits on interfaces without the program.

use std::collections::{BTreeMap, HashMap};

use netboot_ebpf::{
    limit::Limit,
    shared::{Mac, NO_ARCHITECTURE, Vlan},
    tables::Tables as _,
    verdict::Bound,
};
use zerocopy::FromZeros as _;

use super::*;
use crate::tables::Arrival;

const SECOND: u64 = 1_000_000_000;
const HERE: Asked = Asked { ifindex: 1, link: [0; 4] };
const KNOWN: u32 = 1;
/// Booted in mode `auto-proxy`.
const GUEST: u32 = 2;

fn station(number: u32) -> Station {
    let [a, b, c, d] = number.to_be_bytes();
    Station::untagged(Mac { octets: [2, 0, a, b, c, d] })
}

fn tables(machine: Limit, unknown: Limit, total: Limit) -> Tables {
    let row = Reservation { architecture: NO_ARCHITECTURE, ..Reservation::new_zeroed() };
    let [_, _, a, ..] = station(GUEST).mac.octets;
    Tables {
        settings: Settings { machine, unknown, total, ..Settings::default() },
        reservations: BTreeMap::from([(station(KNOWN), row)]),
        anybody: HashMap::from([((Arrival::Interface(1, Vlan::NONE), Some([2, 0, a])), row)]),
        ..Tables::default()
    }
}

/// What became of messages, and how many were told of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u32,
    told: u32,
    rate_limited: u32,
    over_ceiling: u32,
}

/// Messages of these machines, each with this verdict where it is not over a limit.
fn judge(
    tables: &Tables,
    limits: &Mutex<MessageLimits>,
    now: u64,
    verdict: Verdict,
    machines: impl Iterator<Item = u32>,
) -> Counts {
    let mut counts = Counts::default();
    for machine in machines {
        let limited = Limited::new(tables, limits, now);
        let seen = Seen { station: station(machine), ..Seen::NOTHING };
        let looked_up = matches!(verdict.bound(), Bound::Nothing | Bound::Unknown);
        let looked_up = looked_up.then(|| limited.reservation(&seen.station).map(|_| verdict));
        let verdict = match limited.admit() {
            Ok(()) => looked_up.unwrap_or(Ok(verdict)).unwrap_or_else(|verdict| verdict),
            Err(verdict) => verdict,
        };
        match limited.conclude(verdict, 1, &seen) {
            Conclusion::Told => (counts.passed, counts.told) = (counts.passed + 1, counts.told + 1),
            Conclusion::LeftOut => counts.passed += 1,
            Conclusion::Over(Verdict::RateLimited) => counts.rate_limited += 1,
            Conclusion::Over(Verdict::OverCeiling) => counts.over_ceiling += 1,
            Conclusion::Over(other) => panic!("{other:?}"),
        }
    }
    counts
}

#[track_caller]
fn check(
    limits: [Limit; 3],
    verdict: Verdict,
    machines: impl Iterator<Item = u32>,
    expect: (u32, u32, u32, u32),
) {
    let [machine, unknown, total] = limits;
    let tables = tables(machine, unknown, total);
    let counts = judge(&tables, &Mutex::default(), 7 * SECOND, verdict, machines);
    let (passed, told, rate_limited, over_ceiling) = expect;
    assert_eq!(counts, Counts { passed, told, rate_limited, over_ceiling }, "{verdict:?}");
}

const OFF: Limit = Limit { interval: 0, burst: 0 };

#[test]
fn what_is_over_a_limit_goes_no_further() {
    let (machine, unknown, total) =
        (Limit::per_second(20, 5), Limit::per_second(1000, 1), Limit::per_second(300, 1));
    let loops = || [KNOWN].into_iter().cycle().take(500);
    let forged = || 100..5100;
    let usual = [machine, unknown, OFF];
    // Passed, told of, over its own rate, over that of all.
    check(usual, Verdict::Offer, loops(), (100, 100, 400, 0));
    check(usual, Verdict::Nak, loops(), (100, 100, 400, 0));
    check([OFF, OFF, OFF], Verdict::Offer, loops(), (500, 500, 0, 0));
    check([machine, unknown, total], Verdict::Offer, loops(), (100, 100, 200, 200));
    check(usual, Verdict::UnknownMachine, forged(), (1000, 100, 0, 4000));
    check([machine, OFF, OFF], Verdict::UnknownMachine, forged(), (5000, 100, 0, 0));
    // One that loops: it does not use up what all share.
    let stranger = || [77].into_iter().cycle().take(500);
    check(usual, Verdict::UnknownMachine, stranger(), (101, 1, 399, 0));
    check(usual, Verdict::NotRequest, stranger(), (500, 100, 0, 0));
    check(usual, Verdict::BadOption, forged(), (1000, 100, 0, 4000));
    for verdict in [Verdict::Fragment, Verdict::ProxyPort] {
        check(usual, verdict, forged(), (1000, 100, 0, 4000));
    }
    for verdict in [Verdict::OtherDestination, Verdict::IpOptions, Verdict::Tagged] {
        check(usual, verdict, forged(), (5000, 100, 0, 0));
    }
    // Judged before the machine was looked up.
    check(usual, Verdict::OtherServer, loops(), (100, 100, 400, 0));
    check(usual, Verdict::OtherServer, forged(), (1000, 100, 0, 4000));
}

#[test]
fn others_are_served_beside_one_that_loops() {
    let tables = tables(Limit::per_second(20, 5), Limit::per_second(1000, 1), OFF);
    let limits = Mutex::default();
    let forged = judge(&tables, &limits, SECOND, Verdict::UnknownMachine, 100..9000);
    assert_eq!((forged.passed, forged.told), (1000, 100));
    let known = judge(&tables, &limits, SECOND, Verdict::Offer, [KNOWN].into_iter());
    assert_eq!(known.passed, 1);
}

#[test]
fn a_message_counts_once_and_anybody_counts() {
    let tables = tables(Limit::per_second(1, 1), OFF, OFF);
    let limits = Mutex::default();
    let at = |now| Limited::new(&tables, &limits, now);
    let message = at(SECOND);
    // A NAK looks its machine up twice.
    assert!(message.reservation(&station(KNOWN)).is_ok());
    assert!(message.reservation(&station(KNOWN)).is_ok());
    assert_eq!(at(SECOND).reservation(&station(KNOWN)), Err(Verdict::RateLimited));
    assert!(at(2 * SECOND).reservation(&station(KNOWN)).is_ok());
    assert!(at(SECOND).anybody(HERE, &station(GUEST)).is_some());
    assert!(at(SECOND).anybody(HERE, &station(GUEST)).is_none());
    assert!(at(2 * SECOND).anybody(HERE, &station(GUEST)).is_some());
}

#[test]
fn anybody_is_bounded_as_nobody_is() {
    let mut tables = tables(Limit::per_second(20, 5), Limit::per_second(1000, 1), OFF);
    let row = tables.anybody[&(Arrival::Interface(1, Vlan::NONE), Some([2, 0, 0]))];
    tables.anybody = HashMap::from([((Arrival::Interface(1, Vlan::NONE), None), row)]);
    let limits = Mutex::default();
    let (mut answered, mut told, mut dropped) = (0, 0, 0);
    for machine in 100..5100 {
        let limited = Limited::new(&tables, &limits, SECOND);
        let seen = Seen { station: station(machine), ..Seen::NOTHING };
        let verdict = match limited.anybody(HERE, &seen.station) {
            Some(_) => Verdict::Offer,
            None => Verdict::UnknownMachine,
        };
        match limited.conclude(verdict, 1, &seen) {
            Conclusion::Over(over) => {
                assert_eq!(over, Verdict::OverCeiling);
                dropped += 1;
            }
            conclusion => {
                answered += u32::from(verdict == Verdict::Offer);
                told += u32::from(conclusion == Conclusion::Told);
            }
        }
    }
    assert_eq!((answered, told, dropped), (1000, 100, 4000));
    assert_eq!(limits.lock().known.len(), 1000);
}

#[test]
fn forged_machines_take_no_more_than_their_places() {
    let tables = tables(Limit::per_second(20, 5), OFF, OFF);
    let limits = Mutex::default();
    judge(&tables, &limits, SECOND, Verdict::UnknownMachine, 0..10_000);
    assert_eq!(limits.lock().unknown.len(), MAX_UNKNOWN);
}
