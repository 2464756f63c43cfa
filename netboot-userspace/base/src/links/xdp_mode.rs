//! The mode that an XDP program is attached in.

use std::str::FromStr;

use crate::words::find_word;

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// Native where the driver can, else generic.
    Auto,
    /// In the driver.
    Native,
    /// In the network stack, for drivers without XDP.
    Generic,
    /// Not at all: the slow path answers.
    Off,
}

impl XdpMode {
    pub const NAMED: [(Self, &'static str); 4] = [
        (Self::Auto, "auto"),
        (Self::Native, "native"),
        (Self::Generic, "generic"),
        (Self::Off, "off"),
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Off => "off",
        }
    }
}

impl FromStr for XdpMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        find_word(text, &Self::NAMED)
    }
}
