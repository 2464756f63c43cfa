use anyhow::{Context as _, Result, ensure};
use dhcproto::{Decodable as _, Decoder, Encodable as _, Encoder, v4};

use super::Reply;

/// What dhcproto decodes is what the bytes say; each option that it decodes is the same when encoded.
pub(super) fn check(reply: &Reply<'_>) -> Result<()> {
    let message = v4::Message::decode(&mut Decoder::new(reply.message()))?;
    ensure!(message.opcode() == v4::Opcode::BootReply, "no BOOTREPLY");
    ensure!(message.htype() == v4::HType::Eth, "not for Ethernet");
    ensure!(message.hops() == reply.hops(), "hops {}", message.hops());
    ensure!(message.xid() == reply.xid(), "xid {}", message.xid());
    ensure!(message.secs() == reply.secs(), "secs {}", message.secs());
    ensure!(u16::from(message.flags()) == reply.flags(), "flags {:?}", message.flags());
    let addresses = [message.ciaddr(), message.yiaddr(), message.siaddr(), message.giaddr()];
    let expected = [reply.ciaddr(), reply.yiaddr(), reply.siaddr(), reply.giaddr()];
    ensure!(addresses == expected, "addresses {addresses:?}");
    ensure!(message.chaddr() == reply.chaddr(), "chaddr {:02x?}", message.chaddr());
    for (name, decoded, bytes) in
        [("sname", message.sname(), reply.sname()), ("file", message.fname(), reply.file())]
    {
        let decoded = decoded.unwrap_or_default();
        ensure!(text(decoded) == bytes, "{name} {decoded:02x?}");
    }

    let options = message.opts();
    let message_type = options.msg_type().map(u8::from);
    ensure!(message_type == Some(reply.message_type()), "type {message_type:?}");
    ensure!(options.iter().count() == reply.options().len(), "options {options:?}");
    for (code, value) in reply.options() {
        let option = options
            .get(v4::OptionCode::from(*code))
            .with_context(|| format!("no option {code}: {options:?}"))?;
        let mut encoded = Vec::new();
        option.encode(&mut Encoder::new(&mut encoded))?;
        let expected = [&[*code, u8::try_from(value.len())?], *value].concat();
        ensure!(
            encoded == expected,
            "{option:?} is encoded as {encoded:02x?}, not {expected:02x?}"
        );
    }
    Ok(())
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}
