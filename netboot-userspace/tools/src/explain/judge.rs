//! The library's judgement of a frame: as the XDP program runs it, and as the daemon does.

use netboot_answer::{slow, tables::Tables};
use netboot_ebpf::{
    frame,
    responder::{Answer, Scratch},
    shared::{Mac, Seen, Station},
    side::{Daemon, Kernel},
    verdict::Verdict,
};

/// A verdict, and the answer's frame if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub answer: Option<Vec<u8>>,
}

/// Both outcomes. Where the kernel answers, the daemon never sees the frame.
pub(super) struct Judgement {
    pub(super) kernel: Outcome,
    pub(super) daemon: Outcome,
    pub(super) seen: Seen,
}

pub(super) fn judge(frame: &[u8], ifindex: u32, tables: &Tables) -> Judgement {
    let mut scratch = Box::new(Scratch::new());
    let kernel = slow::answer::<Kernel>(frame, ifindex, &mut scratch, tables);
    let kernel = outcome(frame, kernel, &scratch);
    let daemon = slow::answer::<Daemon>(frame, ifindex, &mut scratch, tables);
    let daemon = outcome(frame, daemon, &scratch);
    Judgement { kernel, daemon, seen: scratch.seen }
}

/// Who asks, as the responder reads it; where it does not read the message, as its headers say.
pub(super) fn station(frame: &[u8], mac: Mac, tables: &Tables) -> Station {
    let mut scratch = Box::new(Scratch::new());
    // The station does not depend on the interface.
    let _ = slow::answer::<Daemon>(frame, 0, &mut scratch, tables);
    let read = scratch.seen.station;
    if read.mac != Mac::default() {
        return read;
    }
    let vlan = frame::split(frame).map(|(parts, _)| parts.vlan).unwrap_or_default();
    Station { mac, vlan }
}

fn outcome(frame: &[u8], answered: Result<Answer, Verdict>, scratch: &Scratch) -> Outcome {
    match answered {
        Ok(answer) => {
            Outcome { verdict: answer.verdict, answer: Some(slow::bytes(frame, scratch, answer)) }
        }
        Err(verdict) => Outcome { verdict, answer: None },
    }
}
