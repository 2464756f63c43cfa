//! The origins of machines: each origin tells in which machines it differs from what was taken over of it last.

mod blocks;
mod command;
mod files;

use std::{fmt, io, ops::Range, path::Path, sync::Arc};

use netboot_ebpf::shared::Station;

pub use self::command::{Ran, run_source};
pub(super) use self::{
    blocks::{MachineBlocks, SourceForm},
    command::{Output, Outputs, PrintedSource, read_printed, read_sources, run_if_it_can, run_now},
    files::FileSource,
};
use super::{host::DraftHost, problem::Report, read::Draft};
use crate::model::CommandSource;

/// One origin of machines. What it has now is a proposal, until [`Source::take_over`] says that it is in force.
pub(super) trait Source: fmt::Debug + Send {
    /// Where a problem with the origin stands.
    fn path(&self) -> &Arc<Path>;

    /// Whether settings stand there, too.
    fn has_settings(&self) -> bool;

    /// The file to watch for changes.
    fn watched(&self) -> Option<&Path>;

    /// All bytes that were taken over; `None`: there were none yet.
    fn bytes(&self) -> Option<&[u8]>;

    /// The machines that were taken over, each by its first MAC, in the origin's order.
    fn machines(&self) -> &[Station];

    /// The program that is run for it, if it is one.
    fn command(&self) -> Option<&CommandSource> {
        None
    }

    /// Looks at what there is now. Whether that differs from what was taken over.
    ///
    /// # Errors
    ///
    /// The origin cannot be read.
    fn look(&mut self) -> io::Result<bool>;

    /// Takes what its program printed. Whether that differs from what was taken over.
    fn offer(&mut self, _printed: &[u8]) -> bool {
        false
    }

    /// The machines in which the proposal differs, as the origin number `at`. `None`: the proposal can only be judged
    /// together with all else.
    fn differ(&mut self, at: usize, draft: &mut Draft, report: &Report) -> Option<Replacement>;

    /// The proposal is in force, with these machines in the place of those of its [`Replacement`], at these lines.
    fn take_over(&mut self, machines: Vec<Station>, lines: &[usize]);

    /// The proposal is not in force.
    fn leave(&mut self);

    /// The origin, if it is a file.
    #[cfg(test)]
    fn as_file(&self) -> Option<&MachineBlocks> {
        None
    }
}

/// The machines in which a proposal differs.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Of the machines that were taken over.
    pub(super) machines: Range<usize>,
    /// The machines in their place.
    pub(super) hosts: Vec<DraftHost>,
    /// Whether the rest of the origin was read, too.
    pub(super) is_whole: bool,
}
