//! What a part of the configuration is judged by.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_ebpf::shared::Station;

use super::{Kept, Summary, kept::Form};
use crate::{
    config::{Candidate, InventoryFormat, Loaded, Problem, Problems, read::Draft},
    model::{BootFile, Config, Difference, Host, Inventory, Located},
};

/// A good configuration, with the bytes that it was read from.
#[derive(Debug)]
pub(super) struct State {
    /// Without hosts.
    pub(super) draft: Draft,
    /// The configuration file, and the inventory files in its order.
    pub(super) files: Vec<Kept>,
    pub(super) hosts: Inventory,
    pub(super) own: Own,
    pub(super) known: Known,
}

/// What was warned of, wherever it stands now.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    warnings: HashSet<Problem>,
    /// How many more there were.
    left_out: usize,
}

impl Known {
    fn of(warnings: &Problems) -> Self {
        let left_out = warnings.left_out();
        Self { warnings: warnings.kept().iter().map(elsewhere).collect(), left_out }
    }

    /// Those that were not warned of.
    pub(super) fn new_of(&self, mut warnings: Problems) -> Problems {
        let left_out = warnings.left_out().saturating_sub(self.left_out);
        warnings.retain(left_out, |warning| !self.warnings.contains(&elsewhere(warning)));
        warnings
    }

    /// Takes over those of a file's hosts, where some of them were read again. What may have gone with the others
    /// is said once more when all is read.
    pub(super) fn replace(&mut self, kept: &Kept, warnings: &Problems) {
        let is_host = |field: &str| kept.form != Form::Main || field.starts_with("host");
        self.warnings.retain(|warning| warning.file != *kept.path || !is_host(&warning.field));
        self.warnings.extend(warnings.kept().iter().map(elsewhere));
    }
}

/// Lines that are added before it make it no other.
fn elsewhere(warning: &Problem) -> Problem {
    let mut warning = warning.clone();
    warning.line = None;
    warning
}

/// How many hosts have what the configuration is warned of as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// They get the default script for sure.
    pub(super) scripts: usize,
    pub(super) boot_files: usize,
}

impl Own {
    pub(super) fn of<'h>(config: &Config, hosts: impl IntoIterator<Item = &'h Host>) -> Self {
        let subnets = Located::new(&config.subnets);
        let mut own = Self::default();
        for host in hosts {
            own.scripts += usize::from(Candidate::of(host).is_surely_sent(config, &subnets));
            let own_file = host.boot_file.as_deref().and_then(BootFile::of_host);
            own.boot_files += usize::from(own_file.is_some());
        }
        own
    }
}

impl State {
    pub(super) fn new(loaded: &Loaded, draft: Draft, mut bytes: HashMap<PathBuf, Vec<u8>>) -> Self {
        let config = &loaded.config;
        let mut placed = config.hosts.iter().zip(&loaded.origins).peekable();
        let mut files = Vec::new();
        for (at, path) in loaded.files.iter().enumerate() {
            let (mut hosts, mut lines) = (Vec::new(), Vec::new());
            while let Some((host, origin)) = placed.next_if(|(_, origin)| is_in(&origin.file, path))
            {
                if host.is_first() {
                    hosts.push(host.station());
                    lines.push(origin.line);
                }
            }
            let form = match at {
                0 => Form::Main,
                _ => Form::Inventory(InventoryFormat::of(path)),
            };
            let bytes = bytes.remove(path).unwrap_or_default();
            files.push(Kept::new(path.clone(), form, bytes, hosts, &lines));
        }
        Self {
            files,
            hosts: Inventory::new(config.hosts.iter().cloned()),
            own: Own::of(config, config.hosts.iter().map(|host| &**host)),
            known: Known::of(&loaded.warnings),
            draft,
        }
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|kept| kept.path.to_path_buf()).collect()
    }

    /// What makes these hosts of those here; those that are the same become those here.
    pub(super) fn difference(&self, hosts: &mut [Arc<Host>]) -> (Difference, Summary) {
        let mut before = Vec::new();
        for kept in &self.files {
            before.extend(self.stations(&kept.hosts));
        }
        self.compare(&before, hosts)
    }

    /// All stations of machines that are here.
    pub(super) fn stations(&self, machines: &[Station]) -> Vec<Station> {
        let mut stations = Vec::with_capacity(machines.len());
        for first in machines {
            if let Some(host) = self.hosts.by_station(*first) {
                stations.extend(host.stations());
            }
        }
        stations
    }

    /// The same, of some of those here.
    pub(super) fn compare(
        &self,
        before: &[Station],
        hosts: &mut [Arc<Host>],
    ) -> (Difference, Summary) {
        let mut difference = Difference::default();
        let mut summary = Summary::default();
        let mut stay = HashSet::with_capacity(hosts.len());
        let is_here = |station: &Station| self.hosts.by_station(*station).is_some();
        for host in hosts {
            stay.insert(host.station());
            match self.hosts.by_station(host.station()) {
                Some(old) if old == *host => {
                    *host = old;
                    continue;
                }
                Some(_) if host.is_first() => summary.changed += 1,
                // By another MAC it was here.
                None if host.is_first() && host.stations().any(|own| is_here(&own)) => {
                    summary.changed += 1;
                }
                None if host.is_first() => summary.added += 1,
                _ => {}
            }
            difference.set.push(Arc::clone(host));
        }
        let gone = before.iter().filter(|station| !stay.contains(station));
        difference.removed = gone.copied().collect();
        let machines = difference.removed.iter().filter_map(|gone| self.hosts.by_station(*gone));
        let is_gone = |host: &Arc<Host>| {
            host.is_first() && !host.stations().any(|station| stay.contains(&station))
        };
        summary.removed = machines.filter(is_gone).count();
        (difference, summary)
    }
}

fn is_in(file: &Arc<Path>, path: &Path) -> bool {
    **file == *path
}
