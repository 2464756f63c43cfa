//! `vlan = 100` and `vlan = [200, 100]` in the form of the file.

use netboot_ebpf::shared;
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Vlan {
    One(u16),
    Two([u16; 2]),
}

/// Where there is one.
pub(super) fn vlan(vlan: shared::Vlan) -> Option<Vlan> {
    match vlan.ids {
        [0, _] => None,
        [id, 0] => Some(Vlan::One(id)),
        ids => Some(Vlan::Two(ids)),
    }
}
