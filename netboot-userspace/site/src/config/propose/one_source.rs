//! The judgement of what changed in one source, which leaves the rest unread.

use std::{collections::HashSet, sync::Arc};

use netboot_ebpf::shared::Station;

use super::{
    Proposal,
    judge::{HostCounts, Judge},
};
use crate::{
    config::{
        Problems,
        check::{Missing, check_hosts},
        problem::{Keep, Report},
        source::Replacement,
    },
    model::{Difference, Host, Inventory, Located},
};

/// What a judge knows of a source when the proposal is in force.
#[derive(Debug)]
pub(super) struct JudgedSource {
    pub(super) at: usize,
    /// The machines in the place of those that differ, and where they stand.
    pub(super) machines: Vec<Station>,
    pub(super) lines: Vec<usize>,
    pub(super) own: HostCounts,
    pub(super) warnings: Problems,
}

impl Judge {
    /// What a source proposes, which has something new. `None`: it has to be judged with all else.
    pub(super) fn part(
        &mut self,
        at: usize,
        inventory: &Inventory,
    ) -> Option<(Proposal, JudgedSource)> {
        if self.draft.left_out {
            return None;
        }
        let report = Report::new(Keep::Few);
        let part = self.sources.get_mut(at)?.differ(at, &mut self.draft, &report)?;
        let Replacement { machines: replaced, hosts, is_whole } = part;
        self.draft.hosts = hosts;
        check_hosts(&mut self.draft, Missing::Allowed, &report);
        let hosts = std::mem::take(&mut self.draft.hosts);
        let (errors, warnings) = report.into_sorted(&self.paths());
        if !errors.is_empty() || hosts.iter().any(|host| host.macs.is_empty()) {
            return None;
        }
        let lines = hosts.iter().filter_map(|host| host.place.line).collect();
        let located = Located::new(&self.draft.config.subnets);
        let mut hosts: Vec<_> =
            hosts.into_iter().flat_map(|host| host.finish(&located)).map(Arc::new).collect();
        let all = self.sources.get(at)?.machines();
        let replaced = all.get(replaced)?;
        let others = all.len() - replaced.len();
        // That there are none is said, or was.
        if all.is_empty() || others + hosts.len() == 0 {
            return None;
        }
        let before = stations(inventory, replaced);
        let old: Vec<_> = before.iter().filter_map(|old| inventory.by_station(*old)).collect();
        let own = self.own_after(&old, &hosts)?;
        are_free(inventory, &hosts, &before).then_some(())?;
        let difference = Difference::between(inventory, &before, &mut hosts);
        let machines = hosts.iter().filter(|host| host.is_first()).map(|host| host.station());
        let machines = machines.collect();
        let new = if is_whole { self.known.new_of(warnings.clone()) } else { warnings.clone() };
        let judged = JudgedSource { at, machines, lines, own, warnings };
        Some((Proposal { difference, warnings: new }, judged))
    }

    /// What was judged is in force.
    pub(super) fn take_over(&mut self, judged: JudgedSource) {
        let JudgedSource { at, machines, lines, own, warnings } = judged;
        let Some(source) = self.sources.get_mut(at) else { return };
        source.take_over(machines, &lines);
        self.own = own;
        self.known.replace(&**source, &warnings);
    }

    /// How many hosts have what the whole is warned of, if that goes for the same reasons as before.
    fn own_after(&self, old: &[Arc<Host>], new: &[Arc<Host>]) -> Option<HostCounts> {
        let of = |hosts: &[Arc<Host>]| {
            HostCounts::of(&self.draft.config, hosts.iter().map(|host| &**host))
        };
        let (old, new) = (of(old), of(new));
        let own = HostCounts {
            scripts: (self.own.scripts + new.scripts).checked_sub(old.scripts)?,
            boot_files: (self.own.boot_files + new.boot_files).checked_sub(old.boot_files)?,
        };
        let is_any = |own: HostCounts| (own.scripts > 0, own.boot_files > 0);
        (is_any(own) == is_any(self.own)).then_some(own)
    }
}

/// All stations of machines that are there, which are named by their first.
pub(super) fn stations(inventory: &Inventory, machines: &[Station]) -> Vec<Station> {
    let mut stations = Vec::with_capacity(machines.len());
    for first in machines {
        if let Some(host) = inventory.by_station(*first) {
            stations.extend(host.stations());
        }
    }
    stations
}

/// Whether nobody has the hosts' stations and addresses, but those that they come after. An address is had by the first
/// MAC of a machine.
fn are_free(inventory: &Inventory, hosts: &[Arc<Host>], before: &[Station]) -> bool {
    let before: HashSet<_> = before.iter().collect();
    let (mut stations, mut addresses) = (HashSet::new(), HashSet::new());
    hosts.iter().all(|host| {
        let owner = inventory.by_ip(host.ip).map(|owner| owner.station());
        let known = inventory.by_station(host.station()).map(|known| known.station());
        stations.insert(host.station())
            && host.address().is_none_or(|ip| !host.is_first() || addresses.insert(ip))
            && [owner, known].into_iter().flatten().all(|taken| before.contains(&taken))
    })
}
