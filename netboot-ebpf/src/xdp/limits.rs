//! The kernel's side of a frame's conclusion: the counts in the maps, and the ring through which the daemon is
//! told.

use aya_ebpf::bindings::{BPF_NOEXIST, BPF_RB_NO_WAKEUP};
use netboot_ebpf::{
    conclude::{Conclusion, Counts, conclude},
    limit::{Ceilings, Unknown},
    shared::{EVENTS_LEFT_OUT, EVENTS_LOST, Event, Seen, Station},
    tables::Tables as _,
    verdict::Verdict,
};

use crate::maps::{EVENTS, Maps, UNKNOWN, increment};

impl Maps {
    /// The verdict that the frame is counted as: its own, or the one that says which limit the frame is over. Tells
    /// the daemon of the frame.
    #[inline(always)]
    pub fn conclude(&mut self, verdict: Verdict, ifindex: u32, seen: &Seen) -> Verdict {
        let (settings, now) = (self.settings, self.now);
        match conclude(self, settings, now, verdict, ifindex, seen) {
            Conclusion::Told => self.tell(verdict, ifindex, seen),
            Conclusion::LeftOut => increment(EVENTS_LEFT_OUT),
            Conclusion::Over(over) => return over,
        }
        verdict
    }

    /// A full ring loses the telling, not the answer, and that is counted. The daemon polls, so that no
    /// message pays for a wakeup.
    #[inline(always)]
    fn tell(&self, verdict: Verdict, ifindex: u32, seen: &Seen) {
        match EVENTS.reserve(0) {
            Some(mut entry) => {
                entry.write(Event { at: self.now, ifindex, verdict: verdict as u32, seen: *seen });
                entry.submit(u64::from(BPF_RB_NO_WAKEUP));
            }
            None => increment(EVENTS_LOST),
        }
    }
}

impl Counts for Maps {
    #[inline(always)]
    fn ceilings(&mut self) -> &mut Ceilings {
        Maps::ceilings(self)
    }

    #[inline(always)]
    fn unknown(&mut self, station: &Station) -> (&mut Ceilings, Option<&mut Unknown>) {
        // SAFETY: a recycled slot stays map memory; at worst the newer of two machines has a count too
        // many.
        let unknown = UNKNOWN.get_ptr_mut(station).map(|unknown| unsafe { &mut *unknown });
        (Maps::ceilings(self), unknown)
    }

    #[inline(always)]
    fn remember(&mut self, station: &Station, unknown: Unknown) {
        // Another CPU may have been faster: then it is there.
        let _ = UNKNOWN.insert(station, unknown, u64::from(BPF_NOEXIST));
    }

    #[inline(always)]
    fn count(&mut self, station: &Station) -> Result<(), Verdict> {
        match self.reservation(station) {
            Ok(_) => Ok(()),
            Err(verdict) => Err(verdict),
        }
    }

    #[inline(always)]
    fn is_anybody(&self) -> bool {
        false
    }
}
