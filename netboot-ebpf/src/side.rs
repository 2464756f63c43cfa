//! The two sides that answer, and what each can do.

/// What a side can do. Answers are the same bytes on both; what the kernel cannot do, it passes.
pub trait Side {
    /// Bytes of an option (code, length, value) that are echoed.
    const ECHO: usize;
    /// Whether everything is done here: NAK, INFORM, split options, shortened answers, quirks.
    const COMPLETE: bool;
}

/// The XDP program.
pub struct Kernel;

/// The daemon, in its slow path.
pub struct Daemon;

impl Side for Kernel {
    const ECHO: usize = 64;
    const COMPLETE: bool = false;
}

impl Side for Daemon {
    const ECHO: usize = crate::message::ANY_OPTION;
    const COMPLETE: bool = true;
}
