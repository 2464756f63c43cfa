//! Messages as BSD's syslog wrote them down in RFC 3164: `[Mmm dd hh:mm:ss SP] [HOSTNAME SP] TAG[pid]: text`, and
//! iPXE's form without a time.

use super::{Fields, Grammar, rfc5424, split_space};

/// RFC 3164 says 32; the tags that container runtimes make are longer.
const MAX_TAG: usize = 128;

/// The fields of a message behind its PRI.
pub(super) fn fields(message: &[u8]) -> (Grammar, Fields<'_>) {
    let (timestamp, rest) = timestamp(message);
    let (hostname, tag) = match tag(rest) {
        Some(tag) => (None, Some(tag)),
        None => host_and_tag(rest),
    };
    let Some(tag) = tag else {
        let form = if timestamp.is_some() { Grammar::Rfc3164 } else { Grammar::Plain };
        return (form, Fields { timestamp, text: rest, ..Fields::default() });
    };
    let form = match (timestamp, tag.app) {
        (None, b"ipxe") => Grammar::Ipxe,
        _ => Grammar::Rfc3164,
    };
    let fields = Fields {
        hostname,
        app: Some(tag.app),
        pid: tag.pid,
        timestamp,
        text: tag.text,
        ..Fields::default()
    };
    (form, fields)
}

/// The time, and what follows its space. rsyslog can put an RFC 3339 time here.
fn timestamp(message: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if let Some((time, [b' ', rest @ ..])) = message.split_at_checked(15)
        && is_bsd_time(time)
    {
        return (Some(time), rest);
    }
    if let Some((time, rest)) = split_space(message)
        && rfc5424::is_timestamp(time)
    {
        return (Some(time), rest);
    }
    (None, message)
}

/// `Oct 11 22:14:15`; a day below ten has a space, or a zero, before it.
fn is_bsd_time(time: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let Some((month, rest)) = time.split_at_checked(3) else { return false };
    let &[b' ', d1, d2, b' ', h1, h2, b':', m1, m2, b':', s1, s2] = rest else { return false };
    let digits = [d2, h1, h2, m1, m2, s1, s2];
    MONTHS.contains(&month)
        && (d1 == b' ' || d1.is_ascii_digit())
        && digits.iter().all(u8::is_ascii_digit)
}

struct SyslogTag<'a> {
    app: &'a [u8],
    pid: Option<&'a [u8]>,
    text: &'a [u8],
}

/// A host is told from the text's first word by the tag that follows it.
fn host_and_tag(text: &[u8]) -> (Option<&[u8]>, Option<SyslogTag<'_>>) {
    let Some((host, rest)) = split_space(text) else { return (None, None) };
    if host.is_empty() || host.len() > super::MAX_FIELD {
        return (None, None);
    }
    match tag(rest) {
        Some(tag) => (Some(host), Some(tag)),
        None => (None, None),
    }
}

/// `app: text` or `app[pid]: text`.
fn tag(text: &[u8]) -> Option<SyslogTag<'_>> {
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_/.".contains(byte);
    let length = text.iter().take(MAX_TAG + 1).take_while(|byte| is_tag(byte)).count();
    if length == 0 || length > MAX_TAG {
        return None;
    }
    let (app, rest) = text.split_at_checked(length)?;
    let (pid, rest) = match rest {
        [b'[', rest @ ..] => {
            let end = rest.iter().take(MAX_TAG).position(|&byte| byte == b']')?;
            (Some(rest.get(..end)?), rest.get(end + 1..)?)
        }
        _ => (None, rest),
    };
    let pid = pid.filter(|pid| !pid.is_empty());
    match rest {
        [b':', b' ', text @ ..] => Some(SyslogTag { app, pid, text }),
        [b':'] => Some(SyslogTag { app, pid, text: &[] }),
        _ => None,
    }
}
