//! A syslog message as it arrived, in whatever form: parsing never fails, at worst all of the message is its text.

mod rfc3164;
mod rfc5424;

use std::{borrow::Cow, time::SystemTime};

use netboot_base::printable::printable;

use super::priority::{Facility, Priority, Severity};

/// Bytes of a message that are looked at, and of its text afterwards.
pub const MAX_MESSAGE: usize = 8192;
/// RFC 5424 section 6: the longest HOSTNAME; the other fields are capped by it too.
const MAX_FIELD: usize = 255;

/// A message. All texts are [`printable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogMessage {
    pub received: SystemTime,
    pub facility: Facility,
    pub severity: Severity,
    /// Whom the line is of, by its own words: not to be trusted.
    pub hostname: Option<String>,
    pub app: Option<String>,
    pub pid: Option<String>,
    pub message_id: Option<String>,
    /// The sender's clock as it wrote it: the year and zone that RFC 3164 leaves out are not guessed,
    /// `received` is the time to sort by.
    pub timestamp: Option<String>,
    /// RFC 5424's STRUCTURED-DATA as it was sent; where there is nothing else, it is the text.
    pub structured_data: Option<String>,
    pub text: String,
    pub form: Grammar,
}

/// The grammar that a message followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    Rfc5424,
    Rfc3164,
    /// `<6>host ipxe: text`, without a time.
    Ipxe,
    /// None: all of it is the text.
    Plain,
}

impl SyslogMessage {
    /// `host=NAME ` before a line, where it has one.
    pub(super) fn host(&self) -> String {
        self.hostname.as_ref().map(|name| format!("host={name} ")).unwrap_or_default()
    }

    /// The text, behind the structured data.
    pub(super) fn content(&self) -> Cow<'_, str> {
        match &self.structured_data {
            Some(data) => format!("{data} {}", self.text).into(),
            None => self.text.as_str().into(),
        }
    }
}

/// What a grammar found: slices of the message.
#[derive(Default)]
struct Fields<'a> {
    hostname: Option<&'a [u8]>,
    app: Option<&'a [u8]>,
    pid: Option<&'a [u8]>,
    message_id: Option<&'a [u8]>,
    timestamp: Option<&'a [u8]>,
    structured_data: Option<&'a [u8]>,
    text: &'a [u8],
}

impl Fields<'_> {
    /// Some programs say all in structured data.
    fn with_text(mut self) -> Self {
        if self.text.trim_ascii().is_empty()
            && let Some(data) = self.structured_data.take()
        {
            self.text = data;
        }
        self
    }
}

/// Parses one datagram or frame. Bytes beyond [`MAX_MESSAGE`] only tell that the message was longer.
#[must_use]
pub fn parse(message: &[u8], received: SystemTime) -> SyslogMessage {
    let message = trim_end(message.get(..=MAX_MESSAGE).unwrap_or(message));
    let (priority, rest) = Priority::parse(message).unwrap_or((Priority::DEFAULT, message));
    let without_priority = rest.len() == message.len();

    let (form, fields) = if without_priority {
        (Grammar::Plain, Fields { text: message, ..Fields::default() })
    } else if let Some(fields) = rfc5424::fields(rest) {
        (Grammar::Rfc5424, fields.with_text())
    } else {
        rfc3164::fields(rest)
    };

    let max_text = match message.len() {
        ..=MAX_MESSAGE => MAX_MESSAGE,
        _ => fields.text.len().saturating_sub(1),
    };
    let field = |field: Option<&[u8]>| field.map(|field| printable(field, MAX_FIELD));
    SyslogMessage {
        received,
        facility: priority.facility,
        severity: priority.severity,
        hostname: field(fields.hostname),
        app: field(fields.app),
        pid: field(fields.pid),
        message_id: field(fields.message_id),
        timestamp: field(fields.timestamp),
        structured_data: fields.structured_data.map(|data| printable(data, MAX_MESSAGE)),
        text: printable(fields.text, max_text.min(MAX_MESSAGE)),
        form,
    }
}

/// Without the line ends and NULs that senders put behind a message.
fn trim_end(message: &[u8]) -> &[u8] {
    let end = message.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    message.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
}

/// The bytes before the first space, and those behind it.
fn split_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.iter().position(|&byte| byte == b' ')?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

#[cfg(test)]
mod tests;
