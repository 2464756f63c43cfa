//! Runs a frame as the kernel and as the daemon would, and reads what is sent.

mod answered;
mod random;
mod shape;

use netboot_ebpf::{
    frame::{ADDRESSES, HEADERS, split},
    message::CAP,
    responder::{Answer, Scratch, answer},
    side::{Daemon, Kernel, Side},
    verdict::Verdict,
};

pub use netboot_test_kit::{
    Ask, Reply, Site, frame, options,
    site::{
        ADDRESS, IFINDEX, INTERFACE_MAC, MAC, OTHER_RELAY, OTHER_SERVER, OUTCAST, RELAY, SERVER,
        STRANGER, block,
    },
    sums::internet_sum,
};

pub use self::{
    answered::Answered,
    random::{any_message, in_pieces, mutated, request},
    shape::Shape,
};

/// What is counted and sent, or why nothing is sent.
pub type Outcome = Result<(Verdict, Vec<u8>), Verdict>;

/// What the XDP program would do.
pub fn kernel(site: &Site, frame: &[u8], scratch: &mut Scratch) -> Outcome {
    run::<Kernel>(site, frame, scratch)
}

/// What the slow path would do.
pub fn daemon(site: &Site, frame: &[u8], scratch: &mut Scratch) -> Outcome {
    run::<Daemon>(site, frame, scratch)
}

fn run<S: Side>(site: &Site, frame: &[u8], scratch: &mut Scratch) -> Outcome {
    let answer = answer::<S, _>(frame, IFINDEX, scratch, site)?;
    Ok((answer.verdict, sent(scratch, frame, answer)))
}

/// The answer to a frame. On the way: memory left by another message changes nothing, and the kernel
/// does what the daemon does, or leaves the frame to it.
pub fn ask(site: &Site, frame: &[u8]) -> Result<Answered, Verdict> {
    let answer = daemon(site, frame, &mut Scratch::new());
    assert_eq!(daemon(site, frame, &mut dirty()), answer, "with used memory");
    match kernel(site, frame, &mut dirty()) {
        // The daemon does more.
        Err(verdict) if !verdict.is_final() => {}
        kernel => assert_eq!(kernel, answer),
    }
    let (verdict, sent) = answer?;
    assert!(verdict.is_answer(), "{verdict:?}");
    let reply = Answered { verdict, reply: Reply::read(&sent).unwrap() };
    let (parts, _) = split(frame).unwrap();
    assert_eq!(reply.tags.as_flattened(), parts.tags, "the tags of the request");
    let port = parts.headers[HEADERS - 6..].first_chunk().copied().map(u16::from_be_bytes);
    assert_eq!(Some(reply.source_port), port, "the port that was asked");
    Ok(reply)
}

/// What a frame is counted as.
pub fn verdict(site: &Site, frame: &[u8]) -> Verdict {
    ask(site, frame).map_or_else(|verdict| verdict, |reply| reply.verdict)
}

/// What the XDP program counts a frame as.
pub fn kernel_verdict(site: &Site, frame: &[u8]) -> Verdict {
    kernel(site, frame, &mut Scratch::new()).map_or_else(|verdict| verdict, |(verdict, _)| verdict)
}

/// The answer as a frame, with the request's tags.
fn sent(scratch: &Scratch, frame: &[u8], answer: Answer) -> Vec<u8> {
    let (addresses, inner) = scratch.headers.split_at(ADDRESSES);
    let (parts, _) = split(frame).unwrap();
    [addresses, parts.tags, inner, &scratch.reply[..answer.len]].concat()
}

fn dirty() -> Scratch {
    let mut scratch = Scratch::new();
    scratch.message = [0x35; CAP];
    scratch.reply = [0xa7; CAP];
    scratch.headers = [0x5b; HEADERS];
    scratch.cell = 77;
    scratch
}
