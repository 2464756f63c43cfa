//! The conclusion of a frame, after its verdict: the limit that the frame is over, or whether the daemon is told
//! of it.

use crate::{
    limit::{Ceilings, Unknown},
    shared::{Seen, Settings, Station},
    verdict::{Bound, Verdict},
};

/// What becomes of a frame beyond its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The daemon's log, status and metrics are told of the frame.
    Told,
    /// They are told of others like it: the frame is counted as left out.
    LeftOut,
    /// The frame goes no further, and nobody is told of it: it is over the limit that this verdict names.
    Over(Verdict),
}

/// What was counted of the frames before: BPF maps in the kernel, the same rows in the daemon.
pub trait Counts {
    /// What is counted of all machines together.
    fn ceilings(&mut self) -> &mut Ceilings;
    /// The same, and beside it the row of a machine without reservation, which may be forgotten.
    fn unknown(&mut self, station: &Station) -> (&mut Ceilings, Option<&mut Unknown>);
    /// Keeps the row of a machine without reservation, so that an operator can add the machine. Another CPU
    /// may have kept one meanwhile.
    fn remember(&mut self, station: &Station, unknown: Unknown);
    /// Counts one message of a machine that the responder did not look up.
    ///
    /// # Errors
    /// [`Verdict::RateLimited`]: the machine asks too often. Any other: the machine has no reservation.
    fn count(&mut self, station: &Station) -> Result<(), Verdict>;
    /// Whether the responder took the machine, which has no reservation, for anybody
    /// ([`crate::tables::Tables::anybody`]), and counted that.
    fn is_anybody(&self) -> bool;
}

/// Concludes a frame with this verdict, which came over an interface at a time (nanoseconds since boot), and
/// remembers a machine without reservation.
#[inline(always)]
pub fn conclude(
    counts: &mut impl Counts,
    settings: &Settings,
    now: u64,
    verdict: Verdict,
    ifindex: u32,
    seen: &Seen,
) -> Conclusion {
    let tell = match bound(counts, settings, now, verdict, ifindex, seen) {
        Ok(tell) => tell,
        Err(over) => return Conclusion::Over(over),
    };
    if tell == Tell::Always || tell == Tell::Sampled && counts.ceilings().admit_event(now) {
        Conclusion::Told
    } else {
        Conclusion::LeftOut
    }
}

/// Whether the daemon is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    Always,
    /// Among all messages of nobody.
    Sampled,
    /// The daemon was told of the machine a moment ago.
    Known,
}

#[inline(always)]
fn bound(
    counts: &mut impl Counts,
    settings: &Settings,
    now: u64,
    verdict: Verdict,
    ifindex: u32,
    seen: &Seen,
) -> Result<Tell, Verdict> {
    if counts.is_anybody() {
        return Ok(Tell::Sampled);
    }
    match verdict.bound() {
        Bound::Nothing => return Ok(Tell::Always),
        Bound::Silence => return Err(verdict),
        Bound::Unknown => return unknown(counts, settings, now, ifindex, seen),
        Bound::Machine => match counts.count(&seen.station) {
            Ok(()) => return Ok(Tell::Always),
            Err(Verdict::RateLimited) => return Err(Verdict::RateLimited),
            Err(_) => {}
        },
        Bound::Others => return Ok(Tell::Sampled),
        Bound::Nobody => {}
    }
    nobody(counts.ceilings(), settings, now)
}

#[inline(always)]
fn nobody(ceilings: &mut Ceilings, settings: &Settings, now: u64) -> Result<Tell, Verdict> {
    if ceilings.admit_unknown(settings, now) {
        Ok(Tell::Sampled)
    } else {
        Err(Verdict::OverCeiling)
    }
}

#[inline(always)]
fn unknown(
    counts: &mut impl Counts,
    settings: &Settings,
    now: u64,
    ifindex: u32,
    seen: &Seen,
) -> Result<Tell, Verdict> {
    if let (ceilings, Some(known)) = counts.unknown(&seen.station) {
        if !known.admit(settings, now) {
            return Err(Verdict::RateLimited);
        }
        let tell = nobody(ceilings, settings, now)?;
        return Ok(if known.is_due(now) { tell } else { Tell::Known });
    }
    // Forged machines over the ceiling do not push others out.
    let tell = nobody(counts.ceilings(), settings, now)?;
    let unknown = Unknown {
        last_seen: now,
        requests: 1,
        full_at: 0,
        told: now,
        ifindex,
        architecture: seen.architecture,
        message_type: seen.message_type,
        stage: seen.stage,
    };
    counts.remember(&seen.station, unknown);
    Ok(tell)
}
