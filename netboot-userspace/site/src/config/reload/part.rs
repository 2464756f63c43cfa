//! Reads the part of one file that changed. What is in any doubt is read as a whole instead, which says
//! what is wrong.

use std::{collections::HashSet, sync::Arc};

use netboot_ebpf::shared::Station;

use super::{
    Summary,
    kept::{Cut, Form, Kept, lines_in},
    state::{Own, State},
};
use crate::{
    config::{
        InventoryFormat, Problems,
        check::{Missing, check_hosts},
        host::DraftHost,
        inventory::{csv, machine, tables},
        problem::{Keep, Report},
        read::Draft,
        source::Source,
    },
    model::{Difference, Host, Located},
};

/// Where other rules hold than within a file.
const MARK: &[u8] = "\u{feff}".as_bytes();

impl State {
    /// Takes over the hosts that changed in a file, which has these bytes now; `None`: nothing was
    /// taken over.
    pub(super) fn part(
        &mut self,
        at: usize,
        new: Vec<u8>,
    ) -> Option<(Difference, Problems, Summary)> {
        if self.draft.left_out {
            return None;
        }
        let kept = self.files.get(at)?;
        let cut = kept.cut(&new).or_else(|| kept.whole(&new))?;
        let report = Report::new(Keep::Few);
        let hosts = read(kept, &cut, &new, &mut self.draft, at, &report)?;
        self.draft.hosts = hosts;
        check_hosts(&mut self.draft, Missing::Allowed, &report);
        let hosts = std::mem::take(&mut self.draft.hosts);
        let (errors, warnings) = report.into_sorted(&self.paths());
        if !errors.is_empty() {
            return None;
        }
        let lines: Vec<_> = hosts.iter().filter_map(|host| host.place.line).collect();
        let located = Located::new(&self.draft.config.subnets);
        if hosts.iter().any(|host| host.macs.is_empty()) {
            return None;
        }
        let mut hosts: Vec<_> =
            hosts.into_iter().flat_map(|host| host.finish(&located)).map(Arc::new).collect();
        let kept = self.files.get(at)?;
        let machines = kept.hosts.get(cut.hosts.clone())?;
        let others = kept.hosts.len() - machines.len();
        if kept.hosts.is_empty() || others + hosts.len() == 0 {
            return None;
        }
        let before = &self.stations(machines)[..];
        let old: Vec<_> = before.iter().filter_map(|old| self.hosts.by_station(*old)).collect();
        let own = self.own_after(&old, &hosts)?;
        self.are_free(&hosts, before).then_some(())?;
        let (difference, summary) = self.compare(before, &mut hosts);
        self.own = own;
        self.hosts.apply(&difference);
        let machines = hosts.iter().filter(|host| host.is_first()).map(|host| host.station());
        let kept = self.files.get_mut(at)?;
        let is_whole = cut.old == (0..kept.bytes.len());
        kept.replace(&cut, new, machines, &lines);
        let known = std::mem::take(&mut self.known);
        let said = if is_whole { known.new_of(warnings.clone()) } else { warnings.clone() };
        self.known = known;
        self.known.replace(kept, &warnings);
        Some((difference, said, summary))
    }

    /// How many hosts have what the whole is warned of, if that goes for the same reasons as before.
    fn own_after(&self, old: &[Arc<Host>], new: &[Arc<Host>]) -> Option<Own> {
        let of =
            |hosts: &[Arc<Host>]| Own::of(&self.draft.config, hosts.iter().map(|host| &**host));
        let (old, new) = (of(old), of(new));
        let own = Own {
            scripts: (self.own.scripts + new.scripts).checked_sub(old.scripts)?,
            boot_files: (self.own.boot_files + new.boot_files).checked_sub(old.boot_files)?,
        };
        let is_any = |own: Own| (own.scripts > 0, own.boot_files > 0);
        (is_any(own) == is_any(self.own)).then_some(own)
    }

    /// Whether nobody has the hosts' stations and addresses, but those that they come after. An address is had by the first
    /// MAC of a machine.
    fn are_free(&self, hosts: &[Arc<Host>], before: &[Station]) -> bool {
        let before: HashSet<_> = before.iter().collect();
        let (mut stations, mut addresses) = (HashSet::new(), HashSet::new());
        hosts.iter().all(|host| {
            let owner = self.hosts.by_ip(host.ip).map(|owner| owner.station());
            let known = self.hosts.by_station(host.station()).map(|known| known.station());
            stations.insert(host.station())
                && host.address().is_none_or(|ip| !host.is_first() || addresses.insert(ip))
                && [owner, known].into_iter().flatten().all(|taken| before.contains(&taken))
        })
    }
}

/// The hosts of what changed.
fn read(
    kept: &Kept,
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
        Source::part(Arc::clone(&kept.path), bytes.to_vec(), before, report)
    };
    let text = source(part, cut.new.start)?;
    let first = cut.hosts.start;
    match kept.form {
        Form::Main => {
            is_hosts_alone(kept, cut)?;
            ends_a_line(part, cut)?;
            tables::read(&text, first, report)
        }
        Form::Inventory(InventoryFormat::Toml) => {
            ends_a_line(part, cut)?;
            tables::read(&text, first, report)
        }
        // The first record names the columns.
        Form::Inventory(InventoryFormat::Csv) if cut.new.start == 0 => {
            csv::read(&text, !draft.config.dhcp.mode.is_proxy(), report)
        }
        Form::Inventory(InventoryFormat::Csv) => {
            let head = source(new.get(..*kept.starts.first()?)?, 0)?;
            csv::read_lines(&head, &text, cut.follow, report)
        }
        Form::Inventory(InventoryFormat::Yaml) => read_yaml(&text, draft, at, report),
    }
}

/// What went had no settings either.
fn is_hosts_alone(kept: &Kept, cut: &Cut) -> Option<()> {
    let scratch = Report::default();
    let old = kept.bytes.get(cut.old.clone())?.to_vec();
    let old = Source::part(Arc::clone(&kept.path), old, 0, &scratch)?;
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
    source: &Source,
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
