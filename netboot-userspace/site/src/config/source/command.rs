//! A program as an origin of machines: it prints them as JSON.

mod json;
mod program;
mod settings;
#[cfg(test)]
mod tests;

use std::{io, path::Path, sync::Arc};

use netboot_ebpf::shared::Station;

pub use self::program::{Ran, run_source};
pub(in crate::config) use self::{json::read_printed, settings::read_sources};
use super::{Replacement, Source};
use crate::{
    config::{problem::Report, read::Draft},
    model::{CommandSource, Settings},
};

/// What is known of the output of a program.
#[derive(Debug)]
pub(in crate::config) enum Output {
    Printed(Vec<u8>),
    Failed(String),
    /// The program failed, and all else is to go on without its hosts.
    Lacking(String),
    /// The program was not run yet.
    Unknown,
}

/// How the output of a program comes to be known.
pub(in crate::config) type Outputs<'a> = &'a dyn Fn(&CommandSource, &Settings) -> Output;

/// Runs the program at once.
pub(in crate::config) fn run_now(source: &CommandSource, settings: &Settings) -> Output {
    match run_source(source, settings.user.as_deref(), &|| false).printed {
        Ok(printed) => Output::Printed(printed),
        Err(why) => Output::Failed(why),
    }
}

/// As [`run_now`], where all else goes on.
pub(in crate::config) fn run_if_it_can(source: &CommandSource, settings: &Settings) -> Output {
    match run_now(source, settings) {
        Output::Failed(why) => Output::Lacking(why),
        output => output,
    }
}

/// The last good output of a program.
#[derive(Debug)]
pub(in crate::config) struct PrintedSource {
    source: CommandSource,
    path: Arc<Path>,
    /// `None`: there was none yet.
    printed: Option<Vec<u8>>,
    machines: Vec<Station>,
    news: Option<Vec<u8>>,
}

impl PrintedSource {
    pub(in crate::config) fn new(
        source: CommandSource,
        printed: Option<Vec<u8>>,
        machines: Vec<Station>,
    ) -> Self {
        let path = source.path();
        Self { source, path, printed, machines, news: None }
    }
}

impl Source for PrintedSource {
    fn path(&self) -> &Arc<Path> {
        &self.path
    }

    fn watched(&self) -> Option<&Path> {
        None
    }

    fn has_settings(&self) -> bool {
        false
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.printed.as_deref()
    }

    fn machines(&self) -> &[Station] {
        &self.machines
    }

    fn command(&self) -> Option<&CommandSource> {
        Some(&self.source)
    }

    /// A program that is run anew tells by [`Source::offer`].
    fn look(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn offer(&mut self, bytes: &[u8]) -> bool {
        let is_new = self.printed.as_deref() != Some(bytes);
        self.news = is_new.then(|| bytes.to_vec());
        is_new
    }

    fn differ(&mut self, _at: usize, _draft: &mut Draft, report: &Report) -> Option<Replacement> {
        let hosts = read_printed(&self.path, self.news.as_ref()?, report)?;
        Some(Replacement { machines: 0..self.machines.len(), hosts, is_whole: true })
    }

    fn take_over(&mut self, machines: Vec<Station>, _lines: &[usize]) {
        if let Some(news) = self.news.take() {
            self.printed = Some(news);
            self.machines = machines;
        }
    }

    fn leave(&mut self) {
        self.news = None;
    }
}
