//! The conclusions of frames: limits, and of whom the daemon is told.

use std::collections::HashMap;

use netboot_ebpf::{
    conclude::{Conclusion, Counts, conclude},
    limit::{Ceilings, Limit, Unknown},
    shared::{Mac, Seen, Settings, Station},
    verdict::{Bound, Verdict},
};

const SECOND: u64 = 1_000_000_000;
const IFINDEX: u32 = 7;
/// Has a reservation.
const KNOWN: u8 = 1;

/// The counts of a side that forgets nothing.
#[derive(Default)]
struct Rows {
    ceilings: Ceilings,
    unknown: HashMap<Station, Unknown>,
    /// What is said of the known machine.
    over: Option<Verdict>,
    is_anybody: bool,
}

impl Counts for Rows {
    fn ceilings(&mut self) -> &mut Ceilings {
        &mut self.ceilings
    }

    fn unknown(&mut self, station: &Station) -> (&mut Ceilings, Option<&mut Unknown>) {
        (&mut self.ceilings, self.unknown.get_mut(station))
    }

    fn remember(&mut self, station: &Station, unknown: Unknown) {
        assert_eq!(self.unknown.insert(*station, unknown), None, "it was there");
    }

    fn count(&mut self, station: &Station) -> Result<(), Verdict> {
        if *station != self::station(KNOWN) {
            return Err(Verdict::UnknownMachine);
        }
        self.over.map_or(Ok(()), Err)
    }

    fn is_anybody(&self) -> bool {
        self.is_anybody
    }
}

fn station(number: u8) -> Station {
    Station::untagged(Mac { octets: [2, 0, 0, 0, 0, number] })
}

/// Three unknown messages of one machine a second, of all machines five.
fn settings() -> Settings {
    let (machine, unknown) = (Limit::per_second(3, 1), Limit::per_second(5, 1));
    Settings { machine, unknown, ..Settings::default() }
}

fn at(rows: &mut Rows, now: u64, machine: u8, verdict: Verdict) -> Conclusion {
    let seen = Seen { station: station(machine), architecture: 9, stage: 2, ..Seen::NOTHING };
    conclude(rows, &settings(), now, verdict, IFINDEX, &seen)
}

const TOLD: Conclusion = Conclusion::Told;
const LEFT_OUT: Conclusion = Conclusion::LeftOut;
const OFTEN: Conclusion = Conclusion::Over(Verdict::RateLimited);
const MANY: Conclusion = Conclusion::Over(Verdict::OverCeiling);

#[test]
fn conclusions_follow_each_other() {
    /// Messages of a machine at a time, in milliseconds.
    #[track_caller]
    fn check(rows: Rows, verdict: Verdict, messages: &[(u64, u8, Conclusion)]) {
        let mut rows = rows;
        for (index, (millisecond, machine, expect)) in messages.iter().enumerate() {
            let now = 7 * SECOND + millisecond * (SECOND / 1000);
            let concluded = at(&mut rows, now, *machine, verdict);
            assert_eq!(concluded, *expect, "{verdict:?}: message {index}");
        }
    }
    let rows = Rows::default;
    // One that loops is told of once a second, and stopped before it uses up what all share.
    check(
        rows(),
        Verdict::UnknownMachine,
        &[
            (0, 9, TOLD),
            (0, 9, LEFT_OUT),
            (0, 9, LEFT_OUT),
            (0, 9, LEFT_OUT),
            (0, 9, OFTEN),
            (0, 8, TOLD),
            (0, 7, MANY),
            (200, 7, TOLD),
            (999, 9, LEFT_OUT),
            (1000, 9, TOLD),
        ],
    );
    // Over the ceiling it was not told of: it is told of when the ceiling admits it.
    check(
        rows(),
        Verdict::UnknownMachine,
        &[
            (0, 9, TOLD),
            (1500, 8, TOLD),
            (1500, 7, TOLD),
            (1500, 6, TOLD),
            (1500, 5, TOLD),
            (1500, 4, TOLD),
            (1500, 9, MANY),
            (1700, 9, TOLD),
        ],
    );
    let all = |expect| [(0, 9, expect), (0, KNOWN, expect), (0, 9, expect)];
    check(rows(), Verdict::Offer, &all(TOLD));
    for silent in [Verdict::Stale, Verdict::RateLimited, Verdict::OverCeiling] {
        check(rows(), silent, &all(Conclusion::Over(silent)));
    }
    let bound = |bound| Verdict::ALL.into_iter().filter(move |verdict| verdict.bound() == bound);
    let six = |machine, last| [TOLD, TOLD, TOLD, TOLD, TOLD, last].map(|to| (0, machine, to));
    for verdict in bound(Bound::Nobody) {
        check(rows(), verdict, &six(KNOWN, MANY));
    }
    for verdict in bound(Bound::Machine) {
        check(rows(), verdict, &six(KNOWN, TOLD));
        check(rows(), verdict, &six(9, MANY));
        let over = Rows { over: Some(Verdict::RateLimited), ..rows() };
        check(over, verdict, &[(0, KNOWN, OFTEN)]);
    }
    // Of what is for others, and of guests, a hundred a second.
    let sampled = || (0..150).map(|index| (0, 9, if index < 100 { TOLD } else { LEFT_OUT }));
    for verdict in bound(Bound::Others) {
        check(rows(), verdict, &sampled().collect::<Vec<_>>());
    }
    let guest = || Rows { is_anybody: true, ..rows() };
    check(guest(), Verdict::Offer, &sampled().collect::<Vec<_>>());
}

#[test]
fn an_unknown_machine_is_remembered_for_an_operator() {
    let mut rows = Rows::default();
    for (now, machine) in [(SECOND, 9), (2 * SECOND, 9), (2 * SECOND, 8)] {
        at(&mut rows, now, machine, Verdict::UnknownMachine);
    }
    let row = rows.unknown[&station(9)];
    assert_eq!((row.requests, row.last_seen, row.told), (2, 2 * SECOND, 2 * SECOND));
    assert_eq!((row.ifindex, row.architecture, row.stage), (IFINDEX, 9, 2));
    assert_eq!(rows.unknown.len(), 2);
    // Forged machines over the ceiling push no other out.
    for machine in 10..30 {
        at(&mut rows, 2 * SECOND, machine, Verdict::UnknownMachine);
    }
    assert_eq!(rows.unknown.len(), 5);
}
