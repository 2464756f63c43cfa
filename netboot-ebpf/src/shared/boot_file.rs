//! A boot choice: a row of the map `BOOT_FILES`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::{BOOT_NAME, BOOT_OPTIONS};

/// What one boot choice adds to an answer. Row 0 of `BOOT_FILES` is the empty one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BootFile {
    /// Next server.
    pub siaddr: [u8; 4],
    /// Bytes used of `name`. Up to 127 it goes to the `file` field, longer to option 67. 0: no boot
    /// file is configured for this choice.
    pub name_len: u16,
    /// Bytes used of `options`.
    pub options_len: u16,
    /// [`BootFile::IN_OPTION`].
    pub flags: u16,
    /// File name or URL.
    pub name: [u8; BOOT_NAME],
    /// Options 43, 60, 175.
    pub options: [u8; BOOT_OPTIONS],
}

impl BootFile {
    /// The name stands in option 67 also where it fits the `file` field: some read the one, some the other.
    pub const IN_OPTION: u16 = 1;

    /// Row 0: nothing to boot.
    pub const NONE: Self = Self {
        siaddr: [0; 4],
        name_len: 0,
        options_len: 0,
        flags: 0,
        name: [0; BOOT_NAME],
        options: [0; BOOT_OPTIONS],
    };
}
