//! `vlan = 100`, `vlan = [200, 100]`: the outer tag first.

use std::fmt;

use netboot_ebpf::shared::{Station, Vlan};
use toml::de::DeValue;

use super::value::number;

/// The VLAN of a machine's frames.
pub(crate) fn vlan(value: &DeValue<'_>) -> Result<Vlan, String> {
    let Some(list) = value.as_array() else { return Ok(Vlan { ids: [vlan_id(value)?, 0] }) };
    let ids: Vec<u16> =
        list.iter().map(|id| vlan_id(id.get_ref())).collect::<Result<_, String>>()?;
    match ids[..] {
        [id] => Ok(Vlan { ids: [id, 0] }),
        [outer, inner] => Ok(Vlan { ids: [outer, inner] }),
        _ => Err("write one VLAN id, or the outer and the inner one: [200, 100]".to_owned()),
    }
}

/// IEEE 802.1Q section 9.6: 0 is no VLAN, 4095 is reserved.
pub(crate) fn vlan_id(value: &DeValue<'_>) -> Result<u16, String> {
    match number(value)? {
        id @ 1..=4094 => Ok(id),
        id => Err(format!("{id} is no VLAN id: 1 to 4094 are")),
    }
}

/// A VLAN as messages name it.
pub struct ShownVlan(pub Vlan);

impl fmt::Display for ShownVlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.ids {
            [0, _] => f.write_str("no VLAN"),
            [id, 0] => write!(f, "VLAN {id}"),
            [outer, inner] => write!(f, "VLAN {outer}, {inner}"),
        }
    }
}

/// A VLAN as the configuration has it.
pub(crate) struct WrittenVlan(pub(crate) Vlan);

impl fmt::Display for WrittenVlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.ids {
            [id, 0] => write!(f, "{id}"),
            [outer, inner] => write!(f, "[{outer}, {inner}]"),
        }
    }
}

/// A station as messages name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShownStation(pub(crate) Station);

impl fmt::Display for ShownStation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Station { mac, vlan } = self.0;
        write!(f, "{mac}")?;
        if vlan == Vlan::NONE { Ok(()) } else { write!(f, " in {}", ShownVlan(vlan)) }
    }
}
