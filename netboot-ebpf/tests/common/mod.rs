//! Runs a frame as the kernel and as the daemon would, and reads what is sent.

mod ask;
mod reply;
mod site;

use netboot_ebpf::{
    frame::{self, HEADERS},
    message::{ANY_ECHO, CAP, KERNEL_ECHO},
    responder::{Answer, Scratch, refuse, respond},
    shared::Seen,
    verdict::Verdict,
};

pub use self::{
    ask::{Ask, frame},
    reply::{Reply, internet_sum, options},
    site::{ADDRESS, IFINDEX, INTERFACE_MAC, MAC, OTHER_SERVER, RELAY, SERVER, Site, block},
};

/// What the XDP program would send.
pub fn kernel(site: &Site, frame: &[u8], scratch: &mut Scratch) -> Result<Vec<u8>, Verdict> {
    let parsed = load(frame, scratch)?;
    let answer = respond::<KERNEL_ECHO, _>(&parsed, IFINDEX, scratch, site)?;
    Ok(sent(scratch, answer))
}

/// What the slow path would send, and what it counts.
pub fn daemon(
    site: &Site,
    frame: &[u8],
    scratch: &mut Scratch,
) -> Result<(Verdict, Vec<u8>), Verdict> {
    let parsed = load(frame, scratch)?;
    let answer = match respond::<ANY_ECHO, _>(&parsed, IFINDEX, scratch, site) {
        Err(Verdict::Nak) => refuse::<ANY_ECHO, _>(&parsed, IFINDEX, scratch, site),
        outcome => outcome,
    }?;
    Ok((answer.verdict, sent(scratch, answer)))
}

/// The answer to a frame. On the way: memory left by another message changes nothing, and the kernel
/// sends the daemon's bytes or leaves the frame to it.
pub fn ask(site: &Site, frame: &[u8]) -> Result<Reply, Verdict> {
    let answer = daemon(site, frame, &mut Scratch::new());
    assert_eq!(daemon(site, frame, &mut dirty()), answer, "with used memory");
    let kernel = kernel(site, frame, &mut dirty());
    match (&answer, &kernel) {
        (_, Err(Verdict::EchoTooLong)) => {}
        // The daemon builds the refusal.
        (Ok((Verdict::Nak, _)) | Err(Verdict::ReplyTooLong), Err(Verdict::Nak)) => {}
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

fn load(frame: &[u8], scratch: &mut Scratch) -> Result<frame::Frame, Verdict> {
    scratch.seen = Seen::NOTHING;
    let Some((headers, rest)) = frame.split_first_chunk::<HEADERS>() else {
        return Err(Verdict::NotDhcp);
    };
    frame::classify(headers)?;
    let parsed = frame::parse(headers, frame.len())?;
    if parsed.message_len == 0 {
        return Err(Verdict::Truncated);
    }
    let Some(place) = scratch.message.get_mut(..parsed.message_len) else {
        return Err(Verdict::TooLong);
    };
    place.copy_from_slice(&rest[..parsed.message_len]);
    Ok(parsed)
}

fn sent(scratch: &Scratch, answer: Answer) -> Vec<u8> {
    [&scratch.headers[..], &scratch.reply[..answer.len]].concat()
}

fn dirty() -> Scratch {
    let mut scratch = Scratch::new();
    scratch.message = [0x35; CAP];
    scratch.reply = [0xa7; CAP];
    scratch.headers = [0x5b; HEADERS];
    scratch.cell = 77;
    scratch
}
