//! IPv6 routers by interface and VLAN: whether one was heard, or none answered.

use std::{
    fmt,
    net::Ipv6Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use netboot_base::bounded::bounded;
use netboot_ebpf::shared::{Mac, Vlan};
use parking_lot::{Mutex, MutexGuard};

/// As a host asks at its start: MAX_RTR_SOLICITATIONS and RTR_SOLICITATION_INTERVAL (RFC 4861 section 10). A router
/// answers within 0.5 s, or 3 s after it last told everybody (MIN_DELAY_BETWEEN_RAS).
const QUESTIONS: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(4);
/// When nobody answered, it is asked again with the next machine that waits: the switch's port may have held the first
/// questions back.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// A router tells everybody within this time (MaxRtrAdvInterval, RFC 4861 section 6.2.1). One that is nobody's default
/// router, and so has no lifetime, is believed for as long, and no other for longer.
const HEARD: Duration = Duration::from_secs(1800);
/// What was heard once may be forged: it is believed for so long, and then asked again. A router answers, and is
/// heard for the second time.
const HEARD_ONCE: Duration = Duration::from_secs(60);
/// Routers that are remembered of each place.
const REMEMBERED: usize = 8;
/// Interfaces and VLANs that are remembered: tags are easily forged.
const MOST: usize = 1024;

/// By interface and VLAN; what was used least lately makes room.
type RouterRows = LruCache<(u32, Vlan), RouterRow>;

/// Of all interfaces; cheap to clone.
#[derive(Clone)]
pub struct Routers(Arc<Mutex<RouterRows>>);

struct RouterRow {
    first_asked: Option<Instant>,
    last_asked: Instant,
    questions: u32,
    tags: Vec<u8>,
    router: Option<Router>,
    /// Who was heard, the last one at the end.
    heard: Vec<(Ipv6Addr, Mac)>,
}

/// One that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Router {
    pub address: Ipv6Addr,
    pub mac: Mac,
    until: Instant,
}

/// What is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Nobody answered us.
    None,
    /// A router might yet answer.
    Asking,
    Heard(Router),
}

impl Default for Routers {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(bounded(MOST))))
    }
}

impl Routers {
    /// A router was heard; whether that is new.
    pub(super) fn heard(
        &self,
        place: (u32, Vlan),
        address: Ipv6Addr,
        mac: Mac,
        lifetime: Duration,
        now: Instant,
    ) -> bool {
        let mut rows = self.lock();
        let row = row(&mut rows, place, now);
        // A lifetime is no less than the time to the next advertisement (AdvDefaultLifetime, section 6.2.1).
        let lifetime = if lifetime.is_zero() { HEARD } else { lifetime.min(HEARD) };
        let again = row.hear((address, mac));
        let until = now + if again { lifetime } else { lifetime.min(HEARD_ONCE) };
        let before = row.router.replace(Router { address, mac, until });
        !again && before.is_none_or(|before| before.until <= now)
    }

    /// A router says that it is none any more (section 6.2.5): it is asked anew.
    pub(super) fn withdrawn(&self, place: (u32, Vlan), address: Ipv6Addr, mac: Mac, now: Instant) {
        let mut rows = self.lock();
        let Some(row) = rows.peek_mut(&place) else { return };
        let known = row.router.as_mut();
        if let Some(known) = known.filter(|known| (known.address, known.mac) == (address, mac)) {
            known.until = now;
            row.heard.retain(|router| *router != (address, mac));
        }
    }

    /// A machine waits, whose frame has these tags. The next question is due at once where none was asked lately.
    pub(super) fn knowledge(&self, place: (u32, Vlan), tags: &[u8], now: Instant) -> Knowledge {
        let mut rows = self.lock();
        let row = row(&mut rows, place, now);
        if let Some(router) = row.router.filter(|router| router.until > now) {
            return Knowledge::Heard(router);
        }
        row.ask_anew_after_expiry(now);
        row.tags = tags.to_vec();
        let Some(first) = row.first_asked else { return Knowledge::Asking };
        if now.saturating_duration_since(row.last_asked) > ASK_AGAIN {
            row.questions = QUESTIONS - 1;
        }
        if now.saturating_duration_since(first) < INTERVAL {
            Knowledge::Asking
        } else {
            Knowledge::None
        }
    }

