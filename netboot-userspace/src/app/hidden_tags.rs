//! Interfaces whose VLAN tags an XDP program does not see.

use netboot_answer::tables::Tables;
use netboot_base::links::{Link, VlanOffload};
use netboot_ebpf::shared::Vlan;

/// Why the program must not answer on an interface: it would take a VLAN's frames for untagged ones, or
/// for another VLAN's.
pub(super) fn hidden_tags(link: &Link, tables: &Tables) -> Option<String> {
    if tables.reservations.keys().all(|station| station.vlan == Vlan::NONE) {
        return None;
    }
    let name = &link.name;
    match &link.vlan_offload {
        VlanOffload::Off => None,
        VlanOffload::On(features) => {
            let commands: Vec<_> = features
                .iter()
                .map(|feature| format!("`ethtool -K {name} {feature} off`"))
                .collect();
            Some(format!(
                "there are machines in VLANs, and {name} takes the tags off before an XDP program sees a frame: \
                 {} and a restart let the kernel answer",
                commands.join(", ")
            ))
        }
        VlanOffload::Unknown(why) => Some(format!(
            "there are machines in VLANs, and whether {name} takes the tags off before an XDP program sees a frame \
             cannot be told ({why}): answer in userspace there (xdp.mode = \"auto\" or \"off\")"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use netboot_ebpf::shared::{Reservation, Station};
    use zerocopy::FromZeros as _;

    use super::*;

    #[track_caller]
    fn check(vlan: Vlan, vlan_offload: VlanOffload, expect: Option<&str>) {
        let station = Station { vlan, ..Station::default() };
        let tables = Tables {
            reservations: BTreeMap::from([(station, Reservation::new_zeroed())]),
            ..Tables::default()
        };
        let loopback = netboot_base::links::all().unwrap().remove("lo").unwrap();
        let found = hidden_tags(&Link { vlan_offload, ..loopback }, &tables);
        match (&found, expect) {
            (Some(found), Some(expect)) => assert!(found.contains(expect), "{found}"),
            _ => assert_eq!(found.as_deref(), expect),
        }
    }

    #[test]
    fn the_program_must_see_tags() {
        let both = || VlanOffload::On(vec!["rxvlan", "rx-vlan-stag-hw-parse"]);
        let tagged = Vlan { ids: [7, 0] };
        let commands = "`ethtool -K lo rxvlan off`, `ethtool -K lo rx-vlan-stag-hw-parse off`";
        check(Vlan::NONE, both(), None);
        check(tagged, both(), Some(commands));
        check(tagged, VlanOffload::Unknown("why".to_owned()), Some("cannot be told (why)"));
        check(tagged, VlanOffload::Off, None);
    }
}
