//! An exchange without sockets, files and clocks, of any bytes: fuzzers look for those that the engine cannot bear.

use std::time::{Duration, Instant};

use super::{
    DEFAULT_BLOCK_SIZE, WINDOW,
    packet::{TftpPacket, error_packet},
    round_trip::RoundTrip,
    sending::{Next, Sending},
};

/// The first byte is the length of a request; behind it are two bytes for each thing that happens: an acknowledgement
/// of this block, or silence where they are 0xffff.
///
/// # Errors
/// What is sent is not of the file, is more than a window, or more than was asked for.
pub fn exchange(input: &[u8]) -> Result<(), String> {
    let Some((length, rest)) = input.split_first() else { return Ok(()) };
    let (request, events) = rest.split_at_checked((*length).into()).unwrap_or((rest, &[]));
    let (read, size) = match TftpPacket::parse(request) {
        TftpPacket::Read(read) => (read, events.len() as u64 * 97),
        TftpPacket::Error { code, text } => {
            let text = String::from_utf8_lossy(text);
            // What we say is read as it was meant.
            return match TftpPacket::parse(&error_packet(code, &text)) {
                TftpPacket::Error { code: read, text: words }
                    if read == code && words == text.as_bytes() =>
                {
                    Ok(())
                }
                other => Err(format!("{code} {text:?} is read as {other:?}")),
            };
        }
        _ => return Ok(()),
    };
    let granted = read.options.granted(read.mode, DEFAULT_BLOCK_SIZE, WINDOW);
    if granted.block_size() > read.options.block_size() || granted.window() > read.options.window()
    {
        return Err(format!("{:?} is granted as {granted:?}", read.options));
    }
    let oack = granted.oack().map(|oack| oack(size));
    if oack.as_ref().is_some_and(|oack| oack.len() > 512) {
        return Err("an OACK of over 512 bytes".to_owned());
    }
    let blocks = size / u64::from(granted.block_size()) + 1;
    let window = u64::from(granted.window());
    let mut now = Instant::now();
    let round_trip = RoundTrip::new(granted.timeout);
    let (mut sending, mut next) =
        Sending::new(blocks, granted.window(), oack.is_some(), round_trip, now);
    let (mut sent, mut pauses) = (0, 0);
    for event in events.chunks_exact(2) {
        match &next {
            Next::Blocks(range) => {
                let is_of_file = range.start >= 1 && range.end <= blocks + 1;
                if !is_of_file || range.end - range.start > window {
                    return Err(format!("blocks {range:?} of {blocks}, window {window}"));
                }
                sent += range.end - range.start;
            }
            Next::Oack | Next::Wait => {}
            Next::Complete | Next::Unconfirmed | Next::Lost => return Ok(()),
        }
        let most = sending.acknowledged_blocks() * 3 / 2 + (3 + pauses) * window;
        if sent > most {
            return Err(format!("{sent} blocks were sent, and {most} are the most"));
        }
        now += Duration::from_millis(1);
        next = match event {
            [0xff, 0xff] => {
                pauses += 1;
                now = now.max(sending.deadline());
                sending.due(now)
            }
            [high, low] => sending.acknowledged(u16::from_be_bytes([*high, *low]), now),
            _ => Next::Wait,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges() {
        let check = |request: &[u8], events: &[u8]| {
            let length = u8::try_from(request.len()).unwrap();
            exchange(&[&[length], request, events].concat()).unwrap();
        };
        exchange(b"").unwrap();
        exchange(b"\xff").unwrap();
        check(b"\0\x01a\0octet\0", &[0, 1, 0, 2, 0xff, 0xff, 0, 1]);
        check(b"\0\x01a\0octet\0windowsize\x0064\0blksize\x008\0", &[0; 2000]);
        check(b"\0\x05\0\x08text\0", &[]);
    }
}