    /// The tags of the questions that are due on an interface, the first without any; they count as asked.
    pub(super) fn questions(&self, ifindex: u32, now: Instant) -> Vec<Vec<u8>> {
        let mut due = Vec::new();
        let mut rows = self.lock();
        row(&mut rows, (ifindex, Vlan::NONE), now);
        for row in rows.iter_mut().filter(|((of, _), _)| *of == ifindex).map(|(_, row)| row) {
            row.ask_anew_after_expiry(now);
            let is_due = row.first_asked.is_none()
                || now.saturating_duration_since(row.last_asked) >= INTERVAL
                    && row.questions < QUESTIONS;
            if is_due && row.router.is_none() {
                if row.first_asked.is_none() {
                    (row.first_asked, row.questions) = (Some(now), 0);
                }
                row.last_asked = now;
                row.questions += 1;
                due.push(row.tags.clone());
            }
        }
        due
    }

    /// All is to be asked anew.
    pub(super) fn forget(&self, ifindex: u32) {
        let mut rows = self.lock();
        let of: Vec<_> = rows.iter().map(|(place, _)| *place).collect();
        for place in of.into_iter().filter(|(of, _)| *of == ifindex) {
            rows.pop(&place);
        }
    }

    /// By interface and VLAN.
    pub(super) fn all(&self, now: Instant) -> Vec<((u32, Vlan), Knowledge)> {
        let rows = self.lock();
        let mut all: Vec<_> =
            rows.iter().map(|(place, row)| (*place, row.knowledge(now))).collect();
        all.sort_by_key(|(place, _)| *place);
        all
    }

    fn lock(&self) -> MutexGuard<'_, RouterRows> {
        self.0.lock()
    }
}

impl RouterRow {
    /// Whether this one was heard before.
    fn hear(&mut self, router: (Ipv6Addr, Mac)) -> bool {
        let before = self.heard.iter().position(|heard| *heard == router);
        match before {
            Some(at) => {
                self.heard.remove(at);
            }
            None if self.heard.len() == REMEMBERED => {
                self.heard.remove(0);
            }
            None => {}
        }
        self.heard.push(router);
        before.is_some()
    }

    fn ask_anew_after_expiry(&mut self, now: Instant) {
        if self.router.take_if(|router| router.until <= now).is_some() {
            self.first_asked = None;
        }
    }

    fn knowledge(&self, now: Instant) -> Knowledge {
        if let Some(router) = self.router.filter(|router| router.until > now) {
            return Knowledge::Heard(router);
        }
        match self.first_asked {
            Some(first) if now.saturating_duration_since(first) >= INTERVAL => Knowledge::None,
            _ => Knowledge::Asking,
        }
    }
}

/// The row of a place.
fn row(rows: &mut RouterRows, place: (u32, Vlan), now: Instant) -> &mut RouterRow {
    rows.get_or_insert_mut(place, || RouterRow {
        first_asked: None,
        last_asked: now,
        questions: 0,
        tags: Vec::new(),
        router: None,
        heard: Vec::new(),
    })
}

