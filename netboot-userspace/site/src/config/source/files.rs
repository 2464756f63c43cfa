//! A file as an origin of machines. The part of it that changed is read alone; what is in any doubt is read as a whole
//! instead, which says what is wrong.

use std::{io, path::Path, sync::Arc};

use netboot_ebpf::shared::Station;

use super::{
    Replacement, Source,
    blocks::{Cut, MachineBlocks, SourceForm, lines_in},
};
use crate::config::{
    InventoryFormat,
    host::DraftHost,
    inventory::{csv, machine, tables},
    problem::Report,
    read::Draft,
    source_text::SourceText,
};

/// Where other rules hold than within a file.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The configuration file, or an inventory file.
#[derive(Debug)]
pub(in crate::config) struct FileSource {
    blocks: MachineBlocks,
    /// The bytes that are proposed, and the blocks in which they differ.
    news: Option<(Vec<u8>, Option<Cut>)>,
}

impl FileSource {
    pub(in crate::config) fn new(blocks: MachineBlocks) -> Self {
        Self { blocks, news: None }
    }
}

impl Source for FileSource {
    fn path(&self) -> &Arc<Path> {
        &self.blocks.path
    }

    fn has_settings(&self) -> bool {
        self.blocks.form == SourceForm::Main
    }

    fn watched(&self) -> Option<&Path> {
        Some(&self.blocks.path)
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.blocks.bytes)
    }

    fn machines(&self) -> &[Station] {
        &self.blocks.hosts
    }

    fn look(&mut self) -> io::Result<bool> {
        self.news = self.blocks.read()?.map(|bytes| (bytes, None));
        Ok(self.news.is_some())
    }

    fn differ(&mut self, at: usize, draft: &mut Draft, report: &Report) -> Option<Replacement> {
        let (new, kept) = self.news.as_mut()?;
        let cut = self.blocks.cut(new).or_else(|| self.blocks.whole(new))?;
        let hosts = read(&self.blocks, &cut, new, draft, at, report)?;
        let is_whole = cut.old == (0..self.blocks.bytes.len());
        let machines = cut.hosts.clone();
        *kept = Some(cut);
        Some(Replacement { machines, hosts, is_whole })
    }

    fn take_over(&mut self, machines: Vec<Station>, lines: &[usize]) {
        if let Some((bytes, Some(cut))) = self.news.take() {
            self.blocks.replace(&cut, bytes, machines, lines);
        }
    }

    fn leave(&mut self) {
        self.news = None;
    }

    #[cfg(test)]
    fn as_file(&self) -> Option<&MachineBlocks> {
        Some(&self.blocks)
    }
}

/// The hosts of what changed.
fn read(
    blocks: &MachineBlocks,
    cut: &Cut,
    new: &[u8],
    draft: &mut Draft,
    at: usize,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let part = new.get(cut.new.clone())?;
    if cut.new.start > 0 && part.starts_with(MARK) {
        return None;
    }
    let source = |bytes: &[u8], start: usize| {
        let before = lines_in(new.get(..start)?);
        SourceText::part(Arc::clone(&blocks.path), bytes.to_vec(), before, report)
    };
    let text = source(part, cut.new.start)?;
    let first = cut.hosts.start;
    match blocks.form {
        SourceForm::Main => {
            is_hosts_alone(blocks, cut)?;
            ends_a_line(part, cut)?;
            tables::read(&text, first, report)
        }
        SourceForm::Inventory(InventoryFormat::Toml) => {
            ends_a_line(part, cut)?;
            tables::read(&text, first, report)
        }
        // The first record names the columns.
        SourceForm::Inventory(InventoryFormat::Csv) if cut.new.start == 0 => {
            csv::read(&text, !draft.config.dhcp.mode.is_proxy(), report)
        }
        SourceForm::Inventory(InventoryFormat::Csv) => {
            let head = source(new.get(..*blocks.starts.first()?)?, 0)?;
            csv::read_lines(&head, &text, cut.follow, report)
        }
        SourceForm::Inventory(InventoryFormat::Yaml) => read_yaml(&text, draft, at, report),
    }
}

/// What went had no settings either.
fn is_hosts_alone(blocks: &MachineBlocks, cut: &Cut) -> Option<()> {
    let scratch = Report::default();
    let old = blocks.bytes.get(cut.old.clone())?.to_vec();
    let old = SourceText::part(Arc::clone(&blocks.path), old, 0, &scratch)?;
    let hosts = tables::read(&old, 0, &scratch)?;
    let (errors, _) = scratch.into_sorted(&[]);
    (errors.is_empty() && hosts.len() == cut.hosts.len()).then_some(())
}

/// What follows a block of TOML begins a line.
fn ends_a_line(part: &[u8], cut: &Cut) -> Option<()> {
    (!cut.follow || part.is_empty() || part.ends_with(b"\n")).then_some(())
}

/// The hosts of a whole file, if they make the same subnets as before.
fn read_yaml(
    source: &SourceText,
    draft: &mut Draft,
    at: usize,
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let before = *draft.subnets_after.get(at.checked_sub(1)?)?;
    let made = draft.subnets_after.get(at)?.checked_sub(before)?;
    let mut subnets = draft.config.subnets.split_off(before);
    let places = draft.subnets.len();
    let hosts = machine::read(source, draft, report);
    let made_now = draft.config.subnets.split_off(before);
    draft.subnets.truncate(places);
    let are_same = made_now.len() == made && subnets.get(..made) == Some(&made_now[..]);
    draft.config.subnets.append(&mut subnets);
    hosts.filter(|_| are_same)
}
