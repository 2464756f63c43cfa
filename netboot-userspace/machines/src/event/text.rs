//! Texts that machines sent: bounded where they come in, made printable where they are shown.

use std::{fmt, sync::Arc};

use netboot_base::printable::printable;

/// Bytes of a text that are shown.
const SHOWN: usize = 256;
/// Bytes of a text that are kept: whoever shows it sees that there was more.
const KEPT: usize = SHOWN + 4;

/// The begin of a text, as the machine sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct MachineText(Arc<[u8]>);

impl MachineText {
    #[must_use]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        Self(text.get(..KEPT).unwrap_or(text).into())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The printable text, of so many bytes at most.
    #[must_use]
    pub fn shown(&self, limit: usize) -> String {
        printable(&self.0, limit.min(SHOWN))
    }
}

/// The text as it is safe to print.
impl fmt::Display for MachineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(SHOWN))
    }
}

impl fmt::Debug for MachineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown(SHOWN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown is what would be, were all of it kept.
    #[test]
    fn texts_are_bounded_and_printable() {
        let check = |text: &[u8]| {
            assert!(MachineText::of(text).0.len() <= KEPT);
            assert_eq!(
                MachineText::of(text).to_string(),
                printable(text, SHOWN),
                "{}",
                text.escape_ascii()
            );
        };
        check(b"");
        check(b"a\x1b[2J\nb \xff");
        for length in SHOWN - 4..SHOWN + 9 {
            for character in ["x", "ä", "✓", "𝄞", "\n"] {
                check(&character.repeat(length).into_bytes()[..length]);
                check(&["y", &character.repeat(length)].concat().into_bytes()[..length]);
            }
        }
        assert_eq!(
            MachineText::of("x".repeat(5000)).to_string(),
            format!("{}...", "x".repeat(253))
        );
    }
}