impl fmt::Display for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none answers"),
            Self::Asking => f.write_str("asking"),
            Self::Heard(router) => write!(f, "{} ({})", router.address, router.mac),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (u32, Vlan) = (3, Vlan::NONE);
    const TAGGED: (u32, Vlan) = (3, Vlan { ids: [7, 0] });
    const TAG: &[u8] = &[0x81, 0, 0, 7];
    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    struct Clock(Routers, Instant);

    impl Clock {
        fn at(&self, seconds: u64) -> Instant {
            self.1 + Duration::from_secs(seconds)
        }

        fn heard(&self, seconds: u64, lifetime: u64) -> bool {
            let lifetime = Duration::from_secs(lifetime);
            self.0.heard(HERE, ADDRESS, Mac::default(), lifetime, self.at(seconds))
        }

        /// What is known, and how many questions are due then.
        #[track_caller]
        fn check(&self, seconds: u64, expect: (&str, usize)) {
            let now = self.at(seconds);
            let known = match self.0.knowledge(HERE, &[], now) {
                Knowledge::None => "none",
                Knowledge::Asking => "asking",
                Knowledge::Heard(_) => "heard",
            };
            let due = self.0.questions(3, now).len();
            assert_eq!((known, due), expect, "after {seconds} s");
        }
    }

    fn opened() -> Clock {
        Clock(Routers::default(), Instant::now())
    }

    #[test]
    fn silence_is_an_answer_after_a_while() {
        let clock = opened();
        clock.check(0, ("asking", 1));
        clock.check(1, ("asking", 0));
        clock.check(3, ("asking", 0));
        clock.check(4, ("none", 1));
        clock.check(8, ("none", 1));
        clock.check(12, ("none", 0));
        clock.check(68, ("none", 0));
        // One more, with the next machine.
        clock.check(69, ("none", 1));
        clock.check(80, ("none", 0));
        // The interface went down and up.
        clock.0.forget(3);
        clock.check(90, ("asking", 1));
    }

    #[test]
    fn what_is_heard_once_is_asked_again() {
        for (lifetime, until) in [(1, 1), (30, 30), (9000, 60), (0, 60)] {
            let clock = opened();
            clock.check(0, ("asking", 1));
            assert!(clock.heard(5, lifetime));
            clock.check(5, ("heard", 0));
            clock.check(5 + until - 1, ("heard", 0));
            clock.check(5 + until, ("asking", 1));
            clock.check(5 + until + 4, ("none", 1));
        }
    }

    #[test]
    fn a_router_is_believed_for_its_lifetime() {
        for (lifetime, until) in [(30, 30), (600, 600), (9000, 1800), (0, 1800)] {
            let clock = opened();
            clock.check(0, ("asking", 1));
            assert!(clock.heard(5, lifetime));
            // The router answers when it is asked again, which is not news.
            assert!(!clock.heard(66, lifetime));
            clock.check(66 + until - 1, ("heard", 0));
            clock.check(66 + until, ("asking", 1));
            clock.check(66 + until + 4, ("none", 1));
        }
    }

    #[test]
    fn two_routers_are_no_news_in_turn() {
        let clock = opened();
        let heard = |seconds, number| {
            let (address, lifetime) = (Ipv6Addr::from(number), Duration::from_secs(60));
            clock.0.heard(HERE, address, Mac::default(), lifetime, clock.at(seconds))
        };
        assert!(heard(0, 1));
        for (seconds, number, expect) in [(1, 2, false), (100, 1, false), (101, 2, false)] {
            assert_eq!(heard(seconds, number), expect, "after {seconds} s");
        }
        // As many as are remembered make the first one news again.
        for number in 3..=10 {
            heard(102, number);
        }
        assert!(heard(200, 1));
    }

    #[test]
    fn a_router_may_say_that_it_is_none_any_more() {
        let clock = opened();
        let other = Mac { octets: [2; 6] };
        clock.heard(0, 600);
        clock.heard(1, 600);
        clock.0.withdrawn(HERE, ADDRESS, other, clock.at(2));
        clock.check(2, ("heard", 0));
        clock.0.withdrawn(HERE, ADDRESS, Mac::default(), clock.at(3));
        clock.check(3, ("asking", 1));
        clock.check(7, ("none", 1));
    }

    /// Also where no machine waits: the status then does not show who went.
    #[test]
    fn who_went_is_asked_without_a_machine() {
        let clock = opened();
        clock.heard(0, 600);
        assert_eq!(clock.0.questions(3, clock.at(59)).len(), 0);
        assert_eq!(clock.0.questions(3, clock.at(60)).len(), 1);
    }

    #[test]
    fn each_vlan_has_its_own() {
        let clock = opened();
        clock.heard(0, 1800);
        let known = |place, seconds| clock.0.knowledge(place, TAG, clock.at(seconds));
        assert_eq!(known(TAGGED, 0), Knowledge::Asking);
        assert_eq!(clock.0.questions(4, clock.at(0)), [b""]);
        assert_eq!(clock.0.questions(3, clock.at(0)), [TAG]);
        assert_eq!(known(TAGGED, 4), Knowledge::None);
        clock.check(4, ("heard", 1));
        assert_eq!(clock.0.all(clock.at(4)).len(), 3);
        clock.0.forget(3);
        assert_eq!(clock.0.all(clock.at(4)).len(), 1);
    }

    #[test]
    fn forged_tags_are_bounded() {
        let clock = opened();
        for number in 0..4000 {
            let place = (3, Vlan { ids: [number, 1] });
            clock.0.heard(place, ADDRESS, Mac::default(), HEARD, clock.at(number.into()));
        }
        let all = clock.0.all(clock.at(4000));
        assert_eq!((all.len(), all.first().map(|(place, _)| place.1.ids)), (MOST, Some([2976, 1])));
    }
}
