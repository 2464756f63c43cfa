//! Runs a frame as the kernel and as the daemon would, and reads what is sent.

mod ask;
mod reply;
mod site;

use netboot_ebpf::{
    frame::{ADDRESSES, HEADERS, split},
    message::CAP,
    responder::{Answer, Scratch, answer},
    side::{Daemon, Kernel},
    verdict::Verdict,
};

pub use self::{
    ask::{Ask, frame},
    reply::{Reply, internet_sum, options},
    site::{ADDRESS, IFINDEX, INTERFACE_MAC, MAC, OTHER_SERVER, RELAY, SERVER, Site, block},
};

/// What the XDP program would send.
pub fn kernel(site: &Site, frame: &[u8], scratch: &mut Scratch) -> Result<Vec<u8>, Verdict> {
    let answer = answer::<Kernel, _>(frame, IFINDEX, scratch, site)?;
    Ok(sent(scratch, frame, answer))
}

/// What the slow path would send, and what it counts.
pub fn daemon(
    site: &Site,
    frame: &[u8],
    scratch: &mut Scratch,
) -> Result<(Verdict, Vec<u8>), Verdict> {
    let answer = answer::<Daemon, _>(frame, IFINDEX, scratch, site)?;
    Ok((answer.verdict, sent(scratch, frame, answer)))
}

/// The answer to a frame. On the way: memory left by another message changes nothing, and the kernel
/// sends the daemon's bytes or leaves the frame to it.
pub fn ask(site: &Site, frame: &[u8]) -> Result<Reply, Verdict> {
    let answer = daemon(site, frame, &mut Scratch::new());
    assert_eq!(daemon(site, frame, &mut dirty()), answer, "with used memory");
    let kernel = kernel(site, frame, &mut dirty());
    match (&answer, &kernel) {
        // The daemon does more.
        (_, Err(verdict)) if !verdict.is_final() => {}
        (answer, kernel) => {
            assert_eq!(kernel.as_ref().ok(), answer.as_ref().ok().map(|(_, sent)| sent));
            assert_eq!(kernel.as_ref().err(), answer.as_ref().err());
        }
    }
    answer.map(|(verdict, sent)| Reply::read(verdict, &sent))
}

/// What a frame is counted as.
pub fn verdict(site: &Site, frame: &[u8]) -> Verdict {
    ask(site, frame).map_or_else(|verdict| verdict, |reply| reply.verdict)
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
