//! What becomes of a message beyond its answer: over a limit it is dropped, else the daemon is told of it.

use aya_ebpf::bindings::{BPF_NOEXIST, BPF_RB_NO_WAKEUP};
use netboot_ebpf::{
    limit::Unknown,
    shared::{EVENTS_LEFT_OUT, EVENTS_LOST, Event, Seen},
    tables::Tables as _,
    verdict::{Bound, Verdict},
};

use crate::maps::{EVENTS, Maps, UNKNOWN, increment};

/// Whether the daemon is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    Always,
    /// Among all messages of nobody.
    Sampled,
    /// It was told of the machine a moment ago.
    Known,
}

impl Maps {
    /// The verdict, or the one that says which limit the message is over. Tells the daemon of it, and
    /// remembers a machine without reservation, so that an operator can add it.
    #[inline(always)]
    pub fn conclude(&self, verdict: Verdict, ifindex: u32, seen: &Seen) -> Verdict {
        let tell = match self.bound(verdict, ifindex, seen) {
            Ok(tell) => tell,
            Err(over) => return over,
        };
        if tell == Tell::Always || tell == Tell::Sampled && self.ceilings().admit_event(self.now) {
            self.tell(verdict, ifindex, seen);
        } else {
            increment(EVENTS_LEFT_OUT);
        }
        verdict
    }

    #[inline(always)]
    fn bound(&self, verdict: Verdict, ifindex: u32, seen: &Seen) -> Result<Tell, Verdict> {
        match verdict.bound() {
            Bound::Nothing => return Ok(Tell::Always),
            Bound::Silence => return Err(verdict),
            Bound::Unknown => return self.unknown(ifindex, seen),
            Bound::Machine => match self.reservation(&seen.station) {
                Ok(_) => return Ok(Tell::Always),
                Err(Verdict::RateLimited) => return Err(Verdict::RateLimited),
                Err(_) => {}
            },
            Bound::Others => return Ok(Tell::Sampled),
            Bound::Nobody => {}
        }
        self.nobody()
    }

    #[inline(always)]
    fn nobody(&self) -> Result<Tell, Verdict> {
        if self.ceilings().admit_unknown(self.settings, self.now) {
            Ok(Tell::Sampled)
        } else {
            Err(Verdict::OverCeiling)
        }
    }

    #[inline(always)]
    fn unknown(&self, ifindex: u32, seen: &Seen) -> Result<Tell, Verdict> {
        if let Some(known) = UNKNOWN.get_ptr_mut(&seen.station) {
            // SAFETY: a recycled slot stays map memory; at worst the newer of two machines has a count too
            // many.
            let known = unsafe { &mut *known };
            if !known.admit(self.settings, self.now) {
                return Err(Verdict::RateLimited);
            }
            let tell = self.nobody()?;
            return Ok(if known.is_due(self.now) { tell } else { Tell::Known });
        }
        // Forged machines over the ceiling do not push others out.
        let tell = self.nobody()?;
        let unknown = Unknown {
            last_seen: self.now,
            requests: 1,
            full_at: 0,
            told: self.now,
            ifindex,
            architecture: seen.architecture,
            message_type: seen.message_type,
            stage: seen.stage,
        };
        // Another CPU may have been faster: then it is there.
        let _ = UNKNOWN.insert(&seen.station, unknown, u64::from(BPF_NOEXIST));
        Ok(tell)
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
