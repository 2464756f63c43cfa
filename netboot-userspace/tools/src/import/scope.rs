//! The scope of what a foreign configuration says.

/// Whom something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// By number.
    Subnet(usize),
    Host(usize),
}

impl Scope {
    /// The wider ones first.
    pub(super) fn order(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Subnet(_) => 1,
            Self::Host(_) => 2,
        }
    }
}
