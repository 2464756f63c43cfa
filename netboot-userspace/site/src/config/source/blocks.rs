//! The bytes of a file, in blocks of which each is a machine.

use std::{io, ops::Range, path::PathBuf, sync::Arc};

use netboot_ebpf::shared::Station;

use crate::config::{InventoryFormat, inventory::csv::has_lone_return, regular_file::read_changed};

/// The bytes are kept: what changed is then known exactly, whatever the clock says.
#[derive(Debug)]
pub(in crate::config) struct MachineBlocks {
    pub(in crate::config) path: Arc<std::path::Path>,
    pub(in crate::config) form: SourceForm,
    pub(in crate::config) bytes: Vec<u8>,
    /// The file's machines, each by its first MAC, in the file's order.
    pub(in crate::config) hosts: Vec<Station>,
    /// Where the block of each begins; empty: the file is read as a whole.
    pub(in crate::config) starts: Vec<usize>,
}

/// What a file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum SourceForm {
    /// The configuration itself.
    Main,
    Inventory(InventoryFormat),
}

/// The blocks in which a file differs.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::config) struct Cut {
    /// The blocks, as they were.
    pub(in crate::config) hosts: Range<usize>,
    /// The blocks' bytes, as they were.
    pub(in crate::config) old: Range<usize>,
    /// What stands there now.
    pub(in crate::config) new: Range<usize>,
    /// Whether other blocks follow.
    pub(in crate::config) follow: bool,
}

impl MachineBlocks {
    /// Of machines that stand at these lines.
    pub(in crate::config) fn new(
        path: PathBuf,
        form: SourceForm,
        bytes: Vec<u8>,
        hosts: Vec<Station>,
        lines: &[usize],
    ) -> Self {
        let mut blocks = Self { path: path.into(), form, bytes, hosts, starts: Vec::new() };
        let all = 0..blocks.bytes.len();
        blocks.starts = blocks.find_starts(all, 0, lines).unwrap_or_default();
        blocks.claim_head();
        blocks
    }

    /// What the file has now; `None`: the same.
    pub(in crate::config) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        read_changed(&self.path, &self.bytes)
    }

    /// The blocks in which the file differs from `new`; `None`: it differs elsewhere too.
    pub(in crate::config) fn cut(&self, new: &[u8]) -> Option<Cut> {
        let old = &self.bytes;
        let prefix = common_prefix(old, new);
        let suffix = common_suffix(old.get(prefix..)?, new.get(prefix..)?);
        if *self.starts.first()? > prefix {
            return None;
        }
        // What is added before a block may belong to the one before it.
        let first = self.starts.partition_point(|start| *start < prefix).saturating_sub(1);
        let after = self.starts.partition_point(|start| *start < old.len() - suffix);
        let begin = *self.starts.get(first)?;
        let end = self.starts.get(after).copied().unwrap_or(old.len());
        let new_end = (end + new.len()).checked_sub(old.len())?;
        Some(Cut {
            hosts: first..after.max(first),
            old: begin..end,
            new: begin..new_end,
            follow: after < self.starts.len(),
        })
    }

    /// The whole file, where it is an inventory's.
    pub(in crate::config) fn whole(&self, new: &[u8]) -> Option<Cut> {
        let whole = Cut {
            hosts: 0..self.hosts.len(),
            old: 0..self.bytes.len(),
            new: 0..new.len(),
            follow: false,
        };
        (self.form != SourceForm::Main).then_some(whole)
    }

    /// Takes over what was cut, with its machines and their lines.
    pub(in crate::config) fn replace(
        &mut self,
        cut: &Cut,
        new: Vec<u8>,
        hosts: impl IntoIterator<Item = Station>,
        lines: &[usize],
    ) {
        let before = lines_in(new.get(..cut.new.start).unwrap_or_default());
        self.bytes = new;
        self.hosts.splice(cut.hosts.clone(), hosts);
        let was_whole = self.starts.is_empty();
        match self.find_starts(cut.new.clone(), before, lines) {
            Some(starts) if was_whole => self.starts = starts,
            Some(starts) => {
                for start in self.starts.iter_mut().skip(cut.hosts.end) {
                    *start = *start - cut.old.end + cut.new.end;
                }
                self.starts.splice(cut.hosts.clone(), starts);
            }
            None => self.starts.clear(),
        }
        if self.starts.len() != self.hosts.len() {
            self.starts.clear();
        }
        self.claim_head();
    }

    /// Where blocks begin that stand at these lines, in a part with so many lines `before` it; `None`:
    /// they are not blocks of whole lines.
    fn find_starts(
        &self,
        part: Range<usize>,
        before: usize,
        lines: &[usize],
    ) -> Option<Vec<usize>> {
        let is_csv = self.form == SourceForm::Inventory(InventoryFormat::Csv);
        let is_yaml = self.form == SourceForm::Inventory(InventoryFormat::Yaml);
        if is_yaml || (is_csv && has_lone_return(self.bytes.get(part.clone())?)) {
            return None;
        }
        let (mut at, mut line) = (part.start, before + 1);
        let mut starts = Vec::with_capacity(lines.len());
        for &wanted in lines {
            while line < wanted {
                at += newline(self.bytes.get(at..)?)? + 1;
                line += 1;
            }
            if line != wanted || starts.last() == Some(&at) || !self.is_start(self.bytes.get(at..)?)
            {
                return None;
            }
            starts.push(at);
        }
        Some(starts)
    }

    fn is_start(&self, rest: &[u8]) -> bool {
        // Tables in a line, `host = [{...}]`, are no blocks.
        self.form == SourceForm::Inventory(InventoryFormat::Csv)
            || rest.trim_ascii_start().starts_with(b"[[")
    }

    /// What stands before an inventory's first `[[host]]` is a comment, and goes with it.
    fn claim_head(&mut self) {
        if self.form == SourceForm::Inventory(InventoryFormat::Toml)
            && let Some(first) = self.starts.first_mut()
        {
            *first = 0;
        }
    }
}

