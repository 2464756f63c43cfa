//! Messages of RFC 5424, section 6:
//! `VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]`.

use super::{Fields, split_space};

/// The fields of a message behind its PRI; `None`: it is not of this form.
///
/// Fields that are longer than the RFC allows are taken: Docker's APP-NAMEs are.
pub(super) fn fields(message: &[u8]) -> Option<Fields<'_>> {
    let rest = message.strip_prefix(b"1 ")?;
    let (timestamp, rest) = field(rest)?;
    if timestamp.is_some_and(|timestamp| !is_timestamp(timestamp)) {
        return None;
    }
    let (hostname, rest) = field(rest)?;
    let (app, rest) = field(rest)?;
    let (pid, rest) = field(rest)?;
    let (message_id, rest) = field(rest)?;
    let (structured_data, text) = structured_data(rest)?;
    Some(Fields { hostname, app, pid, message_id, timestamp, structured_data, text })
}

/// A field and what follows its space. `-` is the missing one.
fn field(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (field, rest) = split_space(text)?;
    if field.is_empty() {
        return None;
    }
    Some(((field != b"-").then_some(field), rest))
}

/// `-` or `[id name="value"]...`, and the text behind it.
fn structured_data(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let end = if text.starts_with(b"-") { 1 } else { elements_end(text)? };
    let (data, rest) = text.split_at_checked(end)?;
    let message = match rest {
        [] => rest,
        [b' ', message @ ..] => message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message),
        _ => return None,
    };
    Some(((data != b"-").then_some(data), message))
}

/// Where in an SD-ELEMENT the scan is.
enum At {
    Outside,
    Name,
    Value,
    Escape,
}

fn elements_end(text: &[u8]) -> Option<usize> {
    let mut at = At::Outside;
    for (index, &byte) in text.iter().enumerate() {
        at = match (at, byte) {
            (At::Outside, b'[') => At::Name,
            (At::Outside, _) => return (index > 0).then_some(index),
            (At::Name, b']') => At::Outside,
            (At::Name, b'"') => At::Value,
            (At::Name, _) => At::Name,
            (At::Value, b'\\') => At::Escape,
            (At::Value, b'"') => At::Name,
            (At::Value, _) | (At::Escape, _) => At::Value,
        };
    }
    matches!(at, At::Outside).then_some(text.len())
}

/// RFC 3339 with upper-case `T` and `Z`. Go's nine fraction digits are taken, though RFC 5424 allows six.
pub(super) fn is_timestamp(text: &[u8]) -> bool {
    let shape = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text.iter().zip(shape).all(|(byte, want)| match want {
                b'0' => byte.is_ascii_digit(),
                want => byte == want,
            })
    };
    let Some((time, rest)) = text.split_at_checked(19) else { return false };
    let rest = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            rest.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    let in_range = |from: usize, range: std::ops::RangeInclusive<u8>| {
        time.get(from..from + 2)
            .and_then(|two| str::from_utf8(two).ok()?.parse().ok())
            .is_some_and(|number| range.contains(&number))
    };
    shape(time, b"0000-00-00T00:00:00")
        && in_range(5, 1..=12)
        && in_range(8, 1..=31)
        && in_range(11, 0..=23)
        && in_range(14, 0..=59)
        && in_range(17, 0..=59)
        && (rest == b"Z" || shape(rest, b"+00:00") || shape(rest, b"-00:00"))
}
