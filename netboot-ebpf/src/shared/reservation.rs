//! The reservation of a machine: a row of the map `RESERVATIONS`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::{ClassFlags, HOST_OPTIONS, Mac, NO_ARCHITECTURE, Station};

/// A machine's reserved address and what it gets beside the subnet's options.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Reservation {
    /// The address is held back until then, since a machine declined it: nanoseconds since boot
    /// (CLOCK_MONOTONIC); 0: it is not.
    pub quarantined_until: u64,
    /// The machine may send its whole burst again from then on ([`crate::limit::Limit::admit`]): the program counts
    /// here.
    pub full_at: u64,
    /// The key again: a hash map's slot can be recycled while it is read.
    pub station: Station,
    /// Bytes used of `options`.
    pub options_len: u16,
    /// `yiaddr`.
    pub address: [u8; 4],
    /// Index into `SUBNETS`.
    pub subnet: u32,
    /// Index in `BOOT_FILES` of the first row of the machine's boot set (see
    /// [`crate::client::Stage::row`]);
    /// 0: the machine gets its lease only.
    pub boot_set: u32,
    /// Bits of [`Reservation::NEVER_NAK`] and its like: quirks of the machine's firmware.
    pub flags: u16,
    /// The architecture (option 93) that the machine is taken for; [`NO_ARCHITECTURE`]: what it says.
    pub architecture: u16,
    /// The least length of a message to the machine, in bytes; 0: the usual one. Not 0: the daemon
    /// answers.
    pub min_message: u16,
    /// Milliseconds to wait before an answer. Not 0: the daemon answers.
    pub delay: u16,
    /// Options of this host alone: 12, overrides.
    pub options: [u8; HOST_OPTIONS],
    #[cfg(feature = "other-build")]
    pub more: u64,
}

impl Reservation {
    /// One that gives nothing.
    pub const NOBODYS: Self = Self {
        quarantined_until: 0,
        full_at: 0,
        station: Station::untagged(Mac { octets: [0; 6] }),
        options_len: 0,
        address: [0; 4],
        subnet: 0,
        boot_set: 0,
        flags: 0,
        architecture: NO_ARCHITECTURE,
        min_message: 0,
        delay: 0,
        options: [0; HOST_OPTIONS],
        #[cfg(feature = "other-build")]
        more: 0,
    };

    /// As the daemon renders it: without what becomes of it while it is answered.
    #[must_use]
    pub const fn configured(self) -> Self {
        Self { quarantined_until: 0, full_at: 0, ..self }
    }

    /// A wrong address is not refused.
    pub const NEVER_NAK: u16 = 1;
    /// Answers are broadcast, whatever the broadcast flag says.
    pub const ALWAYS_BROADCAST: u16 = 2;
    /// No option 67: a boot file name that does not fit `file` is left out.
    pub const NO_BOOT_FILE_OPTION: u16 = 4;
    /// Asks for a boot file also where it does not say so (no option 60).
    pub const ASSUME_PXE: u16 = 8;
    /// `architecture` is what its boot ROM is, which says none, or x86 BIOS, or has no option 60: what is loaded by it
    /// says its own.
    pub const ARCHITECTURE_OF_ROM: u16 = 16;
    /// No quirk: options of the machine or of its subnet have no room in their rows. The daemon answers.
    pub const HAS_MORE: u16 = 32;
    /// No quirk: the machine has a boot file of its own, of which a plain client is told that asks for one.
    pub const OWN_FILE: u16 = 64;

    /// No quirk: the list of user classes that get the script is the machine's own, whatever link it asks on.
    pub const OWN_LIST: u16 = 128;
    /// From this bit on: the list of user classes that get the script.
    const SCRIPT_LIST: u32 = 11;

    /// The flags that say which list of user classes get the script; `None`: there is no such list.
    #[must_use]
    pub const fn of_list(list: u32) -> Option<u16> {
        if list < ClassFlags::LISTS { Some((list as u16) << Self::SCRIPT_LIST) } else { None }
    }

    /// The list of user classes that get the script: see [`ClassFlags::script`].
    #[inline(always)]
    #[must_use]
    pub const fn script_list(&self) -> u32 {
        (self.flags >> Self::SCRIPT_LIST) as u32
    }

    /// Whether a quirk is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}
