//! Tests of the limits on connections.

use std::time::Duration;

use super::*;

const LIMITS: ConnectionLimits = ConnectionLimits { all: 6, of_source: 3 };

fn connections() -> Connections {
    Connections::new(LIMITS, Arc::default())
}

/// Connections that came one after another from these; whoever comes then, and who goes.
#[track_caller]
fn check(there: &[(&str, bool)], comes: &str, expect: Result<Option<usize>, NoPlace>) {
    let connections = connections();
    let start = Instant::now();
    let enter =
        |from: &str, at| connections.enter(from.parse().unwrap(), start + Duration::from_secs(at));
    let seats: Vec<_> = there
        .iter()
        .zip(0..)
        .map(|((from, works), at)| {
            let (seat, entry) = enter(from, at).unwrap();
            assert_eq!(entry, Entered::Free);
            if *works {
                seat.works();
            }
            seat
        })
        .collect();
    let came = enter(comes, 100);
    let gone = seats.iter().position(|seat| seat.end.is_cancelled());
    assert_eq!(came.as_ref().map(|_| gone).map_err(|refusal| *refusal), expect, "{there:?}");
    if let Ok((_, entry)) = &came {
        assert_eq!(*entry == Entered::Instead, gone.is_some());
    }
    let counted: u64 = connections.counters.all().iter().map(|(_, count)| count).sum();
    assert_eq!(counted, u64::from(came.is_err() || gone.is_some()));
    drop((came, seats));
    let open = connections.lock();
    assert!(open.seats.is_empty() && open.sources.is_empty(), "all places are free again");
}

#[test]
fn whoever_waits_longest_gives_way() {
    const A: &str = "10.0.0.1";
    const B: &str = "10.0.0.2";
    const C: &str = "10.0.0.3";
    const D: &str = "10.0.0.4";
    const WAITS: bool = false;
    const WORKS: bool = true;
    check(&[], A, Ok(None));
    check(&[(A, WAITS); 2], A, Ok(None));
    check(&[(A, WAITS); 3], A, Err(NoPlace::Source(3)));
    check(&[(A, WAITS), (A, WAITS), (B, WAITS), (C, WAITS), (A, WAITS)], B, Ok(None));

    let full = [(B, WAITS), (A, WAITS), (A, WAITS), (A, WAITS), (C, WAITS), (B, WAITS)];
    check(&full, D, Ok(Some(1)));
    check(&full, B, Ok(Some(1)));
    check(&full, A, Err(NoPlace::Source(3)));
    let works = [(B, WAITS), (A, WORKS), (A, WORKS), (A, WORKS), (C, WAITS), (B, WAITS)];
    check(&works, D, Ok(Some(0)));
    let of_many = [(B, WORKS), (A, WORKS), (A, WORKS), (A, WAITS), (C, WAITS), (B, WAITS)];
    check(&of_many, D, Ok(Some(3)));
    // The clients have taken nothing of their answers for long.
    check(&full.map(|(from, _)| (from, WORKS)), D, Ok(Some(1)));

    const NET: [&str; 3] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:1::"];
    let net = NET.map(|from| (from, WAITS));
    check(&net, "2001:db8::2", Err(NoPlace::Source(3)));
    check(&net, "2001:db8:0:1::2", Ok(None));
    check(&[("::ffff:10.0.0.1", WAITS); 3], A, Err(NoPlace::Source(3)));
}

#[tokio::test]
async fn it_is_said_until_it_is_over() {
    let connections = connections();
    let said = Mutex::new(Vec::new());
    let tell = |why: Option<&str>| said.lock().push(why.map(str::to_owned));
    let mut full_notice = FullNotice::new(tell);
    let seat = connections.enter("10.0.0.1".parse().unwrap(), Instant::now()).unwrap();
    for seconds in [70, 65, 60] {
        let then = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        full_notice.is_full(&connections, then);
    }
    full_notice.is_over().await;
    drop(seat);
    let said = said.into_inner();
    let why = said[0].as_deref().unwrap();
    assert!(why.starts_with("all 6 connections are taken, 1 of them by 10.0.0.1: "), "{why}");
    assert_eq!(said[1..], [None]);
}

#[test]
fn who_takes_an_answer_stays() {
    let connections = connections();
    let start = Instant::now();
    let from = |last: u8| IpAddr::from([10, 0, 0, last]);
    let seats: Vec<_> =
        (0..6).map(|last| connections.enter(from(last), start).unwrap().0).collect();
    seats.iter().for_each(Seat::works);
    let check = |after: Duration, expect: Option<usize>| {
        let came = connections.enter(from(9), Instant::now() + after);
        let gone = seats.iter().position(|seat| seat.end.is_cancelled());
        assert_eq!((came.is_ok(), gone), (expect.is_some(), expect), "{after:?}");
    };
    check(STALLED - Duration::from_secs(1), None);
    seats.iter().for_each(Seat::moves);
    check(STALLED - Duration::from_secs(2), None);
    let deadline = Instant::now() + STALLED;
    while Instant::now() == deadline - STALLED {}
    seats.iter().filter(|seat| seat.number != 3).for_each(Seat::moves);
    check(deadline.saturating_duration_since(Instant::now()), Some(3));
}
