//! Answers, read by others: dhcproto and tshark must see in each frame what its bytes say.

mod dhcproto;
mod pcap;
mod reply;
mod tshark;

pub use reply::Reply;

use anyhow::{Context as _, Result, ensure};

/// Reads the frames of answers with every reader. An error says what one of them does not like.
pub fn check(frames: &[Vec<u8>]) -> Result<()> {
    let replies = frames
        .iter()
        .map(|frame| {
            let read = Reply::read(frame).and_then(|reply| {
                dhcproto::check(&reply).context("dhcproto")?;
                Ok(reply)
            });
            read.with_context(|| format!("the answer {}", hex(frame)))
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(!replies.is_empty(), "no answers to read");
    tshark::check(&replies).context("tshark")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
