//! The forms that commands print in.

/// How a command prints what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}
