//! What must hold for any answer to any request, whoever gives it.

use anyhow::{Context as _, Result, bail, ensure};
use dhcproto::{Decodable as _, Decoder, v4};

use super::{
    datagram::Datagram,
    options::{Ended, Options},
};

const MIN_MESSAGE: usize = 300;
/// The IP datagram that every client accepts, and its headers.
const MIN_DATAGRAM: u16 = 576;
const HEADERS: usize = 28;
/// With code and length; a longer one may have been left out after the one that is looked for.
const LONGEST_OPTION: usize = 257;
/// That is sent.
const LONGEST_DATAGRAM: usize = 1500;

const LEASE_TIME: u8 = 51;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const SERVER_ID: u8 = 54;
const MAX_MESSAGE: u8 = 57;
const CLIENT_ID: u8 = 61;
const RELAY_AGENT: u8 = 82;
const MACHINE_ID: u8 = 97;

/// RFC 2131 table 3; RFC 6842 adds 61, RFC 3046 82.
const IN_NAK: [u8; 5] = [MESSAGE_TYPE, SERVER_ID, 56, CLIENT_ID, RELAY_AGENT];

/// Checks the frame of an answer to a frame.
pub fn check(request: &[u8], answer: &[u8]) -> Result<()> {
    let request = Datagram::of(request).context("the request should not be answered")?;
    let sent = Datagram::of(answer)?;
    sent.check_sent(answer)?;
    ensure!(sent.tags == request.tags, "the VLAN tags differ");
    check_header(request.message, sent.message)?;
    check_options(request.message, sent.message)?;

    // And by a decoder of others.
    let decoded = v4::Message::decode(&mut Decoder::new(sent.message)).context("dhcproto")?;
    ensure!(decoded.opcode() == v4::Opcode::BootReply, "dhcproto reads no BOOTREPLY");
    ensure!(decoded.opts().msg_type().is_some(), "dhcproto reads no message type");
    Ok(())
}

/// Where an answer is too long: firmware does without 97, and a relay without 82 (RFC 3046 section 2.2).
fn may_be_left_out(code: u8) -> bool {
    code == MACHINE_ID || code == RELAY_AGENT
}

fn check_header(request: &[u8], answer: &[u8]) -> Result<()> {
    ensure!(answer.len() >= MIN_MESSAGE, "the message has only {} bytes", answer.len());
    let [1, ..] = request else { bail!("the request is no BOOTREQUEST") };
    ensure!(answer.first() == Some(&2), "no BOOTREPLY");
    for (name, field) in
        [("htype and hlen", 1..3), ("xid", 4..8), ("giaddr", 24..28), ("chaddr", 28..44)]
    {
        ensure!(answer.get(field.clone()) == request.get(field), "{name} differ");
    }
    ensure!(answer.get(236..240) == Some(&[0x63, 0x82, 0x53, 0x63]), "no magic cookie");
    Ok(())
}

fn check_options(request: &[u8], answer: &[u8]) -> Result<()> {
    let asked = Options::of(request);
    let field = answer.get(240..).unwrap_or_default();
    let mut sent = Options::default();
    let Ended::WithEnd(end) = sent.read(field) else { bail!("no End option") };
    ensure!(field.iter().skip(end).all(|byte| *byte == 0), "bytes after the End option");
    ensure!(sent.find(OVERLOAD).is_none(), "an option 52");
    ensure!(sent.fixed::<4>(SERVER_ID).is_some(), "no option 54");

    let limit = asked.fixed(MAX_MESSAGE).map_or(MIN_DATAGRAM, u16::from_be_bytes);
    let limit = usize::from(limit.max(MIN_DATAGRAM));
    ensure!(answer.len() + HEADERS <= limit, "{} bytes of {limit}", answer.len() + HEADERS);

    let [asked_type] = asked.fixed(MESSAGE_TYPE).context("the request has no option 53")?;
    let [sent_type] = sent.fixed(MESSAGE_TYPE).context("no option 53")?;
    let fits = matches!((asked_type, sent_type), (1, 2) | (3, 5 | 6) | (8, 5));
    ensure!(fits, "message type {sent_type} answers {asked_type}");
    let has_address = answer.get(16..20) != Some(&[0; 4]);
    ensure!(
        sent.find(LEASE_TIME).is_some() == has_address,
        "an address without lease, or a lease without address"
    );

    let echoed: &[u8] = if sent_type == 6 {
        ensure!(
            sent.codes().all(|code| IN_NAK.contains(&code)),
            "{:?} in a NAK",
            sent.codes().collect::<Vec<_>>()
        );
        &[CLIENT_ID, RELAY_AGENT]
    } else {
        &[CLIENT_ID, RELAY_AGENT, MACHINE_ID]
    };
    for code in echoed {
        let left_out = sent.find(*code).is_none()
            && may_be_left_out(*code)
            && 240 + end + LONGEST_OPTION + HEADERS > limit.min(LONGEST_DATAGRAM);
        // A relay's that is longer than an option can be is not answered; of others nothing is echoed, and no part.
        let asked = asked.find(*code).filter(|value| *code == RELAY_AGENT || value.len() <= 255);
        ensure!(left_out || sent.find(*code) == asked, "option {code} is not echoed");
    }
    let last = sent.codes().next_back();
    ensure!(
        sent.find(RELAY_AGENT).is_none() || last == Some(RELAY_AGENT),
        "{last:?} is the last option, not 82"
    );
    Ok(())
}
