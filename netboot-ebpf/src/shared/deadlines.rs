//! The deadlines of a program that the daemon left: the one row of the map `DEADLINES`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What the program may do without the daemon, which puts the deadlines off as long as the daemon lives: nanoseconds
/// since boot (CLOCK_MONOTONIC); 0: for ever.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Deadlines {
    /// Boot files are offered until then: the services that they load from may be down.
    pub boot_files: u64,
    /// Messages are answered until then.
    pub answers: u64,
    /// What the daemon answers better is left to it until then.
    pub daemon: u64,
}

impl Deadlines {
    /// There is no end.
    pub const NEVER: Self = Self { boot_files: 0, answers: 0, daemon: 0 };

    #[inline(always)]
    #[must_use]
    pub const fn has_boot_files(&self, now: u64) -> bool {
        self.boot_files == 0 || now <= self.boot_files
    }

    #[inline(always)]
    #[must_use]
    pub const fn has_daemon(&self, now: u64) -> bool {
        self.daemon == 0 || now <= self.daemon
    }

    #[inline(always)]
    #[must_use]
    pub const fn has_answers(&self, now: u64) -> bool {
        self.answers == 0 || now <= self.answers
    }
}
