//! A difference between two states, which can be reversed.

use std::{collections::HashSet, sync::Arc};

use netboot_ebpf::shared::Station;

use super::Summary;
use crate::model::{Host, Inventory, Settings};

/// Everything that differs between a state and the next one. A host with several MACs is one for each of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    pub added: Vec<Arc<Host>>,
    pub changed: Vec<Changed>,
    pub removed: Vec<Arc<Host>>,
    /// `None`: the settings are the same.
    pub settings: Option<OtherSettings>,
}

/// A host that has the same MAC and VLAN before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub before: Arc<Host>,
    pub after: Arc<Host>,
}

/// Settings before and after.
#[derive(Clone, Debug)]
pub struct OtherSettings {
    pub before: Arc<Settings>,
    pub after: Arc<Settings>,
    /// The sections that differ, without those that take a restart: `dhcp`, `subnet 10.0.0.0/24`.
    pub named: Vec<String>,
}

/// By identity: settings that are equal are not told apart from each other by a [`Difference`] that has none.
impl PartialEq for OtherSettings {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.before, &other.before) && Arc::ptr_eq(&self.after, &other.after)
    }
}

impl Difference {
    /// The difference that puts these hosts in the place of some `stations` of an inventory. A host that is as it was
    /// becomes the inventory's own.
    #[must_use]
    pub fn between(inventory: &Inventory, stations: &[Station], hosts: &mut [Arc<Host>]) -> Self {
        let mut difference = Self::default();
        let mut stay = HashSet::with_capacity(hosts.len());
        for host in hosts {
            stay.insert(host.station());
            match inventory.by_station(host.station()) {
                Some(old) if old == *host => *host = old,
                Some(before) => {
                    difference.changed.push(Changed { before, after: Arc::clone(host) });
                }
                None => difference.added.push(Arc::clone(host)),
            }
        }
        let gone = stations.iter().filter(|station| !stay.contains(station));
        difference.removed = gone.filter_map(|station| inventory.by_station(*station)).collect();
        difference
    }

    /// The difference that leads back.
    #[must_use]
    pub fn flip(&self) -> Self {
        let back = |changed: &Changed| Changed {
            before: Arc::clone(&changed.after),
            after: Arc::clone(&changed.before),
        };
        Self {
            added: self.removed.clone(),
            changed: self.changed.iter().map(back).collect(),
            removed: self.added.clone(),
            settings: self.settings.as_ref().map(|settings| OtherSettings {
                before: Arc::clone(&settings.after),
                after: Arc::clone(&settings.before),
                named: settings.named.clone(),
            }),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_none() && self.hosts() == 0
    }

    /// How many hosts differ.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.added.len() + self.changed.len() + self.removed.len()
    }

    /// The hosts that are new or other, as they are after.
    pub fn set(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.added.iter().chain(self.changed.iter().map(|changed| &changed.after))
    }

    /// The hosts that are gone or other, as they were before.
    pub fn unset(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.removed.iter().chain(self.changed.iter().map(|changed| &changed.before))
    }

    /// The numbers of machines, and the names of settings.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let stations = |hosts: &[Arc<Host>]| -> HashSet<Station> {
            hosts.iter().map(|host| host.station()).collect()
        };
        let (added, removed) = (stations(&self.added), stations(&self.removed));
        let changed: HashSet<_> =
            self.changed.iter().map(|changed| changed.after.station()).collect();
        // A machine of several MACs goes by the first, and is the same one while it has any of them.
        let is_new = |host: &Host| host.is_first() && added.contains(&host.station());
        let came_by_another = |host: &Host| {
            host.stations().any(|own| changed.contains(&own) || removed.contains(&own))
        };
        let new = || self.added.iter().filter(|host| is_new(host));
        let other = self.changed.iter().filter(|changed| changed.after.is_first()).count();
        let renamed = new().filter(|host| came_by_another(host)).count();
        let goes_on =
            |host: &Host| host.stations().any(|own| changed.contains(&own) || added.contains(&own));
        let gone = self.removed.iter().filter(|host| host.is_first() && !goes_on(host));
        Summary {
            added: new().count() - renamed,
            changed: other + renamed,
            removed: gone.count(),
            settings: self.settings.as_ref().map(|own| own.named.clone()).unwrap_or_default(),
        }
    }
}
