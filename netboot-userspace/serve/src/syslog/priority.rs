//! Facility and severity of a syslog message (RFC 5424 section 6.2.1).

/// A message's PRI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    pub facility: Facility,
    pub severity: Severity,
}

impl Priority {
    /// What a message without a valid PRI gets (RFC 3164 section 4.3.3).
    pub const DEFAULT: Self = Self { facility: Facility(1), severity: Severity::Notice };

    /// `<34>` at the start, and what follows it.
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<(Self, &[u8])> {
        let message = message.strip_prefix(b"<")?;
        let end = message.iter().take(4).position(|&byte| byte == b'>')?;
        let (digits, rest) = (message.get(..end)?, message.get(end + 1..)?);
        let number = digits.iter().try_fold(0, |number: u16, &digit| {
            digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
        })?;
        let leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
        if digits.is_empty() || leading_zero {
            return None;
        }
        Some((Self::from_number(number)?, rest))
    }

    fn from_number(number: u16) -> Option<Self> {
        let facility = u8::try_from(number / 8).ok()?;
        if usize::from(facility) >= Facility::NAMES.len() {
            return None;
        }
        let severity = *Severity::ALL.get(usize::from(number % 8))?;
        Some(Self { facility: Facility(facility), severity })
    }
}

/// What kind of program sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("user")
    }
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Severity {
    const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// The name that `logger` and `syslog.conf` use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emerg",
            Self::Alert => "alert",
            Self::Critical => "crit",
            Self::Error => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Option<(&str, &str, &str)>) {
        let got = Priority::parse(input.as_bytes()).map(|(priority, rest)| {
            (priority.facility.as_str(), priority.severity.as_str(), str::from_utf8(rest).unwrap())
        });
        assert_eq!(got, expect, "{input}");
    }

    #[test]
    fn parses_pri() {
        check("<0>x", Some(("kern", "emerg", "x")));
        check("<6>", Some(("kern", "info", "")));
        check("<34>x", Some(("auth", "crit", "x")));
        check("<191>x", Some(("local7", "debug", "x")));
        for invalid in ["", "x", "<", "<>", "<1", "<12345>", "<192>", "<999>", "<00>", "<013>"] {
            check(invalid, None);
        }
        for invalid in ["<-1>", "<+1>", "< 1>", "<1 >", "<a>", " <1>"] {
            check(invalid, None);
        }
    }
}