pub(in crate::config) fn lines_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// Compared at once: by the byte it takes many times as long.
const STEP: usize = 4096;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count();
    let same = steps * STEP;
    let rest = a.iter().skip(same).zip(b.iter().skip(same));
    same + rest.take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let steps =
        a.rchunks_exact(STEP).zip(b.rchunks_exact(STEP)).take_while(|(a, b)| a == b).count();
    let same = steps * STEP;
    let rest = a.iter().rev().skip(same).zip(b.iter().rev().skip(same));
    same + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_ends() {
        let long = vec![7; 3 * STEP];
        let check = |a: &[u8], b: &[u8], expect: (usize, usize)| {
            assert_eq!((common_prefix(a, b), common_suffix(a, b)), expect);
        };
        check(b"", b"", (0, 0));
        check(b"abc", b"abd", (2, 0));
        check(b"abc", b"xbc", (0, 2));
        check(b"ab", b"ab", (2, 2));
        check(b"aa", b"aaa", (2, 2));
        let other = [&long[..5000], &[1], &long[5001..]].concat();
        check(&long, &other, (5000, 3 * STEP - 5001));
    }

    const TOML: &str = "# all\n[[host]]\na\n  [[host]]\nb\n# c\n[[host]]\nc";

    #[track_caller]
    fn check(form: SourceForm, new: &str, expect: Option<(Range<usize>, &str, bool)>) {
        let blocks = MachineBlocks::new(
            "f".into(),
            form,
            TOML.into(),
            vec![Station::default(); 3],
            &[2, 4, 7],
        );
        let cut = blocks.cut(new.as_bytes());
        let cut = cut.map(|cut| (cut.hosts, &new[cut.new], cut.follow));
        assert_eq!(cut, expect, "{new}");
    }

    #[test]
    fn cuts_whole_blocks() {
        let toml = SourceForm::Inventory(InventoryFormat::Toml);
        check(toml, &TOML.replace("\na", "\nA"), Some((0..1, "# all\n[[host]]\nA\n", true)));
        check(toml, &TOML.replace("# all", "#"), Some((0..1, "#\n[[host]]\na\n", true)));
        check(SourceForm::Main, &TOML.replace("# all", "#"), None);
        check(SourceForm::Main, &TOML.replace("\na", "\nA"), Some((0..1, "[[host]]\nA\n", true)));
        check(toml, &TOML.replace("b\n", ""), Some((1..2, "  [[host]]\n# c\n", true)));
        check(toml, &TOML.replace("\nc", "\nc\n"), Some((2..3, "[[host]]\nc\n", false)));
        check(
            toml,
            &TOML.replace("  [[host]]\nb\n", ""),
            Some((0..2, "# all\n[[host]]\na\n# c\n", true)),
        );
        check(toml, "", Some((0..3, "", false)));
    }
}
