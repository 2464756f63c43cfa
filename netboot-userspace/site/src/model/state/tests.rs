//! Tests of states and their differences.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use netboot_ebpf::shared::{Mac, Station};
use proptest::{collection::vec, prelude::*};

use super::{Difference, OtherSettings, State};
use crate::model::{Config, Host, Inventory, OwnFile};

/// A machine by the numbers of its MACs, its address's and its boot file's.
type Machine = (Vec<u8>, u8, u8);

fn machines() -> impl Strategy<Value = Vec<Machine>> {
    vec((vec(0_u8..12, 1..4), 0_u8..8, 0_u8..3), 0..8)
}

fn mac(last: u8) -> Mac {
    Mac { octets: [2, 0, 0, 0, 0, last] }
}

/// Each MAC and each address is the first machine's that names it. Address 0 is none.
fn hosts(machines: &[Machine]) -> Vec<Arc<Host>> {
    let (mut taken, mut addresses, mut hosts) = (Vec::new(), vec![0], Vec::new());
    for (macs, address, file) in machines {
        let mut own = Vec::new();
        for mac in macs.iter().copied().map(mac) {
            if !taken.contains(&mac) {
                taken.push(mac);
                own.push(mac);
            }
        }
        let Some(first) = own.first().copied() else { continue };
        let ip = if addresses.contains(address) { 0 } else { *address };
        addresses.push(ip);
        let host = Host {
            mac: first,
            nics: if own.len() > 1 { own.into() } else { Default::default() },
            ip: if ip == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 0, 0, ip) },
            boot_file: (*file > 0).then(|| format!("file{file}")),
            ..Host::default()
        };
        hosts.extend(host.for_each_mac().map(Arc::new));
    }
    hosts
}

fn state(machines: &[Machine]) -> State {
    State::new(Config { hosts: hosts(machines), ..Config::unconfigured() })
}

type Said = (Vec<Arc<Host>>, Vec<Option<Arc<Host>>>, Vec<OwnFile>);

/// All that an inventory says of its machines.
fn said(hosts: &Inventory) -> Said {
    let by_ip = (0..8).map(|last| hosts.by_ip(Ipv4Addr::new(10, 0, 0, last)));
    (hosts.all(), by_ip.collect(), hosts.own_files())
}

fn difference(before: &State, after: &[Machine]) -> Difference {
    let stations: Vec<Station> = before.hosts.all().iter().map(|host| host.station()).collect();
    Difference::between(&before.hosts, &stations, &mut hosts(after))
}

/// The numbers of machines that came, are other and went, by what a machine is: its set of MACs.
fn counted(before: &State, after: &State) -> (usize, usize, usize) {
    let machines = |state: &State| -> BTreeMap<Vec<Mac>, Arc<Host>> {
        let all = state.hosts.all().into_iter().filter(|host| host.is_first());
        all.map(|host| (host.macs().to_vec(), host)).collect()
    };
    let (before, after) = (machines(before), machines(after));
    let known = |all: &BTreeMap<Vec<Mac>, Arc<Host>>, macs: &[Mac]| {
        all.keys().any(|own| own.iter().any(|mac| macs.contains(mac)))
    };
    let added = after.keys().filter(|macs| !known(&before, macs)).count();
    let same = after.iter().filter(|(macs, host)| before.get(*macs) == Some(host)).count();
    let removed = before.keys().filter(|macs| !known(&after, macs)).count();
    (added, after.len() - added - same, removed)
}

proptest! {
    #[test]
    fn a_flip_leads_back(before in machines(), after in machines()) {
        let (mut state, wanted) = (state(&before), state(&after));
        let was = said(&state.hosts);
        let difference = difference(&state, &after);
        prop_assert_eq!(difference.is_empty(), state.hosts.all() == wanted.hosts.all());
        let summary = difference.summary();
        prop_assert_eq!(
            (summary.added, summary.changed, summary.removed),
            counted(&state, &wanted)
        );
        state.apply(&difference);
        prop_assert_eq!(said(&state.hosts), said(&wanted.hosts));
        state.apply(&difference.flip());
        prop_assert_eq!(said(&state.hosts), was);
        prop_assert_eq!(difference.flip().flip(), difference);
    }
}

#[test]
fn settings_lead_back_too() {
    let mut state = state(&[(vec![1], 1, 0)]);
    let before = Arc::clone(&state.settings);
    let mut after = (*before).clone();
    after.dhcp.authoritative = false;
    let named = vec!["dhcp".to_owned()];
    let settings = OtherSettings { before, after: Arc::new(after), named };
    let difference = Difference { settings: Some(settings), ..Difference::default() };
    assert!(!difference.is_empty());
    assert_eq!(
        difference.summary().to_string(),
        "0 hosts added, 0 changed, 0 removed; settings changed: dhcp"
    );
    state.apply(&difference);
    assert!(!state.settings.dhcp.authoritative);
    state.apply(&difference.flip());
    assert!(state.settings.dhcp.authoritative);
    assert_eq!(state.hosts.all().len(), 1);
}
