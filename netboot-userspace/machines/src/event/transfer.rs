//! A TFTP transfer of a machine: how far the transfer came, and how it ended.

use std::{fmt, time::Duration};

use super::MachineText;

/// How far a transfer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Asked for. Where nothing more comes, the machine does not hear this node, or this node does not hear the machine.
    Asked,
    /// The machine answered the first packet.
    Started,
    Refused(TransferRefusal),
    Ended(EndedTransfer),
}

/// Why a file is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferRefusal {
    NotFound,
    /// The machine wants to write.
    ReadOnly,
    /// The machine is left without an answer, and asks again: why.
    NotNow(MachineText),
    /// Why.
    Denied(MachineText),
}

/// A transfer that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedTransfer {
    pub outcome: TransferOutcome,
    /// Bytes that the client acknowledged.
    pub bytes: u64,
    /// Bytes in all.
    pub size: u64,
    pub took: Duration,
    /// The client answered the first packet.
    pub is_answered: bool,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    Complete,
    /// All but the last acknowledgement.
    Unconfirmed,
    /// The client asked for the size, and left.
    SizeOnly,
    /// The client ended the transfer: code and text.
    Aborted(u16, MachineText),
    Lost,
    /// Too few bytes in the time that the client had.
    TooSlow,
    AskedAnew,
    GaveWay,
    /// The transfer was acknowledged to ports that were not its own.
    Guessed,
    Cut,
    /// The file could not be read: why.
    Unread(MachineText),
}

impl TransferOutcome {
    /// The client knows that the transfer ended.
    #[must_use]
    pub fn is_by_client(&self) -> bool {
        match self {
            Self::Complete
            | Self::Unconfirmed
            | Self::SizeOnly
            | Self::Aborted(..)
            | Self::AskedAnew => true,
            Self::Lost
            | Self::TooSlow
            | Self::GaveWay
            | Self::Guessed
            | Self::Cut
            | Self::Unread(_) => false,
        }
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked for; no answer to the first packet"),
            Self::Started => f.write_str("started"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Ended(ended) => ended.fmt(f),
        }
    }
}

impl fmt::Display for TransferRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::ReadOnly => f.write_str("refused: the server is read-only"),
            Self::NotNow(why) => write!(f, "no answer: {why}"),
            Self::Denied(why) => write!(f, "refused: {why}"),
        }
    }
}

impl fmt::Display for EndedTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, bytes, size, took: _, is_answered } = self;
        match outcome {
            TransferOutcome::Complete => return f.write_str("complete"),
            TransferOutcome::Unconfirmed => {
                return f.write_str("complete, the last acknowledgement is missing");
            }
            TransferOutcome::SizeOnly => return f.write_str("the client asked for the size only"),
            TransferOutcome::Lost if !is_answered => {
                return f.write_str("no answer to the first packet, sent four times");
            }
            TransferOutcome::GaveWay if !is_answered => {
                return f.write_str("made room for another: it was not answered");
            }
            _ => write!(f, "aborted at {bytes} of {size} bytes")?,
        }
        match outcome {
            TransferOutcome::Aborted(code, text) if text.is_empty() => {
                write!(f, ": the client says error {code}")
            }
            TransferOutcome::Aborted(code, text) => {
                write!(f, ": the client says error {code}, {}", text.shown(80))
            }
            TransferOutcome::Lost => f.write_str(": the client is silent"),
            TransferOutcome::TooSlow => f.write_str(": the client is too slow"),
            TransferOutcome::AskedAnew => f.write_str(": the client asked anew"),
            TransferOutcome::Cut => f.write_str(": the daemon ends"),
            TransferOutcome::Unread(why) => write!(f, ": {why}"),
            TransferOutcome::Guessed => f.write_str(": somebody guesses its port"),
            TransferOutcome::GaveWay => f.write_str(": made room for another machine"),
            TransferOutcome::Complete
            | TransferOutcome::Unconfirmed
            | TransferOutcome::SizeOnly => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let check = |outcome, is_answered, expect: &str| {
            let (bytes, size, took) = (4000, 5000, Duration::from_secs(1));
            let ended = EndedTransfer { outcome, bytes, size, took, is_answered };
            assert_eq!(Transfer::Ended(ended).to_string(), expect);
        };
        check(TransferOutcome::Complete, true, "complete");
        check(TransferOutcome::SizeOnly, false, "the client asked for the size only");
        check(TransferOutcome::Lost, false, "no answer to the first packet, sent four times");
        check(TransferOutcome::Lost, true, "aborted at 4000 of 5000 bytes: the client is silent");
        check(TransferOutcome::GaveWay, false, "made room for another: it was not answered");
        check(
            TransferOutcome::GaveWay,
            true,
            "aborted at 4000 of 5000 bytes: made room for another machine",
        );
        let says = |text: &str| TransferOutcome::Aborted(0, MachineText::of(text));
        check(says(""), true, "aborted at 4000 of 5000 bytes: the client says error 0");
        let no = "aborted at 4000 of 5000 bytes: the client says error 0, no\\n";
        check(says("no\n"), true, no);
        let long = format!(
            "aborted at 4000 of 5000 bytes: the client says error 0, {}...",
            "x".repeat(77)
        );
        check(says(&"x".repeat(300)), true, &long);
    }
}
